import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { API_VERSION, DEVICE_KIND, devicePath, devicesPath } from './api/device.ts';
import type { Device, JsonObject } from './api/device.ts';
import { DEVICE_FRAGMENTS } from './api/device-shorthand.ts';
import { OPERATOR_NAME } from './api/operator-name.ts';
import { SCHEMAS_PATH } from './api/schema.ts';
import type { SchemaObject } from './api/schema.ts';
import { parseAddress } from './base/address.ts';
import { delay, systemClock } from './base/clock.ts';
import type { Logger } from './base/log.ts';
import type { Runtime } from './base/runtime.ts';
import { Informer } from './cache/informer.ts';
import { shorthand } from './base/shorthand.ts';
import { Store } from './cache/store.ts';
import type { Config } from './config/load.ts';
import type { KubeClient } from './kube/client.ts';
import { ApiError, retryAfterOf } from './kube/errors.ts';
import { EventRecorder } from './kube/event-recorder.ts';
import { createKubeClient } from './kube/http-client.ts';
import { loadKubeconfig } from './kubeconfig/kubeconfig.ts';
import type { ClusterConfig } from './kubeconfig/kubeconfig.ts';
import { leadWhenElected } from './leader/lead.ts';
import { mayForget } from './readback/sweep-limits.ts';
import { classOfDevice, forgetFleet } from './telemetry/fleet.ts';
import { tellCertificates } from './telemetry/certificates.ts';
import { createHealth } from './telemetry/health.ts';
import type { Health } from './telemetry/health.ts';
import { availabilityHook, describeOverloads, reflectorHooks, requestHook, viewHook } from './telemetry/hooks.ts';
import type { Telemetry } from './telemetry/hooks.ts';
import { addProcessMetrics, createMetrics } from './telemetry/metrics.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { startServer } from './telemetry/server.ts';
import { DEVICE_ID_INDEX } from './twin/claims.ts';
import { unguardedNames } from './twin/reserved-ids.ts';

/**
 * Runs the operator until `signal` aborts: server, then the caches, then the election; while leading, the broker and the
 * reconcilers. Stops in reverse. Rejects when it cannot start, with a message that names the remedy.
 */
export async function runOperator(
  config: Config,
  log: Logger,
  signal: AbortSignal,
  onViewListening: (address: string) => void = () => undefined,
): Promise<void> {
  const runtime: Runtime = { clock: systemClock, log, random: Math.random };
  warnOfUnguardedNames(config, log);
  const metrics = createMetrics();
  addProcessMetrics(metrics);
  tellCertificates(metrics, { 'mqtt-client': config.mqttCertFile, 'mqtt-ca': config.mqttCaFile });
  forgetFleet(metrics);
  availabilityHook(metrics)(undefined);
  const health = createHealth(runtime.clock);
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
    const viewing = serveView({ config, kube, client, runtime, metrics, health, store, onViewListening }, signal);
    health.ready('cache', () => (store.hasSynced ? undefined : 'the first list of devices is not complete'));
    const cluster = config.clusterId ?? (await findClusterId(client, runtime, signal));
    const identity = config.identity ?? ownIdentity();
    const recorder = createRecorder(config, client, identity, runtime, metrics);
    const telemetry: Telemetry = { metrics, health, overloads: new Map(), recordEvents: eventSink(recorder) };
    health.note('api-server', () => describeOverloads(telemetry.overloads), signal);
    if (cluster !== undefined) {
      const caches = createCaches({ config, client, runtime, telemetry, store }, signal);
      const { devices, schemas } = caches;
      const place = { cluster, identity, home: kube };
      const ports = { config, place, client, runtime, telemetry, counted: store, devices, schemas };
      await Promise.all([devices.run(signal), schemas.run(signal), leadWhenElected(ports, signal)]);
    }
    await recorder.close();
    await viewing;
    await client.close();
  } finally {
    await server.close();
  }
}

interface ViewDeps {
  readonly config: Config;
  readonly kube: ClusterConfig;
  readonly client: KubeClient;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly store: Store<Device>;
  readonly onViewListening: (address: string) => void;
}

