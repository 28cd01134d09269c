import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { LAST_APPLIED } from '../api/last-applied.ts';
import { parseAddress } from '../base/address.ts';
import { loadConfig } from '../config/load.ts';
import { isConflict, isNotFound } from '../kube/errors.ts';
import { createKubeClient } from '../kube/http-client.ts';
import { loadKubeconfig } from '../kubeconfig/kubeconfig.ts';
import { createLogger } from '../base/log.ts';
import { runOperator } from '../operator.ts';
import { compileProtoFiles } from '../sdk/index.ts';
import { SAMPLE_DEVICE } from '../simulator/models.ts';
import { createSimulatedDevice, describeEvent } from '../simulator/simulated-device.ts';
import type { SimulatedDevice } from '../simulator/simulated-device.ts';
import { startBroker } from './broker.ts';
import { startKubeApi } from './kube-api/index.ts';
import { VIEW, VIEW_OBJECTS, VIEW_SLICES, viewSlice } from './view-objects.ts';

export interface DevWorldOptions {
  /** Simulated devices: those of the samples first, then `sim-4`, `sim-5`… */
  readonly devices: number;
  /** Folder in which API, broker and devices keep their state; without it everything is in memory. */
  readonly dataDir: string | undefined;
  /** Folder of `env`, `kubeconfig` and the operator's log, as long as the world runs. */
  readonly runDir: string;
  /** 0: a free one. */
  readonly apiPort: number;
  readonly mqttPort: number;
  readonly httpPort: number;
  readonly onDeviceEvent: (line: string) => void;
}

export interface DevWorld {
  readonly kubeconfig: string;
  readonly mqttUrl: string;
  readonly logFile: string;
  readonly deviceIds: readonly string[];
  /** Rejects when the operator ends by itself. */
  readonly operator: Promise<void>;
  close(): Promise<void>;
}

/** The devices that `manifests/samples` has twins for; the first is the seed's. */
const SAMPLE_IDS = ['temp-sensor-01', 'thermostat-12', 'camera-07'];
const CRDS = new URL('../../crds/', import.meta.url);
const PROTO = fileURLToPath(new URL('../../manifests/samples/proto', import.meta.url));
/** The messages of the samples, as devices that understand them all bring them. */
const SAMPLE_PROTOS = ['sensor', 'wifi', 'firmware', 'device', 'features'].map((name) =>
  join(PROTO, name, 'v1', `${name}.proto`),
);

/** Starts a Kubernetes API, a broker, the operator and simulated devices in this process; resolves when all of them are there. */
export async function startDevWorld(options: DevWorldOptions): Promise<DevWorld> {
  const { runDir, dataDir } = options;
  mkdirSync(runDir, { recursive: true });
  const stop = new AbortController();
  const api = await startKubeApi({ port: options.apiPort, ...inFolder(dataDir, 'kube-api') });
  const broker = await startBroker({ port: options.mqttPort, ...inFolder(dataDir, 'broker') });
  const paths = { kubeconfig: join(runDir, 'kubeconfig'), env: join(runDir, 'env'), log: join(runDir, 'operator.log') };
  writeFileSync(paths.kubeconfig, api.kubeconfigYaml(), { mode: 0o600 });
  await prepareCluster(paths.kubeconfig);
  const viewListens = Promise.withResolvers<string>();
  const operator = runOperator(
    operatorConfig(options, paths.kubeconfig, broker.url),
    createLogger('info', paths.log),
    stop.signal,
    viewListens.resolve,
  );
  // Who ends before the view listens is waited for below.
  await Promise.race([viewListens.promise.then((address) => leadToView(paths.kubeconfig, address)), operator]);
  const devices = await startDevices(options, broker.url);
  writeFileSync(paths.env, `KUBECONFIG=${paths.kubeconfig}\nMIR_MQTT_URL=${broker.url}\n`);
  return {
    kubeconfig: paths.kubeconfig,
    mqttUrl: broker.url,
    logFile: paths.log,
    deviceIds: devices.map(({ deviceId }) => deviceId),
    operator,
    async close() {
      rmSync(paths.env, { force: true });
      await Promise.all(devices.map((device) => device.goOffline()));
      stop.abort();
      await operator.catch(() => {});
      await broker.close();
      await api.close();
      rmSync(paths.kubeconfig, { force: true });
    },
  };
}

