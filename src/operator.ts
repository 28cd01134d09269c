import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { API_VERSION, DEVICE_KIND, devicePath, devicesPath } from './api/device.ts';
import type { Device } from './api/device.ts';
import { OPERATOR_NAME } from './api/operator-name.ts';
import { SCHEMAS_PATH } from './api/schema.ts';
import type { SchemaObject } from './api/schema.ts';
import { Informer } from './cache/informer.ts';
import { shorthand } from './cache/shorthand.ts';
import { Store } from './cache/store.ts';
import { DEVICE_FRAGMENTS } from './api/device-shorthand.ts';
import { delay, systemClock } from './base/clock.ts';
import type { Clock } from './base/clock.ts';
import type { Config } from './config/load.ts';
import { Concurrency } from './controller/concurrency.ts';
import { runController } from './controller/controller.ts';
import type { Outcome } from './controller/outcome.ts';
import type { KubeClient } from './kube/client.ts';
import { ApiError, retryAfterOf } from './kube/errors.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import { fenceWrites } from './kube/fence.ts';
import { createKubeClient } from './kube/http-client.ts';
import { loadKubeconfig } from './kube/kubeconfig.ts';
import { runElection } from './kube/lease.ts';
import type { LeaseTerm } from './kube/lease.ts';
import type { Logger } from './base/log.ts';
import { classOfDevice, forgetFleet, tellFleet } from './telemetry/fleet.ts';
import { addProcessMetrics, createMetrics } from './telemetry/metrics.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { queueHooks, reconcileHook, reflectorHooks, requestHook, watchQueue } from './telemetry/hooks.ts';
import type { BrokerConnection } from './mqtt/broker.ts';
import { createBroker } from './mqtt/connection.ts';
import type { BrokerCredentials } from './mqtt/options.ts';
import { createTopics } from './protocol/topics.ts';
import { createHealth } from './telemetry/health.ts';
import type { Health } from './telemetry/health.ts';
import { startServer } from './telemetry/server.ts';
import { DEVICE_ID_INDEX } from './twin/claims.ts';
import type { EventSubject, TwinEvent } from './twin/events.ts';
import { mostStatusWrites } from './status/patch.ts';
import { mayForget } from './readback/sweep-limits.ts';
import { maxPacketBytes } from './leader/packet-limit.ts';
import { unguardedNames } from './twin/reserved-ids.ts';
import { Term } from './leader/term.ts';
import { WorkQueue } from './workqueue/queue.ts';

/** Status writes in flight. Four keep two cores of an API server busy, measured; beside others, or on more cores, their number finds itself. */
const STATUS_WRITES = { least: 4, most: 16 };
const SCHEMA_WRITES = { least: 1, most: 1 };
/** Publishes wait for the broker and cost little: enough to keep a whole window of them in flight. */
const PUBLISHES = { least: 256, most: 256 };

/** The parts that live as long as the process. */
interface Operator {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly client: KubeClient;
  readonly store: Store<Device>;
  readonly devices: Informer<Device>;
  readonly schemas: Informer<SchemaObject>;
  readonly cluster: string;
  readonly identity: string;
  readonly recorder: EventRecorder;
  /** Controllers that pause because the API server is overloaded, and how often in a row. */
  readonly overloads: Map<string, number>;
  /** The leader's connection; undefined while standing by. */
  broker: BrokerConnection | undefined;
}

/**
 * Runs the operator until `signal` aborts: server, then the cache, then the election; while leading, the broker and the
 * reconcilers. Stops in reverse. Rejects when it cannot start, with a message that names the remedy.
 */
