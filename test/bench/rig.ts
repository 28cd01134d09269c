/** The real world of one benchmark: a control plane and a mosquitto of its own, an operator process, and a load process. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { MqttClient } from 'mqtt';
import type { Device, Properties } from '../../src/api/device.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { loadKubeconfig } from '../../src/kubeconfig/kubeconfig.ts';
import { findControlPlane } from '../real/binaries.ts';
import { startControlPlane } from '../real/control-plane.ts';
import { findMosquitto } from '../real/system-packages.ts';
import { startMosquitto } from '../real/mosquitto.ts';
import type { Mosquitto } from '../real/mosquitto.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { connectTo } from '../world/broker-client.ts';
import { installCrds } from '../world/cluster.ts';
import { eventually } from '../world/eventually.ts';
import { startOperator } from '../world/operator-process.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { deviceIdOf } from './load-order.ts';
import type { StartCommand } from '../world/start-command.ts';
import type { LoadAnswer, LoadOrder } from './load-order.ts';
import { within } from './within.ts';

/** The operator serves this namespace only. */
export const SERVED = 'served';
/** Floors are measured on objects of this one, which it never sees and which hold as much as the served ones. */
export const RAW = 'raw';
/** Objects without a status, to tell what a status costs. */
export const BARE = 'bare';
export const DEVICES = '/apis/iot.mir/v1alpha';

export interface RigOptions extends StartCommand {
  /** What is run as the operator. */
  readonly entry: string;
  readonly progress: (line: string) => void;
  /** A directory that keeps control plane and broker; by default one that ends with the run. */
  readonly world?: string;
}

interface RigParts {
  readonly kubeconfig: string;
  readonly kube: KubeClient;
  readonly broker: Mosquitto;
  readonly apiServerPid: number;
  /** What closes it all, in this order. */
  readonly endings: (() => unknown)[];
}

const CREATES_IN_FLIGHT = 16;

export class Rig {
  readonly kube: KubeClient;
  readonly brokerPort: number;
  /** Of kube-apiserver, whose CPU is what a write costs. */
  readonly apiServerPid: number;
  readonly #broker: Mosquitto;
  readonly #options: RigOptions;
  readonly #kubeconfig: string;
  readonly #endings: (() => unknown)[];
  #load: ChildProcess | undefined;

  constructor(options: RigOptions, parts: RigParts) {
    this.#options = options;
    this.#kubeconfig = parts.kubeconfig;
    this.kube = parts.kube;
    this.brokerPort = parts.broker.port;
    this.#broker = parts.broker;
    this.apiServerPid = parts.apiServerPid;
    this.#endings = parts.endings;
  }

  /** Of an administrator. */
  get kubeconfig(): string {
    return this.#kubeconfig;
  }

