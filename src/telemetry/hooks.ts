/** Ties the hooks of the generic machinery, which knows no metrics, to the metrics. Hooks speak milliseconds, metrics seconds. */
import type { ReflectorHooks } from '../cache/reflector.ts';
import type { ControllerOptions } from '../controller/controller.ts';
import type { KubeClientOptions } from '../kube/http-client.ts';
import type { Metrics } from './metrics.ts';
import type { QueueHooks, WorkQueue } from '../workqueue/queue.ts';

export function queueHooks(metrics: Metrics, name: string): QueueHooks {
  // Looked up once: labels are hashed at every look-up, and these are called for every key.
  const adds = metrics.workqueueAdds.labels(name);
  const retries = metrics.workqueueRetries.labels(name);
  const waited = metrics.workqueueQueueDuration.labels(name);
  const worked = metrics.workqueueWorkDuration.labels(name);
  return {
    onAdd: () => adds.inc(),
    onRetry: () => retries.inc(),
    onTake: (waitedMs) => waited.observe(waitedMs / 1000),
    onDone: (workedMs) => worked.observe(workedMs / 1000),
  };
}

/** Reads depth and work in progress of `queue` at every scrape until `signal` aborts; then there is none. */
export function watchQueue(
  metrics: Metrics,
  name: string,
  queue: Pick<WorkQueue, 'length' | 'unfinishedMs'>,
  signal: AbortSignal,
): void {
  const tell = (depth: number, unfinishedMs: readonly number[]): void => {
    metrics.workqueueDepth.set({ name }, depth);
    const [sum, longest] = unfinishedMs.reduce(([total, most], ms) => [total + ms, Math.max(most, ms)], [0, 0]);
    metrics.workqueueUnfinishedWork.set({ name }, sum / 1000);
    metrics.workqueueLongestRunning.set({ name }, longest / 1000);
  };
  metrics.onScrape(() => tell(queue.length, queue.unfinishedMs), signal);
  signal.addEventListener('abort', () => tell(0, []), { once: true });
}

export function reconcileHook(metrics: Metrics, controller: string): NonNullable<ControllerOptions['onReconcile']> {
  const time = metrics.reconcileTime.labels(controller);
  return (result, durationMs) => {
    metrics.reconciles.inc({ controller, result });
    if (result === 'error') metrics.reconcileErrors.inc({ controller });
    time.observe(durationMs / 1000);
  };
}

export function requestHook(metrics: Metrics): NonNullable<KubeClientOptions['onRequest']> {
  return (method, code, durationMs) => {
    metrics.kubeRequests.inc({ code, method });
    metrics.kubeRequestDuration.observe({ method }, durationMs / 1000);
  };
}

/** `turned` is told that the reflector's loop turns, for the liveness check. */
export function reflectorHooks(metrics: Metrics, resource: string, turned: () => void): ReflectorHooks {
  return {
    onListed: () => metrics.lists.inc({ resource }),
    onWatchEnded: (reason) => metrics.watchRestarts.inc({ resource, reason }),
    onTurn: turned,
    onAbsent: (objects) => metrics.absentObjects.set({ resource }, objects),
    onHeld: (objects) => metrics.cachedObjects.set({ resource }, objects),
  };
}
