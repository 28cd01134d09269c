/** A stage: one world with one operator in a namespace of its own, and short words for what tests do on it. */
import { expect } from '@jest/globals';
import { devicesPath } from '../../../src/api/device.ts';
import type { Device, JsonObject } from '../../../src/api/device.ts';
import { SAMPLE_DEVICE } from '../../../src/simulator/models.ts';
import type { BrokerOptions, DeviceOptions } from '../../../src/sdk/index.ts';
import { createSimulatedDevice } from '../../../src/simulator/simulated-device.ts';
import type { SimulatedDevice, SimulatedDeviceOptions } from '../../../src/simulator/simulated-device.ts';
import { eventually } from '../../world/eventually.ts';
import type { OperatorProcess } from '../../world/operator-process.ts';
import { openWorld } from '../../world/world.ts';
import type { World } from '../../world/world.ts';
import { RATE } from './messages.ts';

export { BATTERY, RATE } from './messages.ts';

interface StageDeviceOptions extends Partial<Omit<SimulatedDeviceOptions, 'device'>> {
  readonly device?: Partial<Omit<DeviceOptions, 'broker'>> & { readonly broker?: Partial<BrokerOptions> };
}

/** Heartbeats and graces so short that no test waits long for them. */
export const QUICK = [
  '--heartbeat-default-seconds=1',
  '--silence-factor=2',
  '--will-grace-seconds=1',
  '--no-leader-election',
];

export class Stage {
  readonly world: World;
  readonly namespace: string;
  operator: OperatorProcess;
  readonly #devices: SimulatedDevice[] = [];

  private constructor(world: World, namespace: string, operator: OperatorProcess) {
    this.world = world;
    this.namespace = namespace;
    this.operator = operator;
  }

  static async open(flags: readonly string[] = []): Promise<Stage> {
    const world = await openWorld();
    const namespace = await world.namespace();
    return new Stage(world, namespace, await startQuick(world, namespace, flags));
  }

  async close(): Promise<void> {
    for (const device of this.#devices) device.die();
    await this.world.close();
  }

  /** Starts the operator again after it was stopped or killed. */
  async restartOperator(flags: readonly string[] = []): Promise<void> {
    this.operator = await startQuick(this.world, this.namespace, flags);
  }

  create(name: string, desired: Record<string, JsonObject> = {}, spec: JsonObject = {}): Promise<Device> {
    return this.world.kube.create<Device>(devicesPath(this.namespace), {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name },
      spec: { deviceId: this.id(name), ...spec },
      properties: { desired },
    });
  }

  patch(name: string, patch: JsonObject): Promise<Device> {
    return this.world.kube.patch<Device>(this.#path(name), 'application/merge-patch+json', patch);
  }

  desire(name: string, message: string, value: JsonObject | null): Promise<Device> {
    return this.patch(name, { properties: { desired: { [message]: value } } });
  }

  async delete(name: string): Promise<void> {
    await this.world.kube.delete(this.#path(name));
  }

  get(name: string): Promise<Device> {
    return this.world.kube.get<Device>(this.#path(name));
  }

  /** Waits until the object passes `check`. */
  until(name: string, claim: string, check: (device: Device) => void): Promise<void> {
    return eventually(`${name}: ${claim}`, async () => check(await this.get(name)));
  }

  untilCondition(name: string, type: string, expected: string): Promise<void> {
    return this.until(name, `${type} is ${expected}`, (device) => expect(condition(device, type)).toBe(expected));
  }

  /** The device announced itself; `Retained` when that was before the operator knew the object. */
  untilAnnounced(name: string): Promise<void> {
    return this.until(name, 'is announced', (device) =>
      expect(condition(device, 'Online')).toMatch(/^True\/(?:Birth|Retained)$/),
    );
  }

  /** Device ids differ between stages, which may share an API server. */
  id(name: string): string {
    return `${this.namespace}-${name}`;
  }

  topic(name: string, rest: string): string {
    return `mir/v1alpha/${this.id(name)}/${rest}`;
  }

  say(name: string, rest: string, body: unknown, isRetained = true): Promise<void> {
    const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return this.world.broker.publish(this.topic(name, rest), payload, { retain: isRetained, qos: 1 });
  }

  /** Sends `schema` whenever the operator asks for it. */
  async answerSchema(name: string, schema: Buffer): Promise<void> {
    const client = await this.world.broker.connect();
    client.on('message', (_topic, payload) => {
      if (payload.toString() === 'schema') void this.say(name, 'schema', schema, false);
    });
    await client.subscribeAsync(this.topic(name, 'get'), { qos: 1 });
  }

  /** A simulated device, not started. */
  device(name: string, { device: own, ...options }: StageDeviceOptions = {}): SimulatedDevice {
    const device = createSimulatedDevice({
      ...SAMPLE_DEVICE,
      device: {
        deviceId: this.id(name),
        announce: { heartbeatSeconds: 1 },
        ...own,
        broker: { url: this.world.broker.url, ...own?.broker },
      },
      ...options,
    });
    this.#devices.push(device);
    return device;
  }

  async startDevice(name: string, options: StageDeviceOptions = {}): Promise<SimulatedDevice> {
    const device = this.device(name, options);
    await device.start();
    return device;
  }

  /** What kubectl describe shows under Events. */
  async untilEvent(name: string, reason: string, text: string): Promise<void> {
    await eventually(`${name} has an event ${reason}`, async () => {
      const path = `/api/v1/namespaces/${this.namespace}/events`;
      const fieldSelector = `involvedObject.name=${name}`;
      const { items } = await this.world.kube.get<{ items: { reason: string; message: string }[] }>(path, {
        fieldSelector,
      });
      const messages = items.filter((event) => event.reason === reason).map(({ message }) => message);
      expect(messages.join('\n')).toContain(text);
    });
  }

  async badInput(reason: string): Promise<number> {
    return (await this.operator.metrics()).value('mir_bad_input_total', { reason }) ?? 0;
  }

  #path(name: string): string {
    return `${devicesPath(this.namespace)}/${name}`;
  }
}

function startQuick(world: World, namespace: string, flags: readonly string[] = []): Promise<OperatorProcess> {
  return world.startOperator({ namespace, flags: [...QUICK, ...flags] });
}

/** `True/Published`, or `absent`. */
export function condition(device: Device, type: string): string {
  const found = device.status?.conditions?.find((one) => one.type === type);
  return found === undefined ? 'absent' : `${found.status}/${found.reason}`;
}

export function syncState(device: Device, message = RATE): string | undefined {
  return device.status?.sync?.[message]?.state;
}