export async function runOperator(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const clock = systemClock;
  const metrics = createMetrics();
  warnOfUnguardedNames(config, log);
  addProcessMetrics(metrics);
  forgetFleet(metrics);
  const health = createHealth(clock);
  const server = await startServer({ address: config.httpAddress, metrics, health, log });
  log.info({ address: server.address }, 'serving metrics and health');
  try {
    const kube = await loadKubeconfig({ kubeconfig: config.kubeconfig, context: config.context });
    const client = createKubeClient(kube, { onRequest: requestHook(metrics) });
    const store = new Store<Device>({
      indexes: { [DEVICE_ID_INDEX]: (device) => [device.spec.deviceId] },
      classOf: classOfDevice,
      shorthand: shorthand(DEVICE_FRAGMENTS),
    });
    const caches = createCaches({ config, client, clock, log, metrics, health, store }, signal);
    health.ready('cache', () => (store.hasSynced ? undefined : 'the first list of devices is not complete'));
    const cluster = config.clusterId ?? (await findClusterId(client, clock, log, signal));
    const identity = config.identity ?? ownIdentity();
    const recorder = createRecorder({ client, clock, log, config, identity, metrics });
    const operator: Operator = {
      config,
      clock,
      log,
      metrics,
      health,
      client,
      store,
      ...caches,
      cluster,
      identity,
      recorder,
      overloads: new Map(),
      broker: undefined,
    };
    health.note('api-server', () => describeOverload(operator.overloads));
    // Told and no reason to fail: no replica could do better at the same broker.
    health.note('broker', () => operator.broker?.failure ?? operator.broker?.findings.shortcoming);
    if (cluster !== '')
      await Promise.all([
        caches.devices.run(signal),
        caches.schemas.run(signal),
        leadWhenElected(operator, kube.namespace, signal),
      ]);
    await recorder.close();
    await client.close();
  } finally {
    await server.close();
  }
}

/** The CRD keeps devices from names that begin with mir-operator; others are refused only once their twin is there. */
function warnOfUnguardedNames({ mqttUsername, mqttClientId }: Config, log: Logger): void {
  const names = unguardedNames([mqttUsername, mqttClientId]);
  if (names.length === 0) return;
  const remedy =
    'choose names that begin with mir-operator for --mqtt-username and --mqtt-client-id, or never give them to a device';
  log.warn({ names, remedy }, 'a device could be called as the operator is at the broker');
}

/** A pod has one operator and a name of its own, which outlives a crash; elsewhere a host may have several. */
function ownIdentity(): string {
  const isPod = process.env['KUBERNETES_SERVICE_HOST'] !== undefined;
  return isPod ? hostname() : `${hostname()}_${randomUUID().slice(0, 8)}`;
}

/** Who waits for an API server hears of it soon after it has come. */
const MAX_WAIT_MS = 5000;

/** The uid of kube-system is what everyone takes for the name of a cluster: it is unique and outlives all else. */
async function findClusterId(client: KubeClient, clock: Clock, log: Logger, signal: AbortSignal): Promise<string> {
  for (let waitMs = 1000; !signal.aborted; waitMs = Math.min(MAX_WAIT_MS, 2 * waitMs)) {
    try {
      const { metadata } = await client.get<{ metadata: { uid: string } }>(
        '/api/v1/namespaces/kube-system',
        undefined,
        signal,
      );
      return metadata.uid;
    } catch (error) {
      if (signal.aborted) break;
      const remedy =
        error instanceof ApiError && error.status === 403
          ? 'grant get on namespace kube-system, or name the cluster with --cluster-id'
          : 'check --kubeconfig and the API server';
      log.warn({ err: error, remedy }, 'cannot read the cluster id, trying again');
      await delay(clock, Math.max(waitMs, retryAfterOf(error)), signal);
    }
  }
  return '';
}

type CacheDeps = Pick<Operator, 'config' | 'client' | 'clock' | 'log' | 'metrics' | 'health' | 'store'>;

/** Watches may be silent for three minutes before the watchdog looks. */
const CACHE_SILENCE_MS = 600_000;

