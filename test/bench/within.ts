/** A benchmark that waits for what never comes tells what it waited for instead of hanging. */

/** Far above what any single step takes on a busy machine. */
const STEP_MS = 60_000;

/** As `promise`, but rejects with `claim` when that takes longer than `limitMs`. */
export async function within<T>(claim: string, promise: Promise<T>, limitMs = STEP_MS): Promise<T> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => limit.reject(new Error(`not within ${limitMs / 1000} s: ${claim}`)), limitMs);
  try {
    return await Promise.race([promise, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}
