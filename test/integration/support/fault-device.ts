/** One device of a fault test: an object in the cluster and an SDK device, with a book of everything its handlers were given. */
import type { Device as DeviceObject, Properties } from '../../../src/api/device.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { canonicalJson } from '../../../src/protocol/canonical.ts';
import { createDevice, memoryStore } from '../../../src/sdk/index.ts';
import type { Device, Entries, MessageValue } from '../../../src/sdk/index.ts';

const RATE = 'sensor.v1.SampleRate';
const WIFI = 'sensor.v1.WifiSettings';
const BATTERY = 'sensor.v1.BatteryStatus';
const DESIRED = [RATE, WIFI] as const;

export interface FaultDeviceOptions {
  readonly namespace: string;
  readonly name: string;
  readonly deviceId: string;
  readonly brokerUrl: string;
  readonly heartbeatSeconds?: number;
}

export class FaultDevice {
  readonly name: string;
  readonly deviceId: string;
  readonly path: string;
  /** What the handlers were given, per message, oldest first, in canonical form. */
  readonly runs = new Map<string, string[]>();
  /** The percentage last reported. */
  lastReport = 0;
  /** The number last written into each message by a PATCH that the API server acknowledged. */
  readonly acknowledged = new Map<string, number>();
  readonly #store = memoryStore();
  #device: Device;
  readonly #options: FaultDeviceOptions;

  constructor(options: FaultDeviceOptions) {
    this.#options = options;
    this.name = options.name;
    this.deviceId = options.deviceId;
    this.path = `/apis/iot.mir/v1alpha/namespaces/${options.namespace}/devices/${options.name}`;
    this.#device = this.#build();
  }

  get object(): object {
    return {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: this.name, namespace: this.#options.namespace },
      spec: { deviceId: this.deviceId },
      properties: { desired: { [RATE]: { intervalSeconds: 0 }, [WIFI]: { ssid: 'plant', channel: 0 } } },
    };
  }

  async create(kube: KubeClient): Promise<void> {
    await kube.create(this.path.slice(0, this.path.lastIndexOf('/')), this.object);
  }

  async connect(): Promise<void> {
    this.report(0);
    await this.#device.connect();
  }

  destroy(): void {
    this.#device.destroy();
  }

  /** Says goodbye and goes. */
  leave(): Promise<void> {
    return this.#device.close();
  }

  /** Starts again with what it has stored, after `leave` or `destroy`. */
  async comeBack(): Promise<void> {
    this.#device = this.#build();
    for (const runs of this.runs.values()) runs.push(STARTED);
    await this.#device.connect();
  }

  /** Takes its object away. */
  async remove(kube: KubeClient): Promise<void> {
    await kube.delete(this.path);
    this.acknowledged.clear();
  }

  report(percentage: number): void {
    this.lastReport = percentage;
    this.#device.report(BATTERY, { percentage });
  }

  /** Writes `number` into one of the two desired messages, as a person with kubectl would. */
  async want(kube: KubeClient, number: number): Promise<void> {
    const [message, value] =
      number % 2 === 0 ? [RATE, { intervalSeconds: number }] : [WIFI, { ssid: 'plant', channel: number }];
    await kube.patch(this.path, 'application/merge-patch+json', { properties: { desired: { [message]: value } } });
    this.acknowledged.set(message, number);
  }

  stored(): Entries {
    return this.#store.load().entries;
  }

  /** All that it knows, for the evidence of a failure. */
  book(): object {
    const { name, deviceId, lastReport } = this;
    const [runs, acknowledged] = [this.runs, this.acknowledged].map((map) => Object.fromEntries<unknown>(map));
    return { name, deviceId, stored: Object.fromEntries(this.stored()), runs, acknowledged, lastReport };
  }

  /** Handler runs so far. */
  get runCount(): number {
    return [...this.runs.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** What differs between the object, the device's store, and what was written and reported last; nothing when all agree. */
  async differences(object: DeviceObject): Promise<string[]> {
    const desired = object.properties?.desired ?? {};
    const store = this.stored();
    const found: string[] = [];
    const expect = (what: string, actual: unknown, expected: unknown): void => {
      const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
      if (is !== should) found.push(`${this.deviceId}: ${what} is ${is}, not ${should}`);
    };
    for (const [message, value] of Object.entries(desired)) {
      const sync = object.status?.sync?.[message];
      expect(`${message} in the device's store`, sorted(store.get(message)?.value), sorted(value));
      expect(`${message} in status.reported`, sorted(object.status?.reported?.[message]), sorted(value));
      expect(`${message}'s sync state`, sync?.state, 'InSync');
      expect(`${message}'s revision in the store`, store.get(message)?.revision, sync?.revision);
      expect(`${message} given to the handler last`, this.runs.get(message)?.at(-1), canonicalJson(value));
    }
    expect('observedGeneration', object.status?.observedGeneration, object.metadata.generation);
    expect(`${BATTERY} in status.reported`, object.status?.reported?.[BATTERY], { percentage: this.lastReport });
    for (const type of ['Synced', 'Ready', 'Online']) {
      expect(type, object.status?.conditions?.find((condition) => condition.type === type)?.status, 'True');
    }
    return found;
  }

  #build(): Device {
    const device = createDevice({
      deviceId: this.deviceId,
      broker: {
        url: this.#options.brokerUrl,
        keepaliveSeconds: 5,
        reconnect: { baseMs: 200, maxMs: 1000, reportSpreadMs: 200 },
      },
      store: this.#store,
      announce: { heartbeatSeconds: this.#options.heartbeatSeconds ?? 5 },
    });
    for (const message of DESIRED) {
      device.onDesired(message, (value) => {
        this.runs.set(message, [...(this.runs.get(message) ?? []), canonicalJson(value)]);
      });
    }
    return device;
  }

  /** Values that a handler was given again although the device had them already. */
  repeatedRuns(): string[] {
    return [...this.runs].flatMap(([message, values]) =>
      values
        .filter((value, at) => at > 0 && value === values[at - 1])
        .map((value) => `${this.deviceId} ${message} ${value}`),
    );
  }

  /** Numbers of acknowledged PATCHes that the object does not hold although nothing newer was written. */
  lostWrites(desired: Properties): string[] {
    return [...this.acknowledged]
      .filter(([message, number]) => numberIn(desired[message]) < number)
      .map(([message, number]) => `${this.deviceId} ${message} ${number}`);
  }
}

/** Among the runs of a handler: a start gives it what is stored, once more. */
const STARTED = 'started';

function numberIn(value: MessageValue | undefined): number {
  return Number(value?.['intervalSeconds'] ?? value?.['channel'] ?? -1);
}

function sorted(value: MessageValue | undefined): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}