function createCaches(deps: CacheDeps, signal: AbortSignal): Pick<Operator, 'devices' | 'schemas'> {
  const { config, client, clock, log, metrics, health, store } = deps;
  const shared = { client, clock, log, mayForget: mayForget(config) };
  log.info({ path: devicesPath(config.namespace) }, 'filling the cache');
  const devices = new Informer<Device>({
    ...shared,
    collection: { path: devicesPath(config.namespace), objectPath: devicePath },
    store,
    hooks: reflectorHooks(metrics, 'devices', turnsOf(health, 'reflector', signal)),
  });
  const schemas = new Informer<SchemaObject>({
    ...shared,
    collection: { path: SCHEMAS_PATH, objectPath: (name) => `${SCHEMAS_PATH}/${name}` },
    store: new Store(),
    hooks: reflectorHooks(metrics, 'schemas', turnsOf(health, 'schema-reflector', signal)),
  });
  const onSynced = (): void => log.info({ devices: devices.lister.size }, 'cache synced');
  devices.subscribe({ onChange: () => undefined, onSynced }, signal);
  return { devices, schemas };
}

/** A cache that waits for the cluster id does not turn, and is not stuck. */
function turnsOf(health: Health, name: string, signal: AbortSignal): () => void {
  let turned: (() => void) | undefined;
  return () => {
    turned ??= health.loop(name, CACHE_SILENCE_MS, signal);
    turned();
  };
}

async function leadWhenElected(operator: Operator, home: string | undefined, signal: AbortSignal): Promise<void> {
  const { config, client, clock, log, metrics, health, identity } = operator;
  const onLeading = (isLeading: boolean): void => metrics.leader.set({ name: config.leaseName }, isLeading ? 1 : 0);
  if (!config.leaderElection) {
    onLeading(true);
    await lead(operator, { signal, renewNow: () => Promise.resolve(), isHeld: () => true }, 'standalone');
    return;
  }
  const namespace = config.leaseNamespace ?? config.namespace ?? home ?? 'default';
  const turned = health.loop('election', 120_000, signal);
  await runElection(
    {
      client,
      namespace,
      name: config.leaseName,
      identity,
      clock,
      log,
      onTurn: turned,
      onLeading,
    },
    (term) => lead(operator, term, `${namespace}/${config.leaseName}`),
    signal,
  );
}

/** One term: connects the broker, runs the reconcilers, and takes all of it down again. */
async function lead(operator: Operator, lease: LeaseTerm, installation: string): Promise<void> {
  const { config, clock, log, metrics, health, client, cluster, recorder } = operator;
  const { signal } = lease;
  const topics = createTopics(config.topicPrefix, config.maxTopicBytes);
  const desiredQueue = createQueue('desired', operator, signal);
  const statusPlaces = new Concurrency(STATUS_WRITES);
  const statusQueue = createQueue('status', operator, signal, mostStatusWrites(statusPlaces));
  const schemaQueue = createQueue('schema', operator, signal);
  const clientId = config.mqttClientId ?? fixedClientId(cluster, installation, config.topicPrefix);
  const broker = createBroker(
    {
      url: config.mqttUrl,
      clientId,
      protocolVersion: config.mqttProtocolVersion,
      credentials: () => readCredentials(config),
      maxPacketBytes: maxPacketBytes(config),
      probe: topics.probe(clientId),
      live: topics.live,
      tuning: { pageConcurrency: config.pageConcurrency, keepaliveSeconds: 5 },
      beforeReconnect: () => lease.renewNow(),
      mayPublish: () => lease.isHeld(),
    },
    { clock, log, onFailure: (reason) => metrics.brokerFailures.inc({ reason }) },
  );
  const term = new Term(
    {
      config,
      scope: { cluster, namespace: config.namespace, takeOver: config.takeOverForeign },
      topics,
      ownNames: [config.mqttUsername, clientId],
      devices: operator.devices,
      schemas: operator.schemas,
      client: fenceWrites(client, () => lease.isHeld()),
      broker,
      desiredQueue,
      statusQueue,
      schemaQueue,
      clock,
      log,
      metrics,
      onEvents: (subject, events) => recordEvents(recorder, subject, events),
      onTick: health.loop('twins', 60_000, signal),
    },
    signal,
  );
  operator.broker = broker;
  tellFleet(metrics, operator.store, signal);
  const reconcile = (
    name: string,
    queue: WorkQueue,
    places: Concurrency,
    work: (key: string, stop: AbortSignal, priority: number) => Promise<Outcome>,
  ) =>
    runController(
      {
        name,
        queue,
        places,
        reconcile: work,
        log,
        clock,
        onReconcile: reconcileHook(metrics, name),
        onConcurrency: (count) => metrics.concurrency.set({ controller: name }, count),
        onOverload: (pauses) => noteOverload(operator, name, pauses),
      },
      signal,
    );
  try {
    await Promise.all([
      broker.run(term, signal),
      term.run(),
      reconcile('desired', desiredQueue, new Concurrency(PUBLISHES), (deviceId) => term.desired.reconcile(deviceId)),
      reconcile('status', statusQueue, statusPlaces, (key, stop, priority) =>
        term.status.reconcile(key, stop, priority),
      ),
      reconcile('schema', schemaQueue, new Concurrency(SCHEMA_WRITES), (name, stop) =>
        term.schemaObjects.reconcile(name, stop),
      ),
    ]);
  } finally {
    operator.broker = undefined;
    operator.overloads.clear();
    desiredQueue.shutDown();
    statusQueue.shutDown();
    schemaQueue.shutDown();
    forgetFleet(metrics);
  }
}

