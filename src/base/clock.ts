/** Time as a dependency, so that no test waits for the wall clock. */
export interface Clock {
  /** Wall-clock milliseconds since the epoch: for timestamps that people read, never for intervals. */
  now(): number;
  /** Milliseconds on a clock that never goes back: for intervals and deadlines. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`; the returned function cancels it. Never keeps the process alive by itself. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    // Above this a timer fires at once; whoever waits longer looks again.
    const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once (without error) when `signal` aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
