import type { Clock } from '../base/clock.ts';

/**
 * A timer, then one turn of the event loop: between the two lies the poll phase, in which sockets are read. What a broker takes is
 * counted in ticks, so that a process that was frozen does not take its freeze for the broker's. Ends at once when `stop` aborts.
 */
export function tick(clock: Clock, tickMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      stop.removeEventListener('abort', finish);
      cancel();
      resolve();
    };
    const cancel = clock.after(tickMs, () => setImmediate(finish));
    stop.addEventListener('abort', finish, { once: true });
    if (stop.aborted) finish();
  });
}
