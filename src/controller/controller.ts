import type { Clock } from '../base/clock.ts';
import { ApiError, isRefused } from '../kube/errors.ts';
import type { Logger } from '../base/log.ts';
import type { WorkQueue } from '../workqueue/queue.ts';
import { Breath } from '../base/breath.ts';
import type { Concurrency } from './concurrency.ts';
import { Overload } from './overload.ts';
import type { Outcome } from './outcome.ts';

export type ReconcileResult = 'success' | 'requeue_after' | 'error';

export interface ControllerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconciler: Reconciler;
  /** How many keys may be worked on at once. */
  readonly places: Concurrency;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks?: ControllerHooks;
}

export interface Reconciler {
  /** Brings what `key`, which was taken with `priority`, names where it should be. `signal` aborts when the controller stops. */
  reconcile(key: string, signal: AbortSignal, priority: number): Promise<Outcome>;
}

/** Told of what a controller does; for metrics and health. */
export interface ControllerHooks {
  readonly onReconcile?: (result: ReconcileResult, durationMs: number) => void;
  /** How many keys may be worked on at once has changed. */
  readonly onConcurrency?: (places: number) => void;
  /** The API server is overloaded, or has recovered. `pauses`: how often in a row it has asked for a pause; 0 when it has recovered. */
  readonly onOverload?: (pauses: number) => void;
}

/** Failures of one key in a row after which a warning is logged; a few are normal. */
const FAILURES_WORTH_A_WARNING = 4;

/** Pause before a refused request is tried again: a person may have changed the rule or the right that refused it. */
const REFUSED_MS = 5000;

/**
 * Takes keys from a queue and reconciles them until `signal` aborts; resolves when the last worker has put down its work.
 * What a reconcile throws decides what becomes of its key, and never reaches beyond it.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, name, hooks } = options;
  const overload = new Overload(clock, () => {
    log.info({ controller: name }, 'the API server takes requests again');
    hooks?.onOverload?.(0);
  });
  const workers: Workers = { ...options, overload, breath: new Breath() };
  hooks?.onConcurrency?.(options.places.count);
  try {
    await Promise.all(Array.from({ length: options.places.most }, () => work(workers, signal)));
  } finally {
    overload.stop();
    // Whoever shows an overload shows it no longer than somebody is held up by it.
    if (overload.pauses > 0) hooks?.onOverload?.(0);
  }
}

/** What the workers of one controller share. */
interface Workers extends ControllerOptions {
  readonly overload: Overload;
  readonly breath: Breath;
}

async function work(workers: Workers, signal: AbortSignal): Promise<void> {
  const { queue, overload, places, breath } = workers;
  for (;;) {
    await breath.due();
    await places.enter(signal);
    const key = await queue.take(signal);
    if (key === undefined) return;
    const isProbe = await overload.enter(signal);
    try {
      // Stopped may mean that another process leads: nothing may begin any more.
      if (signal.aborted) return;
      await workOn(workers, key, signal);
    } finally {
      if (isProbe) overload.endProbe();
      queue.done(key);
      places.leave();
    }
  }
}

async function workOn(workers: Workers, key: string, signal: AbortSignal): Promise<void> {
  const { queue, reconciler, hooks, clock } = workers;
  const startedAt = clock.monotonic();
  const conclude = (result: ReconcileResult): void => hooks?.onReconcile?.(result, clock.monotonic() - startedAt);
  try {
    const outcome = await reconciler.reconcile(key, signal, queue.priorityOf(key) ?? 0);
    queue.forget(key);
    if (outcome.kind === 'requeue') queue.addAfter(key, outcome.afterMs, outcome.priority);
    if (outcome.answerMs !== undefined) noteAnswer(workers, outcome.answerMs, startedAt);
    conclude(outcome.kind === 'requeue' ? 'requeue_after' : 'success');
  } catch (error) {
    if (!signal.aborted) conclude(fail(workers, key, error, startedAt));
  }
}

function noteAnswer({ queue, places, overload, hooks }: Workers, answerMs: number, sentAt: number): void {
  if (places.noteAnswer(answerMs, queue.working, queue.length)) hooks?.onConcurrency?.(places.count);
  overload.answered(sentAt);
}

function fail(workers: Workers, key: string, error: unknown, sentAt: number): ReconcileResult {
  const { queue, log, name } = workers;
  const askedMs = error instanceof ApiError ? heed(workers, error, sentAt) : undefined;
  // Who says no to one request has time for it; a 429 says that it has none.
  const isAnswer = error instanceof ApiError && error.status < 500 && error.status !== 429;
  if (askedMs === undefined && isAnswer) workers.overload.answered(sentAt);
  const priority = queue.priorityOf(key);
  // `Retry-After: 0` names no time; taken at its word it would be a tight loop.
  if (askedMs === undefined || askedMs <= 0) queue.addRateLimited(key, isRefused(error) ? REFUSED_MS : 0, priority);
  else queue.addAfter(key, askedMs, priority);
  const level = queue.failures(key) >= FAILURES_WORTH_A_WARNING ? 'warn' : 'debug';
  log[level]({ controller: name, key, err: error }, 'reconcile failed, trying again');
  return 'error';
}

/**
 * The API server names a time when it is overloaded: that is meant for everyone, not for one key (decision 0043). Returns the milliseconds
 * to wait.
 */
function heed(workers: Workers, { retryAfterMs, status }: ApiError, sentAt: number): number | undefined {
  if (retryAfterMs === undefined) return undefined;
  const { overload, places, log, name, hooks } = workers;
  const before = overload.pauses;
  const waitMs = overload.pause(retryAfterMs, sentAt);
  if (overload.pauses === before) return waitMs;
  places.halve();
  hooks?.onConcurrency?.(places.count);
  hooks?.onOverload?.(overload.pauses);
  // The first of a row is told; the metric counts the others.
  const remedy = 'see which clients load the API server; its priority levels decide who is refused';
  if (before === 0)
    log.warn(
      { controller: name, status, askedMs: retryAfterMs, waitMs, remedy },
      'the API server is overloaded: writes pause',
    );
  return waitMs;
}
