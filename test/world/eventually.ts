import { messageOf } from '../../src/base/message-of.ts';
/** Waits for what must become true, without a fixed sleep and with the reason when it does not. */

export interface EventuallyOptions {
  /** Generous: it is paid in full only by a failure. */
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** Gives up at once, with the signal's reason: what was waited for can no longer come. */
  readonly signal?: AbortSignal;
}

/**
 * Calls `check` until it neither throws nor rejects, and resolves with what it returned.
 * Rejects after the timeout (30 s) with `claim`, the number of tries and the last failure.
 */
export async function eventually<T>(
  claim: string,
  check: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<T> {
  const { timeoutMs = 30_000, intervalMs = 20, signal } = options;
  const deadline = performance.now() + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await check();
    } catch (cause) {
      if (signal?.aborted === true) throw new Error(`${claim}: ${messageOf(signal.reason)}`, { cause });
      if (performance.now() >= deadline) {
        const failure = `not within ${timeoutMs} ms (${attempt} tries): ${claim}`;
        throw new Error(`${failure}\nlast failure: ${messageOf(cause)}`, { cause });
      }
    }
    // Slower and slower, so that a long wait does not take the processor from what it waits for.
    await pause(Math.min(intervalMs * 1.2 ** attempt, 250));
  }
}

/** Checks over and over for `durationMs` that `check` does not throw: for what must not happen. */
export async function throughout(claim: string, durationMs: number, check: () => unknown): Promise<void> {
  const end = performance.now() + durationMs;
  while (performance.now() < end) {
    try {
      await check();
    } catch (cause) {
      throw new Error(`did not hold: ${claim}\n${messageOf(cause)}`, { cause });
    }
    await pause(Math.min(50, Math.max(1, end - performance.now())));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