/** The same for every replica of an installation, so that a new leader's CONNECT cuts the former one off. */
function fixedClientId(cluster: string, installation: string, prefix: string): string {
  return `mir-operator-${createHash('sha256').update(`${cluster}/${installation}/${prefix}`).digest('hex').slice(0, 8)}`;
}

function readCredentials(config: Config): BrokerCredentials {
  const password =
    config.mqttPasswordFile === undefined
      ? config.mqttPassword
      : readText(config.mqttPasswordFile).replace(/\r?\n$/, '');
  return {
    ...(config.mqttUsername === undefined ? {} : { username: config.mqttUsername }),
    ...(password === undefined ? {} : { password }),
    ...(config.mqttCaFile === undefined ? {} : { ca: readText(config.mqttCaFile) }),
    ...(config.mqttCertFile === undefined ? {} : { cert: readText(config.mqttCertFile) }),
    ...(config.mqttKeyFile === undefined ? {} : { key: readText(config.mqttKeyFile) }),
  };
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function createQueue(
  name: string,
  { clock, metrics }: Operator,
  signal: AbortSignal,
  mostAtOnce?: (priority: number) => number,
): WorkQueue {
  const queue = new WorkQueue({ clock, hooks: queueHooks(metrics, name), ...(mostAtOnce && { mostAtOnce }) });
  watchQueue(metrics, name, queue, signal);
  return queue;
}

function describeOverload(overloads: ReadonlyMap<string, number>): string | undefined {
  const parts = [...overloads].map(
    ([controller, pauses]) => `${controller} writes pause, ${pauses} times in a row so far`,
  );
  return parts.length === 0 ? undefined : `overloaded: ${parts.join('; ')}`;
}

/** `health` shows it for as long as it lasts. */
function noteOverload({ metrics, overloads }: Operator, controller: string, pauses: number): void {
  if (pauses > 0) metrics.overloadPauses.inc({ controller });
  if (pauses > 0) overloads.set(controller, pauses);
  else overloads.delete(controller);
}

interface RecorderDeps extends Pick<Operator, 'client' | 'clock' | 'log' | 'config' | 'identity' | 'metrics'> {}

function createRecorder({ client, clock, log, config, identity, metrics }: RecorderDeps): EventRecorder {
  return new EventRecorder({
    client,
    clock,
    log,
    component: OPERATOR_NAME,
    instance: identity,
    perSecond: config.eventsPerSecond,
    onSent: (reason) => metrics.events.inc({ reason }),
    onDropped: () => metrics.eventsDropped.inc(),
  });
}

function recordEvents(
  recorder: EventRecorder,
  { namespace, name, uid }: EventSubject,
  events: readonly TwinEvent[],
): void {
  const object = { apiVersion: API_VERSION, kind: DEVICE_KIND, namespace, name, uid };
  for (const { type, reason, message } of events) recorder.record(object, type, reason, message);
}
