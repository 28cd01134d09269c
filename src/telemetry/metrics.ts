/** Every metric of the operator. Names that dashboards know from client-go and controller-runtime are kept; our own begin with `mir_`. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BAD_INPUT } from '../api/bad-input.ts';
import { loopUtilization } from '../base/loop-utilization.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** A fresh registry with every metric in it; nothing is shared between two calls. */
export function createMetrics() {
  const registry = new Registry();
  const readers = new Set<() => void>();
  const metrics = { ...machineryMetrics(registry), ...domainMetrics(registry) };
  // There from the start, so that an alert on the rate sees the first one.
  for (const reason of Object.keys(BAD_INPUT)) metrics.badInput.inc({ reason }, 0);
  return {
    ...metrics,
    registry,
    /** Calls `read` before every scrape until `signal` aborts, for gauges that are cheaper read than kept. */
    onScrape(read: () => void, signal?: AbortSignal): void {
      readers.add(read);
      signal?.addEventListener('abort', () => readers.delete(read), { once: true });
    },
    /** The text exposition format, and its content type. */
    async render(): Promise<{ contentType: string; body: string }> {
      for (const read of readers) read();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

/** Adds what there is to know of the process (CPU, memory, GC, event loop). Once a process: it installs observers. */
export function addProcessMetrics(metrics: Metrics): void {
  collectDefaultMetrics({ register: metrics.registry });
  const utilization = loopUtilization();
  metrics.onScrape(() => metrics.eventLoopUtilisation.set(utilization()));
}

/** client-go's buckets for the workqueue, without those below a microsecond; and two more, because a key may wait for minutes. */
const QUEUE_BUCKETS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];
/** A history may lag: a change waits for seconds where all is calm, and for a quarter of an hour behind a large roll-out. */
const HISTORY_BUCKETS = [1, 2.5, 5, 10, 30, 60, 300, 900, 3600];
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

// oxlint-disable-next-line max-lines-per-function -- a table of metrics
function machineryMetrics(registry: Registry) {
  const { counter, gauge, histogram } = factory(registry);
  return {
    workqueueDepth: gauge('workqueue_depth', 'Keys that wait in the queue.', ['name']),
    workqueueAdds: counter('workqueue_adds_total', 'Keys added to the queue.', ['name']),
    workqueueQueueDuration: histogram(
      'workqueue_queue_duration_seconds',
      'Seconds a key waits in the queue before work on it begins.',
      QUEUE_BUCKETS,
      ['name'],
    ),
    workqueueWorkDuration: histogram(
      'workqueue_work_duration_seconds',
      'Seconds the work on one key takes.',
      QUEUE_BUCKETS,
      ['name'],
    ),
    workqueueRetries: counter('workqueue_retries_total', 'Keys added again after a failure.', ['name']),
    workqueueUnfinishedWork: gauge(
      'workqueue_unfinished_work_seconds',
      'Seconds that work in progress has taken so far, summed; growth means stuck work.',
      ['name'],
    ),
    workqueueLongestRunning: gauge(
      'workqueue_longest_running_processor_seconds',
      'Seconds that the longest work in progress has taken so far.',
      ['name'],
    ),
    reconciles: counter('controller_runtime_reconcile_total', 'Reconciles by what they came to.', [
      'controller',
      'result',
    ]),
    reconcileErrors: counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.', ['controller']),
    reconcileTime: histogram(
      'controller_runtime_reconcile_time_seconds',
      'Seconds one reconcile takes.',
      LATENCY_BUCKETS,
      ['controller'],
    ),
    concurrency: gauge('controller_runtime_max_concurrent_reconciles', 'Keys that may be worked on at once, now.', [
      'controller',
    ]),
    overloadPauses: counter(
      'mir_api_overload_pauses_total',
      'Pauses that the API server asked for because it is overloaded (429 and Retry-After).',
      ['controller'],
    ),
    leader: gauge('leader_election_master_status', '1 while this process leads, else 0.', ['name']),
    kubeRequests: counter('rest_client_requests_total', 'Requests to the API server by status code and method.', [
      'code',
      'method',
    ]),
    kubeRequestDuration: histogram(
      'rest_client_request_duration_seconds',
      'Seconds from a request to the API server to its answer, watches excepted.',
      LATENCY_BUCKETS,
      ['method'],
    ),
    viewRequests: counter(
      'mir_view_requests_total',
      'Requests to the Mir view by status code and method, at their end.',
      ['code', 'method'],
    ),
    viewRequestDuration: histogram(
      'mir_view_request_duration_seconds',
      'Seconds from a request to the Mir view to the end of its answer, watches excepted.',
      LATENCY_BUCKETS,
      ['method'],
    ),
    viewAvailable: gauge(
      'mir_view_available',
      '1 while the API server reaches the Mir view (condition Available of the APIService), 0 while it does not; none without a view.',
    ),
    watchRestarts: counter('mir_watch_restarts_total', 'Watches begun anew, by why the last one ended.', [
      'resource',
      'reason',
    ]),
    lists: counter('mir_lists_total', 'Complete LISTs made by a reflector.', ['resource']),
    absentObjects: gauge(
      'mir_absent_objects',
      'Objects that a LIST lacked and that are kept because they are too many; they wait for a LIST that shows them, or for --sweep-confirm.',
      ['resource'],
    ),
    cachedObjects: gauge('mir_cached_objects', 'Objects held in a cache.', ['resource']),
    certificateExpiry: gauge(
      'mir_certificate_expiry_timestamp_seconds',
      'When the certificate in a file that the operator was given ends (mqtt-client, mqtt-ca), in seconds since the epoch.',
      ['certificate'],
    ),
    eventLoopUtilisation: gauge(
      'mir_event_loop_utilisation_ratio',
      'Share of the time since the last scrape in which the event loop was busy.',
    ),
  };
}

// oxlint-disable-next-line max-lines-per-function -- a table of metrics
function domainMetrics(registry: Registry) {
  const { counter, gauge, histogram } = factory(registry);
  return {
    devices: gauge('mir_devices', 'Devices in the cluster, as far as they are watched.'),
    devicesOnline: gauge('mir_devices_online', 'Devices that are online.'),
    devicesBySync: gauge(
      'mir_devices_by_sync',
      'Devices by their message that is furthest from in sync, and by whether they are online; each device counts once.',
      ['sync', 'online'],
    ),
    deviceConditions: gauge(
      'mir_device_conditions',
      'Devices by what a condition of theirs says; a device counts once for each condition that it has.',
      ['condition', 'status', 'reason'],
    ),
    badInput: counter('mir_bad_input_total', 'Messages from the broker that were not taken, by reason.', ['reason']),
    provisioned: counter(
      'mir_provisioned_total',
      'Devices without an object that announced themselves, by what became of them.',
      ['result'],
    ),
    statusWrites: counter('mir_status_writes_total', 'Status writes by their most urgent content.', ['class']),
    statusWriteErrors: counter('mir_status_write_errors_total', 'Status writes that failed, by status code.', ['code']),
    statusWritesCoalesced: counter(
      'mir_status_writes_coalesced_total',
      'Changes that rode along on a status write made for another one.',
    ),
    heartbeats: counter('mir_heartbeats_total', 'Heartbeats received.'),
    reports: counter('mir_reports_total', 'Reports of properties received.'),
    reportLag: histogram(
      'mir_report_lag_seconds',
      'Seconds from the arrival of a report to the status write that carries it.',
      LATENCY_BUCKETS,
    ),
    changesRecorded: counter(
      'mir_history_changes_total',
      'Changes written into the histories of devices, by how their author is known.',
      ['author'],
    ),
    changeLag: histogram(
      'mir_history_lag_seconds',
      'Seconds from a change of what is desired to the write that records it.',
      HISTORY_BUCKETS,
    ),
    desiredPublished: counter('mir_desired_published_total', 'Desired documents published.'),
    desiredWithdrawn: counter('mir_desired_withdrawn_total', 'Retained topics cleared, of devices that are gone.'),
    publishErrors: counter('mir_publish_errors_total', 'Publishes that failed, by kind of failure.', ['kind']),
    publishDuration: histogram(
      'mir_publish_duration_seconds',
      "Seconds from a QoS 1 publish to the broker's acknowledgement.",
      LATENCY_BUCKETS,
    ),
    brokerConnected: gauge(
      'mir_broker_connected',
      '1 while connected to the broker with subscriptions in place, else 0.',
    ),
    brokerReconnects: counter('mir_broker_reconnects_total', 'Connections to the broker made after the first.'),
    brokerFailures: counter(
      'mir_broker_failures_total',
      'Connections to the broker that ended, and attempts to connect that failed, by reason.',
      ['reason'],
    ),
    pagesRead: counter('mir_retained_pages_total', 'Pages of retained state read from the broker, by result.', [
      'result',
    ]),
    sweepBlocked: gauge(
      'mir_sweep_blocked_documents',
      'Documents that a stopped sweep would withdraw; it waits for --sweep-confirm while this is not 0.',
    ),
    events: counter('mir_events_total', 'Kubernetes events sent, by reason.', ['reason']),
    eventsDropped: counter(
      'mir_events_dropped_total',
      'Kubernetes events not sent: over their rate limit, or refused by the API server.',
    ),
  };
}

function factory(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
      new Counter({ name, help, labelNames, registers }),
    gauge: <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
      new Gauge({ name, help, labelNames, registers }),
    histogram: <L extends string = never>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: readonly L[] = [],
    ): Histogram<L> => new Histogram({ name, help, buckets, labelNames, registers }),
  };
}
