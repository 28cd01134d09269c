import { ApiError, TransportError, retryAfterOf } from '../../kube/errors.ts';

const MOST_TRIES = 8;

/** Makes a request until it is answered: one that may be made again, because it changes nothing the second time. Rejects with what is not over by itself. */
export async function patiently<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await request();
    } catch (error) {
      if (!isPassing(error) || tries === MOST_TRIES || signal.aborted) throw error;
      await pause(Math.max(retryAfterOf(error), 100 * 2 ** tries), signal);
    }
  }
}

/** What is over by itself: no answer, too many requests, a server that starts. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof TransportError || (error instanceof ApiError && (error.status === 429 || error.status >= 500))
  );
}

/** Not `delay` of the clock, whose timers keep no process alive: a command that waits must live. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms));
    signal.addEventListener('abort', done);
  });
}
