import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { AnswerWatch } from './answer-watch.ts';

function setUp() {
  const clock = new FakeClock();
  const overdue: string[] = [];
  const watch = new AnswerWatch(clock, 10_000);
  return { clock, overdue, watch, ask: (name: string) => watch.expect(() => overdue.push(name)) };
}

describe('AnswerWatch', () => {
  it('says which answers did not come, once', async () => {
    const { clock, overdue, ask } = setUp();
    const answered = ask('a');
    ask('b');
    answered();
    await clock.advance(10_000);
    expect(overdue).toEqual([]);
    await clock.advance(30_000);
    expect(overdue).toEqual(['b']);
  });

  it('gives what is asked later its own time', async () => {
    const { clock, overdue, ask } = setUp();
    ask('a');
    await clock.advance(8000);
    ask('b');
    await clock.advance(4000);
    expect(overdue).toEqual(['a']);
    await clock.advance(8000);
    expect(overdue).toEqual(['a', 'b']);
  });

  it('does not take a freeze of its own process for silence', async () => {
    const callbacks: (() => void)[] = [];
    const frozen = {
      now: () => 0,
      monotonic: () => 60_000,
      after: (_: number, callback: () => void) => {
        callbacks.push(callback);
        return () => {};
      },
    };
    const overdue: string[] = [];
    new AnswerWatch(frozen, 10_000).expect(() => overdue.push('a'));
    for (const wake of callbacks.splice(0)) wake();
    expect(overdue).toEqual([]);
  });

  it('leaves no timer behind', async () => {
    const { clock, ask, watch } = setUp();
    ask('a')();
    await clock.advance(2000);
    expect(clock.pendingTimers).toBe(0);
    ask('b');
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
