/** Ties the hooks of the generic machinery, which knows no metrics, to the metrics. Hooks speak milliseconds, metrics seconds. */
import type { Logger } from '../base/log.ts';
import type { ReflectorHooks } from '../cache/reflector.ts';
import type { ControllerHooks } from '../controller/controller.ts';
import type { KubeClientOptions } from '../kube/http-client.ts';
import { harmless } from '../protocol/text.ts';
import { subjectOf } from '../twin/events.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { QueueHooks, WorkQueue } from '../workqueue/queue.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';

/** Where what happens is told: to machines that scrape, to probes, and to people who read events. */
export interface Telemetry {
  readonly metrics: Metrics;
  readonly health: Health;
  /** Controllers that pause because the API server is overloaded, and how often in a row. */
  readonly overloads: Map<string, number>;
  readonly recordEvents: TwinObserver['happened'];
}

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

export function controllerHooks({ metrics, overloads }: Telemetry, controller: string): ControllerHooks {
  return {
    onReconcile: reconcileHook(metrics, controller),
    onConcurrency: (count) => metrics.concurrency.set({ controller }, count),
    onOverload: (pauses) => {
      if (pauses > 0) metrics.overloadPauses.inc({ controller });
      if (pauses > 0) overloads.set(controller, pauses);
      else overloads.delete(controller);
    },
  };
}

/** For the readiness listing; undefined: the API server takes all requests. */
export function describeOverloads(overloads: Telemetry['overloads']): string | undefined {
  const parts = [...overloads].map(
    ([controller, pauses]) => `${controller} writes pause, ${pauses} times in a row so far`,
  );
  return parts.length === 0 ? undefined : `overloaded: ${parts.join('; ')}`;
}

export function reconcileHook(metrics: Metrics, controller: string): NonNullable<ControllerHooks['onReconcile']> {
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

/** A request to the Mir view has ended; `isWatch`: when it did was the client's choice. */
export function viewHook(
  metrics: Metrics,
): (method: string, code: number, durationMs: number, isWatch: boolean) => void {
  return (method, code, durationMs, isWatch) => {
    metrics.viewRequests.inc({ code, method });
    if (!isWatch) metrics.viewRequestDuration.observe({ method }, durationMs / 1000);
  };
}

/** The Mir view, as the API server sees it. No number where there is no view: 0 would say that it is down. */
export function availabilityHook(metrics: Metrics): (isAvailable: boolean | undefined) => void {
  return (isAvailable) => {
    if (isAvailable === undefined) metrics.viewAvailable.remove();
    else metrics.viewAvailable.set(isAvailable ? 1 : 0);
  };
}

/** `onProgress` is for the liveness check. */
export function reflectorHooks(metrics: Metrics, resource: string, onProgress: () => void): ReflectorHooks {
  return {
    onListed: () => metrics.lists.inc({ resource }),
    onWatchEnded: (reason) => metrics.watchRestarts.inc({ resource, reason }),
    onProgress,
    onAbsent: (objects) => metrics.absentObjects.set({ resource }, objects),
    onHeld: (objects) => metrics.cachedObjects.set({ resource }, objects),
  };
}

/** The one who is told what happens to twins. */
export function observeTwins({ metrics, recordEvents }: Telemetry, log: Logger): TwinObserver {
  return {
    published: (durationMs) => {
      metrics.desiredPublished.inc();
      metrics.publishDuration.observe(durationMs / 1000);
    },
    publishFailed: (kind) => metrics.publishErrors.inc({ kind }),
    withdrawn: (topics) => metrics.desiredWithdrawn.inc(topics),
    statusWritten: (writeClass, reports, lagMs) => {
      metrics.statusWrites.inc({ class: writeClass });
      if (reports > 1) metrics.statusWritesCoalesced.inc(reports - 1);
      if (lagMs !== undefined) metrics.reportLag.observe(lagMs / 1000);
    },
    statusWriteFailed: (code) => metrics.statusWriteErrors.inc({ code: String(code) }),
    changeRecorded: (author, lagMs) => {
      metrics.changesRecorded.inc({ author });
      metrics.changeLag.observe(lagMs / 1000);
    },
    pageRead: (result) => metrics.pagesRead.inc({ result }),
    sweepBlocked: (documents) => metrics.sweepBlocked.set(documents),
    provisioned: (result) => metrics.provisioned.inc({ result }),
    reportHeard: () => metrics.reports.inc(),
    heartbeatHeard: () => metrics.heartbeats.inc(),
    refused: (reason, quoted, memory) => {
      const message = harmless(quoted);
      metrics.badInput.inc({ reason });
      log.debug({ reason, deviceId: memory?.deviceId, detail: message }, 'refused what a device sent');
      // Named from memory: whatever a device sends in vain must not cost a look at its object, which may be large.
      if (memory?.owner === undefined) return;
      recordEvents(subjectOf(memory.owner, memory.ownerUid), [{ type: 'Warning', reason, message }]);
    },
    happened: recordEvents,
    brokerConnected: (isAgain) => {
      metrics.brokerConnected.set(1);
      if (isAgain) metrics.brokerReconnects.inc();
    },
    brokerLost: () => metrics.brokerConnected.set(0),
    onlineCounted: (devices) => metrics.devicesOnline.set(devices),
  };
}
