import type { Clock } from '../../base/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time forward and calls what became due, in order. */
  advance(ms: number): void;
  /** Milliseconds until each timer that is set. */
  readonly pending: readonly number[];
}

export function manualClock(): ManualClock {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    monotonic: () => now,
    after(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      now += ms;
      for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
        if (timer.at <= now && timers.delete(timer)) timer.callback();
      }
    },
    get pending() {
      return [...timers].map(({ at }) => at - now);
    },
  };
}
