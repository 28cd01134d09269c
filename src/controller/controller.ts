import { delay } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { ApiError, isRefused } from '../kube/errors.ts';
import type { Logger } from '../log.ts';
import type { WorkQueue } from '../workqueue/queue.ts';
import { Concurrency } from './concurrency.ts';
import type { ConcurrencyRange } from './concurrency.ts';
import { TerminalError, TransientError } from './outcome.ts';
import type { Outcome } from './outcome.ts';

export type ReconcileResult = 'success' | 'requeue_after' | 'error' | 'terminal';

export interface ControllerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  /** Brings what `key` names where it should be. `signal` aborts when the controller stops. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  readonly concurrency: ConcurrencyRange;
  readonly log: Logger;
  readonly onReconcile?: (result: ReconcileResult, durationMs: number) => void;
  /** How many keys may be worked on at once has changed. */
  readonly onConcurrency?: (places: number) => void;
  readonly clock: Clock;
}

/** After so many failures in a row a key is worth a warning; the first ones are the weather. */
const FAILURES_WORTH_A_WARNING = 4;

/** What the API server refuses is tried again for the case that a person changes the rule or the right that refused it. */
const REFUSED_MS = 5000;

/**
 * Takes keys from a queue and reconciles them until `signal` aborts; resolves when the last worker has put down its work.
 * What a reconcile throws decides what becomes of its key, and never reaches beyond it.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const bench: Bench = { ...options, pause: new Pause(), places: new Concurrency(options.concurrency) };
  options.onConcurrency?.(bench.places.count);
  await Promise.all(Array.from({ length: options.concurrency.most }, () => work(bench, signal)));
}

/** What the workers of one controller share. */
interface Bench extends ControllerOptions {
  readonly pause: Pause;
  readonly places: Concurrency;
}

async function work(bench: Bench, signal: AbortSignal): Promise<void> {
  const { queue, pause, places, clock } = bench;
  for (;;) {
    await places.enter(signal);
    const key = await queue.take(signal);
    if (key === undefined) return;
    try {
      await pause.over(clock, signal);
      // Stopped may mean that another process leads: nothing may begin any more.
      if (signal.aborted) return;
      await turn(bench, key, signal);
    } finally {
      queue.done(key);
      places.leave();
    }
  }
}

async function turn(bench: Bench, key: string, signal: AbortSignal): Promise<void> {
  const { queue, reconcile, onReconcile, clock, places } = bench;
  const startedAt = clock.monotonic();
  const conclude = (result: ReconcileResult): void => onReconcile?.(result, clock.monotonic() - startedAt);
  try {
    const outcome = await reconcile(key, signal);
    queue.forget(key);
    if (outcome.kind === 'requeue') queue.addAfter(key, outcome.afterMs, outcome.priority);
    if (places.noteSuccess(queue.length)) bench.onConcurrency?.(places.count);
    conclude(outcome.kind === 'requeue' ? 'requeue_after' : 'success');
  } catch (error) {
    if (!signal.aborted) conclude(fail(bench, key, error));
  }
}

function fail(bench: Bench, key: string, error: unknown): ReconcileResult {
  const { queue, log, name } = bench;
  if (error instanceof TerminalError) {
    queue.forget(key);
    log.error({ controller: name, key, err: error }, 'reconcile failed for good');
    return 'terminal';
  }
  const retryAfterMs = error instanceof TransientError || error instanceof ApiError ? error.retryAfterMs : undefined;
  // `Retry-After: 0` names no time; taken at its word it would be a tight loop.
  if (retryAfterMs === undefined || retryAfterMs <= 0) queue.addRateLimited(key, isRefused(error) ? REFUSED_MS : 0);
  else queue.addAfter(key, retryAfterMs);
  if (error instanceof ApiError && retryAfterMs !== undefined) slowDown(bench, retryAfterMs);
  const level = queue.failures(key) >= FAILURES_WORTH_A_WARNING ? 'warn' : 'debug';
  log[level]({ controller: name, key, err: error }, 'reconcile failed, trying again');
  return 'error';
}

/** The API server names a time when it is overloaded: that is meant for everyone, not for one key. */
function slowDown({ pause, places, clock, onConcurrency }: Bench, retryAfterMs: number): void {
  pause.until(clock.monotonic() + retryAfterMs);
  places.halve();
  onConcurrency?.(places.count);
}

/** A time before which no work begins. */
class Pause {
  #until = 0;

  until(time: number): void {
    this.#until = Math.max(this.#until, time);
  }

  async over(clock: Clock, signal: AbortSignal): Promise<void> {
    for (
      let left = this.#until - clock.monotonic();
      left > 0 && !signal.aborted;
      left = this.#until - clock.monotonic()
    ) {
      await delay(clock, left, signal);
    }
  }
}