  /** The built plugin, beside the operator. */
  get plugin(): string {
    return join(dirname(this.#options.entry), 'plugin', 'kubectl-mir');
  }

  progress(line: string): void {
    this.#options.progress(line);
  }

  /** `flags` are further ones of the operator. */
  async startOperator(flags: readonly string[] = []): Promise<OperatorProcess> {
    const operator = await startOperator(this.#kubeconfig, `mqtt://127.0.0.1:${this.brokerPort}`, {
      entry: this.#options.entry,
      namespace: SERVED,
      flags,
      env: this.#options.env,
      nodeFlags: this.#options.nodeFlags,
      readyMs: 300_000,
    });
    this.#endings.unshift(() => operator.stop());
    return operator;
  }

  /** Starts the broker anew, with nothing in its store. */
  async emptyBroker(): Promise<void> {
    await this.#broker.stop();
    await this.#broker.start({ empty: true });
  }

  /** A raw MQTT client of this process. */
  async connectDevice(): Promise<MqttClient> {
    const client = await connectTo(`mqtt://127.0.0.1:${this.brokerPort}`);
    if ('setNoDelay' in client.stream && typeof client.stream.setNoDelay === 'function') client.stream.setNoDelay(true);
    this.#endings.unshift(() => client.endAsync(true));
    return client;
  }

  /**
   * Gives each object of `RAW` the status of its namesake in `SERVED`, so that both cost the API server the same. Waits until those have
   * theirs: Pending is written seconds after a roll-out, in which the operator seems to be idle.
   */
  async mirrorStatus(devices = Number.POSITIVE_INFINITY): Promise<void> {
    const served = await eventually(
      'every served device has a status',
      async () => {
        const listed = (await this.listDevices(SERVED)).slice(0, devices);
        const bare = listed.filter(({ metadata, status }) => status?.observedGeneration !== metadata.generation);
        if (bare.length > 0) throw new Error(`${bare.length} have none`);
        return listed;
      },
      { timeoutMs: 300_000, intervalMs: 1000 },
    );
    const work = async (): Promise<void> => {
      for (let device = served.pop(); device !== undefined; device = served.pop()) {
        await this.patchStatus(RAW, device.metadata.name, { ...device.status });
      }
    };
    await Promise.all(Array.from({ length: CREATES_IN_FLIGHT }, work));
  }

  /** A status write as the operator makes it. */
  async patchStatus(namespace: string, name: string, status: object): Promise<void> {
    const path = `${DEVICES}/namespaces/${namespace}/devices/${name}/status`;
    await this.kube.patch(path, 'application/merge-patch+json', { status }, { fieldManager: 'mir-operator' });
  }

  /** Creates devices `from`…`to`-1 and resolves when the API server has them all. */
  async createDevices(
    namespace: string,
    from: number,
    to: number,
    desired: Properties,
    idOf = deviceIdOf,
  ): Promise<void> {
    let next = from;
    const work = async (): Promise<void> => {
      for (let device = next++; device < to; device = next++) {
        if (device > from && device % 10_000 === 0) this.progress(`${device} of ${to} devices`);
        await this.kube.create(`${DEVICES}/namespaces/${namespace}/devices`, {
          apiVersion: 'iot.mir/v1alpha',
          kind: 'device',
          metadata: { name: idOf(device) },
          spec: { deviceId: idOf(device) },
          properties: { desired },
        });
      }
    };
    await Promise.all(Array.from({ length: CREATES_IN_FLIGHT }, work));
  }

  async listDevices(namespace: string): Promise<Device[]> {
    const items: Device[] = [];
    let next: string | undefined;
    do {
      const page = await this.kube.get<{ items: Device[]; metadata: { continue?: string } }>(
        `${DEVICES}/namespaces/${namespace}/devices`,
        { limit: 500, continue: next },
      );
      for (const item of page.items) items.push(item);
      next = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (next !== undefined);
    return items;
  }

  /** Sends load from a process of its own; resolves when the broker has acknowledged all of it. */
  async load(order: Omit<LoadOrder, 'port'>): Promise<LoadAnswer> {
    const load = this.#load ?? this.#startLoad();
    load.send({ ...order, port: this.brokerPort } satisfies LoadOrder);
    const [answer] = (await within(
      `${order.messages} messages of the load are acknowledged`,
      once(load, 'message'),
      LOAD_MS,
    )) as [LoadAnswer];
    return answer;
  }

  async close(): Promise<void> {
    for (const end of this.#endings) await end();
  }

  #startLoad(): ChildProcess {
    const load = fork(join(import.meta.dirname, 'load.ts'));
    this.#load = load;
    this.#endings.unshift(() => load.disconnect());
    return load;
  }
}

/** The longest load takes half a minute where nothing is in its way. */
const LOAD_MS = 300_000;

/** Opens a rig; whoever opens it closes it. About six seconds. */
export async function openRig(options: RigOptions): Promise<Rig> {
  const directory = options.world ?? scratchDirectory('bench');
  const plane = await startControlPlane(await findControlPlane(options.progress), join(directory, 'control-plane'));
  mkdirSync(join(directory, 'mosquitto'), { recursive: true });
  const broker = await startMosquitto(await findMosquitto(options.progress), join(directory, 'mosquitto'));
  const kube = createKubeClient(await loadKubeconfig({ kubeconfig: plane.kubeconfig }), { userAgent: 'mir-bench' });
  await installCrds(kube);
  for (const name of [SERVED, RAW, BARE]) await createNamespace(kube, name);
  return new Rig(options, {
    kubeconfig: plane.kubeconfig,
    kube,
    broker,
    apiServerPid: plane.pids()['kube-apiserver'] ?? 0,
    endings: [
      () => kube.close(),
      () => broker.stop(),
      () => plane.close(),
      () => options.world === undefined && rmSync(directory, { recursive: true, force: true }),
    ],
  });
}

async function createNamespace(kube: KubeClient, name: string): Promise<void> {
  try {
    await kube.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
  }
}

/** Resolves when the operator has nothing more to do: no key waits or is worked on, and for a while nothing was written. */
export async function untilIdle(operator: OperatorProcess, devices: number, timeoutMs = 300_000): Promise<void> {
  let writes = -1;
  let quietChecks = 0;
  await eventually(
    `the operator has settled ${devices} devices`,
    async () => {
      const metrics = await operator.metrics();
      const now = metrics.value('mir_status_writes_total');
      const isBusy = metrics.value('workqueue_depth') + metrics.value('workqueue_unfinished_work_seconds') > 0;
      quietChecks = now === writes && !isBusy && metrics.value('mir_cached_objects') >= devices ? quietChecks + 1 : 0;
      writes = now;
      if (quietChecks < QUIET_CHECKS) throw new Error(`${now} writes so far`);
    },
    { timeoutMs, intervalMs: 250 },
  );
}

/** Of a quarter second each: longer than the least interval between two writes for one device. */
const QUIET_CHECKS = 6;