/** On every replica, leading or not. Whoever does not want the view does not even load it. */
async function serveView(deps: ViewDeps, signal: AbortSignal): Promise<void> {
  const { config, kube: cluster, client, runtime, metrics, health, store, onViewListening } = deps;
  const address = parseAddress(config.viewAddress ?? '');
  if (address === undefined) return;
  const { createView } = await import('./facade/view.ts');
  const view = createView({
    runtime,
    address,
    cluster,
    client,
    peek: (namespace, name) => store.get(`${namespace}/${name}`) as JsonObject | undefined,
    onAnswer: viewHook(metrics),
    onAvailability: availabilityHook(metrics),
    onListening: (listening) => {
      runtime.log.info({ viewAddress: listening }, 'serving the Mir view');
      onViewListening(listening);
    },
  });
  health.note('view', view.problem, signal);
  await view.run(signal);
}

/** The CRD keeps devices from names that begin with mir-operator; others are refused only once their twin is there. */
function warnOfUnguardedNames({ mqttUsername, mqttClientId }: Config, log: Logger): void {
  const names = unguardedNames([mqttUsername, mqttClientId]);
  if (names.length === 0) return;
  const remedy =
    'choose names that begin with mir-operator for --mqtt-username and --mqtt-client-id, or never give them to a device';
  log.warn({ names, remedy }, 'a device could be called as the operator is at the broker');
}

/** A pod has one operator and a name of its own, which outlives a crash (decision 0009); elsewhere a host may have several. */
function ownIdentity(): string {
  const isPod = process.env['KUBERNETES_SERVICE_HOST'] !== undefined;
  return isPod ? hostname() : `${hostname()}_${randomUUID().slice(0, 8)}`;
}

/** Who waits for an API server hears of it soon after it has come. */
const MAX_WAIT_MS = 5000;

/** The uid of kube-system is what everyone takes for the name of a cluster: it is unique and outlives all else. Undefined: `signal` has aborted. */
async function findClusterId(
  client: KubeClient,
  { clock, log }: Runtime,
  signal: AbortSignal,
): Promise<string | undefined> {
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
  return undefined;
}

interface CacheDeps {
  readonly config: Config;
  readonly client: KubeClient;
  readonly runtime: Runtime;
  readonly telemetry: Telemetry;
  readonly store: Store<Device>;
}

/** Watches may be silent for three minutes before the watchdog looks. */
const CACHE_SILENCE_MS = 600_000;

function createCaches(
  { config, client, runtime, telemetry, store }: CacheDeps,
  signal: AbortSignal,
): { devices: Informer<Device>; schemas: Informer<SchemaObject> } {
  const { metrics, health } = telemetry;
  const { clock, log, random } = runtime;
  const shared = { client, clock, log, random, mayForget: mayForget(config) };
  runtime.log.info({ path: devicesPath(config.namespace) }, 'filling the cache');
  const devices = new Informer<Device>({
    ...shared,
    collection: { path: devicesPath(config.namespace), objectPath: devicePath },
    store,
    hooks: reflectorHooks(metrics, 'devices', health.loop('reflector', CACHE_SILENCE_MS, signal)),
  });
  const schemas = new Informer<SchemaObject>({
    ...shared,
    collection: { path: SCHEMAS_PATH, objectPath: (name) => `${SCHEMAS_PATH}/${name}` },
    store: new Store(),
    hooks: reflectorHooks(metrics, 'schemas', health.loop('schema-reflector', CACHE_SILENCE_MS, signal)),
  });
  const onSynced = (): void => runtime.log.info({ devices: devices.lister.size }, 'cache synced');
  void devices.subscribe({ onChange: () => undefined, onSynced }, signal);
  return { devices, schemas };
}

function createRecorder(
  config: Config,
  client: KubeClient,
  identity: string,
  { clock, log }: Runtime,
  metrics: Metrics,
): EventRecorder {
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

function eventSink(recorder: EventRecorder): Telemetry['recordEvents'] {
  return ({ namespace, name, uid }, events) => {
    const object = { apiVersion: API_VERSION, kind: DEVICE_KIND, namespace, name, uid };
    for (const { type, reason, message } of events) recorder.record(object, type, reason, message);
  };
}
