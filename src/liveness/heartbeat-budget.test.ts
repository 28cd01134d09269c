import { describe, expect, it } from '@jest/globals';
import { HeartbeatBudget } from './heartbeat-budget.ts';

function budgetWith(perSecond: number, ...devices: string[]): HeartbeatBudget {
  const budget = new HeartbeatBudget(perSecond);
  for (const device of devices) budget.add(device);
  return budget;
}

describe('the heartbeat budget', () => {
  it('lets those go first that wait longest, each once', () => {
    const budget = budgetWith(2, 'a', 'b', 'c', 'a');
    expect(budget.take(1000)).toEqual(['a', 'b']);
    budget.add('a');
    expect(budget.take(1000)).toEqual(['c', 'a']);
    expect(budget.waiting).toBe(0);
  });

  it('does not move to the end who asks again', () => {
    const budget = budgetWith(1, 'a', 'b');
    budget.add('a');
    expect(budget.take(1000)).toEqual(['a']);
  });

  it('passes over whose heartbeat was written with something else', () => {
    const budget = budgetWith(1, 'a', 'b');
    budget.remove('a');
    expect(budget.take(1000)).toEqual(['b']);
  });

  it('gives each device of a large fleet its turn', () => {
    const devices = Array.from({ length: 1000 }, (_, index) => `d${index}`);
    const budget = budgetWith(20, ...devices);
    const seen = new Set<string>();
    for (let ticks = 0; ticks < 500; ticks += 1) {
      for (const device of budget.take(100)) {
        seen.add(device);
        budget.add(device);
      }
    }
    expect(seen.size).toBe(1000);
  });

  it.each([
    [20, 60_000, 21],
    [1, 60_000, 2],
    [0.5, 60_000, 1],
    [0, 3_600_000, 0],
  ])('of %d a second has not saved up more after %i ms than %i', (perSecond, elapsedMs, expected) => {
    const devices = Array.from({ length: 100 }, (_, index) => `d${index}`);
    expect(budgetWith(perSecond, ...devices).take(elapsedMs)).toHaveLength(expected);
  });

  it.each([0.1, 0.5, 1, 1.5, 7])('keeps to its rate of %d a second in the long run', (perSecond) => {
    const budget = new HeartbeatBudget(perSecond);
    let turns = 0;
    for (let ticks = 0; ticks < 10_000; ticks += 1) {
      for (let device = 0; device < 10; device += 1) budget.add(`d${device}`);
      turns += budget.take(100).length;
    }
    expect(Math.abs(turns - 1000 * perSecond)).toBeLessThanOrEqual(1);
  });
});
