import { describe, expect, it } from '@jest/globals';
import { WritePace } from './write-pace.ts';

describe('the pace of one device', () => {
  it('writes the first reported value at once and then one an interval', () => {
    const pace = new WritePace();
    expect(pace.waitMs('reported', 0, 1000)).toBe(0);
    pace.note(0, 1000, true);
    expect(pace.waitMs('reported', 300, 1000)).toBe(700);
    expect(pace.waitMs('reported', 1000, 1000)).toBe(0);
  });

  it('lets a decision pass at once, and makes a device that flaps wait for the next interval', () => {
    const pace = new WritePace();
    const waits = Array.from({ length: 7 }, (_, at) => {
      const wait = pace.waitMs('sync', at, 1000);
      if (wait === 0) pace.note(at, 1000, true);
      return wait;
    });
    expect(waits).toEqual([0, 0, 0, 0, 0, 995, 994]);
    expect(pace.waitMs('online', 1000, 1000)).toBe(0);
  });

  it('never holds back a heartbeat, which has a budget of its own', () => {
    const pace = new WritePace();
    for (let at = 0; at < 9; at += 1) pace.note(at, 1000, true);
    expect(pace.waitMs('heartbeat', 9, 1000)).toBe(0);
  });

  it('rests after long looks, in proportion, and a second at most', () => {
    const pace = new WritePace();
    pace.noteLook('status', 0, 30);
    pace.noteLook('status', 100, 130);
    expect(pace.restMs(130)).toBe(270);
    expect(pace.restMs(400)).toBe(0);
    pace.noteLook('status', 1000, 3000);
    pace.noteLook('status', 3000, 5000);
    expect(pace.restMs(5000)).toBe(1000);
  });

  it('takes one long look for chance, and short ones for nothing', () => {
    const pace = new WritePace();
    pace.noteLook('status', 0, 1);
    pace.noteLook('status', 10, 60);
    expect(pace.restMs(60)).toBe(0);
    pace.noteLook('desired', 60, 110);
    expect(pace.restMs(110)).toBe(0);
    pace.noteLook('status', 110, 111);
    pace.noteLook('status', 120, 170);
    expect(pace.restMs(170)).toBe(0);
  });
});