function inFolder(dataDir: string | undefined, name: string): { readonly dataDir?: string } {
  if (dataDir === undefined) return {};
  const folder = join(dataDir, name);
  mkdirSync(folder, { recursive: true });
  return { dataDir: folder };
}

/** What an installation would have done: the CRDs, and the namespace that the samples live in. */
async function prepareCluster(kubeconfig: string): Promise<void> {
  const client = createKubeClient(await loadKubeconfig({ kubeconfig }));
  const crds = readdirSync(CRDS).filter((name) => name.endsWith('.yaml'));
  for (const name of crds) {
    await createOnce(() =>
      client.create(
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
        load(readFileSync(new URL(name, CRDS), 'utf8')),
      ),
    );
  }
  await createOnce(() => client.create('/api/v1/namespaces', sampleNamespace()));
  for (const [path, object] of VIEW_OBJECTS) await createOnce(() => client.create(path, object));
  await client.close();
}

/** What a cluster would have found out by itself: where the view listens. Resolves when the API server serves it. */
async function leadToView(kubeconfig: string, address: string): Promise<void> {
  const { host = '', port = 0 } = parseAddress(address) ?? {};
  const client = createKubeClient(await loadKubeconfig({ kubeconfig }));
  // One of an earlier run names another port.
  await client.delete(`${VIEW_SLICES}/${VIEW.name}`).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
  await client.create(VIEW_SLICES, viewSlice(VIEW.name, host, port));
  await client.close();
}

/** As `kubectl apply` leaves it, so that applying the samples finds nothing to complain about. */
function sampleNamespace(): unknown {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { annotations: {}, name: 'building-a' } };
  const applied = { [LAST_APPLIED]: `${JSON.stringify(namespace)}\n` };
  return { ...namespace, metadata: { ...namespace.metadata, annotations: applied } };
}

async function createOnce(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

function operatorConfig({ httpPort }: DevWorldOptions, kubeconfig: string, mqttUrl: string) {
  const flags = [`--kubeconfig=${kubeconfig}`, `--mqtt-url=${mqttUrl}`, `--http-address=127.0.0.1:${httpPort}`];
  // Nobody else leads here, and a world that is started again need not wait for the lease of the last one.
  const loaded = loadConfig([...flags, '--no-leader-election', '--view-address=127.0.0.1:0'], {});
  if (loaded.kind !== 'run') throw new Error(loaded.kind === 'error' ? loaded.message : 'no configuration');
  return loaded.config;
}

async function startDevices(
  { devices, dataDir, onDeviceEvent }: DevWorldOptions,
  url: string,
): Promise<SimulatedDevice[]> {
  const folder = inFolder(dataDir, 'devices').dataDir;
  const descriptorSet = await compileProtoFiles(SAMPLE_PROTOS, { includeDirs: [PROTO] });
  const fleet = Array.from({ length: devices }, (_, index) => {
    const deviceId = SAMPLE_IDS[index] ?? `sim-${index + 1}`;
    return createSimulatedDevice({
      ...SAMPLE_DEVICE,
      device: {
        deviceId,
        broker: { url },
        schema: { descriptorSet },
        onEvent: (event) => onDeviceEvent(describeEvent(deviceId, event)),
        ...(folder === undefined ? {} : { store: join(folder, `${deviceId}.db`) }),
      },
    });
  });
  await Promise.all(fleet.map((device) => device.start()));
  return fleet;
}
