/** A lane: one fault with everything it breaks to itself – namespace, API proxy, broker, devices – on a shared API server. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Device as DeviceObject } from '../../../src/api/device.ts';
import type { KubeList } from '../../../src/kube/client.ts';
import { scratchDirectory } from '../../real/reaper.ts';
import { startApiProxy } from '../../world/api-proxy.ts';
import type { ApiProxy } from '../../world/api-proxy.ts';
import { createTestBroker } from '../../world/broker.ts';
import type { TestBroker } from '../../world/broker.ts';
import type { Recording } from '../../world/broker-client.ts';
import { eventually } from '../../world/eventually.ts';
import { startOperator } from '../../world/operator-process.ts';
import type { OperatorOptions, OperatorProcess } from '../../world/operator-process.ts';
import type { World } from '../../world/world.ts';
import { FaultDevice } from './fault-device.ts';
import { unchangedPublishes } from './fault-publishes.ts';
import { Traffic } from './fault-traffic.ts';

export interface LaneOptions {
  /** Devices that change all the time; default 5. */
  readonly busy?: number;
  /** Devices that nobody changes; default 2. */
  readonly idle?: number;
  /** The devices reach the broker through its proxy too. */
  readonly isBrokerProxied?: boolean;
  /** The broker of another lane. */
  readonly broker?: TestBroker;
  readonly namespace?: string;
}

/** What a fault cost. */
export interface Recovery {
  /** From the fault's end until every object and every device held the newest value. */
  readonly ms: number;
}

/** The promise is ten seconds, and what it took is printed; a machine busy with other things gets twice that. */
const RECOVERY_LIMIT_MS = 20_000;

export class Lane {
  readonly world: World;
  readonly namespace: string;
  readonly api: ApiProxy;
  readonly broker: TestBroker;
  readonly busy: readonly FaultDevice[];
  readonly idle: readonly FaultDevice[];
  readonly traffic: Traffic;
  readonly #brokerUrl: string;
  readonly #isBrokerOwned: boolean;
  readonly #recording: Recording;
  readonly #operators: OperatorProcess[] = [];

  private constructor(
    world: World,
    parts: Pick<Lane, 'namespace' | 'api' | 'broker'>,
    recording: Recording,
    options: LaneOptions,
  ) {
    this.world = world;
    this.namespace = parts.namespace;
    this.api = parts.api;
    this.broker = parts.broker;
    this.#recording = recording;
    this.#brokerUrl = options.isBrokerProxied === true ? this.broker.proxyUrl : this.broker.url;
    this.#isBrokerOwned = options.broker === undefined;
    this.busy = this.#createDevices('busy', options.busy ?? 5);
    this.idle = this.#createDevices('idle', options.idle ?? 2);
    this.traffic = new Traffic(world.kube, this.busy);
  }

  /** Objects and connected devices, no operator yet. */
  static async open(world: World, options: LaneOptions = {}): Promise<Lane> {
    const directory = join(scratchDirectory('lane'), randomBytes(3).toString('hex'));
    mkdirSync(directory, { recursive: true });
    const namespace = options.namespace ?? (await world.namespace());
    const api = await startApiProxy(world.kubeconfig, join(directory, 'proxy.kubeconfig'));
    const broker = options.broker ?? (await openBroker(world, directory));
    const recording = await broker.watch('mir/v1alpha/+/desired');
    const lane = new Lane(world, { namespace, api, broker }, recording, options);
    await Promise.all(lane.devices.map((device) => device.create(world.kube)));
    await Promise.all(lane.devices.map((device) => device.connect()));
    return lane;
  }

  get devices(): readonly FaultDevice[] {
    return [...this.busy, ...this.idle];
  }

  /** Through this lane's proxy; for its namespace unless told otherwise. */
  async startOperator(options: OperatorOptions = {}): Promise<OperatorProcess> {
    const operator = await startOperator(this.api.kubeconfig, this.#brokerUrl, {
      namespace: this.namespace,
      ...options,
    });
    this.#operators.push(operator);
    return operator;
  }

  async objects(): Promise<ReadonlyMap<string, DeviceObject>> {
    const path = `/apis/iot.mir/v1alpha/namespaces/${this.namespace}/devices`;
    const { items } = await this.world.kube.get<KubeList<DeviceObject>>(path);
    return new Map(items.map((object) => [object.metadata.name, object]));
  }

  /** Waits until every object's status and every device's store hold the newest value, and nobody's write was lost. */
  async converged(timeoutMs = 30_000): Promise<void> {
    const check = async (): Promise<void> => {
      const objects = await this.objects();
      const found: string[] = [];
      for (const device of this.devices) {
        const object = objects.get(device.name);
        found.push(...(object === undefined ? [`${device.name} is gone`] : await device.differences(object)));
      }
      if (found.length > 0) throw new Error([...found.slice(0, 6), `${found.length} differences in all`].join('\n'));
    };
    await eventually(`everything in ${this.namespace} holds the newest value`, check, { timeoutMs, intervalMs: 40 });
  }

  /** From now on: no more changes, and everything must come to hold the newest value in time. */
  async recovers(endedAt = performance.now()): Promise<Recovery> {
    await this.traffic.stop();
    await this.converged(RECOVERY_LIMIT_MS - (performance.now() - endedAt));
    return { ms: performance.now() - endedAt };
  }

  /** Changes still get through, so that what was seen before was no last breath. */
  async stillWorks(): Promise<void> {
    await this.traffic.once();
    await this.converged(RECOVERY_LIMIT_MS);
  }

  /** Acknowledged changes that the cluster does not have; after a restore that is what restoring means. */
  async lostWrites(): Promise<string[]> {
    const objects = await this.objects();
    return this.busy.flatMap((device) => device.lostWrites(objects.get(device.name)?.properties?.desired ?? {}));
  }

  /** Values that some device was given again although it had them. */
  repeatedRuns(): string[] {
    return this.devices.flatMap((device) => device.repeatedRuns());
  }

  /** Documents that were published although they said what the one before had said. */
  unchangedPublishes(): string[] {
    const own = new Set(this.devices.map(({ deviceId }) => `mir/v1alpha/${deviceId}/desired`));
    return unchangedPublishes(this.#recording.messages.filter(({ topic }) => own.has(topic)));
  }

  /** Publishes on a device's desired topic that the recording saw. */
  publishes(device: FaultDevice): number {
    return this.#recording.on(`mir/v1alpha/${device.deviceId}/desired`).filter(({ isRetained }) => !isRetained).length;
  }

  async close(): Promise<void> {
    await this.traffic.stop();
    for (const device of this.devices) device.destroy();
    await Promise.all(this.#operators.map((operator) => operator.kill()));
    await this.api.close();
    if (this.#isBrokerOwned) await this.broker.close();
  }

  #createDevices(kind: string, count: number): readonly FaultDevice[] {
    return Array.from({ length: count }, (_, index) => {
      const name = `${kind}-${index}`;
      const deviceId = `${this.namespace}-${name}`;
      return new FaultDevice({ namespace: this.namespace, name, deviceId, brokerUrl: this.#brokerUrl });
    });
  }
}

async function openBroker(world: World, directory: string): Promise<TestBroker> {
  if (world.kind === 'real') {
    const { openRealBroker } = await import('../../world/real.ts');
    return createTestBroker(await openRealBroker(directory));
  }
  const { openEmbeddedBroker } = await import('../../world/embedded.ts');
  return createTestBroker(await openEmbeddedBroker(directory));
}
