/** A fleet that never stands still: people change what devices should be, devices report, come and go, objects are deleted and made anew. */
import type { Device as DeviceObject } from '../../src/api/device.ts';
import { devicesPath } from '../../src/api/device.ts';
import type { KubeClient, KubeList } from '../../src/kube/client.ts';
import type { Random } from '../../src/simulator/random.ts';
import { FaultDevice } from '../integration/support/fault-device.ts';
import { pause } from '../integration/support/pause.ts';
import { eventually } from '../world/eventually.ts';

/** Milliseconds between two things that happen in the whole fleet. */
const STEP_MS = 100;
/** So many devices connect at one time: more would only wait for each other. */
const CONNECTING = 20;

export interface FleetOptions {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly brokerUrl: string;
  readonly size: number;
  readonly random: Random;
}

/** What was done, for the figures. */
export interface Tally {
  changes: number;
  reports: number;
  departures: number;
  deletions: number;
}

export class Fleet {
  readonly devices: readonly FaultDevice[];
  /** Nothing happens to it but what `probe` does. */
  readonly canary: FaultDevice;
  readonly tally: Tally = { changes: 0, reports: 0, departures: 0, deletions: 0 };
  readonly #options: FleetOptions;
  readonly #away = new Set<FaultDevice>();
  readonly #removed = new Set<FaultDevice>();
  #number = 1;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: FleetOptions) {
    this.#options = options;
    const { namespace, brokerUrl, size } = options;
    const device = (name: string): FaultDevice =>
      new FaultDevice({ namespace, brokerUrl, name, deviceId: `${namespace}-${name}`, heartbeatSeconds: 10 });
    this.devices = Array.from({ length: size }, (_, index) => device(`device-${index}`));
    this.canary = device('canary');
  }

  get all(): readonly FaultDevice[] {
    return [...this.devices, this.canary];
  }

  /** Objects, and devices that are connected or about to be. */
  async open(): Promise<void> {
    const { kube } = this.#options;
    for (let at = 0; at < this.all.length; at += CONNECTING) {
      const some = this.all.slice(at, at + CONNECTING);
      await Promise.all(some.map((device) => device.create(kube)));
      await Promise.all(some.map((device) => device.connect()));
    }
  }

  start(): void {
    this.#stop = new AbortController();
    this.#running = this.#run(this.#stop.signal);
  }

  /** Everyone is back and every object is there when it resolves; rejects when a step has failed. */
  async settle(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    for (const device of this.#removed) await device.create(this.#options.kube);
    for (const device of this.#away) await device.comeBack();
    this.#removed.clear();
    this.#away.clear();
  }

  /** Changes the canary and waits until its device has the value; resolves with the milliseconds. */
  async probe(): Promise<number> {
    const { canary } = this;
    const startedAt = performance.now();
    this.#number += 1;
    const number = this.#number;
    await canary.want(this.#options.kube, number);
    const holdsIt = (): void => {
      const values = [...canary.stored().values()].flatMap(({ value }) => Object.values(value));
      if (!values.includes(number)) throw new Error(`the canary has no ${number} yet`);
    };
    await eventually('a change reaches its device', holdsIt, { timeoutMs: 60_000, intervalMs: 20 });
    return performance.now() - startedAt;
  }

  async objects(): Promise<ReadonlyMap<string, DeviceObject>> {
    const { kube, namespace } = this.#options;
    const { items } = await kube.get<KubeList<DeviceObject>>(devicesPath(namespace));
    return new Map(items.map((object) => [object.metadata.name, object]));
  }

  /** What differs between objects, devices and what was written and reported last. */
  async differences(): Promise<string[]> {
    const objects = await this.objects();
    const found = this.all.map(async (device) => {
      const object = objects.get(device.name);
      if (object === undefined) return [`${device.name} is gone`];
      const lost = device.lostWrites(object.properties?.desired ?? {}).map((write) => `lost: ${write}`);
      return [...lost, ...(await device.differences(object))];
    });
    return (await Promise.all(found)).flat();
  }

  close(): void {
    this.#stop.abort();
    for (const device of this.all) device.destroy();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#step();
      await pause(STEP_MS);
    }
  }

  async #step(): Promise<void> {
    const { random, kube } = this.#options;
    const device = this.devices[Math.floor(random() * this.devices.length)];
    const dice = random();
    if (device === undefined) return;
    this.#number += 1;
    if (this.#removed.has(device)) return this.#bringObject(device);
    if (this.#away.has(device)) return this.#bringDevice(device);
    if (dice < 0.55) {
      await device.want(kube, this.#number);
      this.tally.changes += 1;
    } else if (dice < 0.85) {
      device.report(this.#number);
      this.tally.reports += 1;
    } else if (dice < 0.97) {
      this.#away.add(device);
      this.tally.departures += 1;
      if (dice < 0.91) device.destroy();
      else await device.leave();
    } else {
      this.#removed.add(device);
      this.tally.deletions += 1;
      await device.remove(kube);
    }
  }

  async #bringObject(device: FaultDevice): Promise<void> {
    await device.create(this.#options.kube);
    this.#removed.delete(device);
  }

  async #bringDevice(device: FaultDevice): Promise<void> {
    await device.comeBack();
    this.#away.delete(device);
  }
}
