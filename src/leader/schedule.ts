import { delay } from '../base/clock.ts';
import type { Runtime } from '../base/runtime.ts';

/** Something to be done again and again. */
export interface Job {
  readonly name: string;
  readonly everyMs: number;
  /** Synchronous and short. `elapsedMs` since it ran last. */
  readonly run: (elapsedMs: number) => void;
}

/** How often it is looked which jobs are due. */
export const TICK_MS = 250;
/** A tick that takes longer delays every message and every write. */
const LONG_MS = 200;

/** Runs each job about every `everyMs`, which is no less than a tick, in the order of the list, until `signal` aborts. `onProgress` is told of each tick. */
export async function runJobs(
  jobs: readonly Job[],
  { clock, log }: Runtime,
  onProgress: () => void,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = clock.monotonic();
  const plans = jobs.map((job) => ({ job, ranAt: startedAt, dueAt: startedAt + TICK_MS }));
  while (!signal.aborted) {
    await delay(clock, TICK_MS, signal);
    if (signal.aborted) return;
    for (const plan of plans) {
      const now = clock.monotonic();
      // The tick that is nearest: timers are not exact.
      if (now < plan.dueAt - TICK_MS / 2) continue;
      plan.job.run(now - plan.ranAt);
      plan.ranAt = now;
      plan.dueAt = now + plan.job.everyMs;
      const tookMs = clock.monotonic() - now;
      if (tookMs > LONG_MS) log.debug({ job: plan.job.name, tookMs: Math.round(tookMs) }, 'a job took long');
    }
    onProgress();
  }
}
