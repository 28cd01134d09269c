/** A world with an operator that serves the Mir view, and short words for what tests ask of it. */
import { devicePath, devicesPath } from '../../../src/api/device.ts';
import type { Device, JsonObject } from '../../../src/api/device.ts';
import { SAMPLE_DEVICE } from '../../../src/simulator/models.ts';
import { createSimulatedDevice } from '../../../src/simulator/simulated-device.ts';
import type { SimulatedDevice } from '../../../src/simulator/simulated-device.ts';
import type { CommandResult } from '../../world/kubectl.ts';
import type { OperatorProcess } from '../../world/operator-process.ts';
import { installView, removeView, routeView, viewFlag } from '../../world/view-service.ts';
import { openWorld } from '../../world/world.ts';
import type { World, WorldOptions } from '../../world/world.ts';
import { QUICK } from './stage.ts';

export type MirDevice = JsonObject & {
  readonly metadata: JsonObject & { readonly resourceVersion: string; readonly generation: number };
};

export class ViewStage {
  readonly world: World;
  readonly namespace: string;
  operator: OperatorProcess;
  readonly #devices: SimulatedDevice[] = [];

  private constructor(world: World, namespace: string, operator: OperatorProcess) {
    this.world = world;
    this.namespace = namespace;
    this.operator = operator;
  }

  static async open(options: WorldOptions = {}): Promise<ViewStage> {
    const world = await openWorld(options);
    await installView(world);
    const operator = await startOperator(world);
    await routeView(world, operator);
    return new ViewStage(world, await world.namespace(), operator);
  }

  async close(): Promise<void> {
    for (const device of this.#devices) device.die();
    await removeView(this.world);
    await this.world.close();
  }

  /** Starts the operator again after it was stopped or killed, and leads the API server to it. */
  async restart(): Promise<void> {
    this.operator = await startOperator(this.world);
    await routeView(this.world, this.operator);
  }

  /** kubectl in the stage's namespace. */
  kubectl(...args: string[]): Promise<CommandResult> {
    return this.world.kubectl('-n', this.namespace, ...args);
  }

  async apply(manifest: string, ...args: string[]): Promise<CommandResult> {
    return this.world.kubectlWithInput(manifest, '-n', this.namespace, 'apply', '-f', '-', ...args);
  }

  mir(name: string): Promise<MirDevice> {
    return this.world.kube.get<MirDevice>(this.mirPath(name));
  }

  stored(name: string): Promise<Device & { readonly metadata: { readonly annotations?: Record<string, string> } }> {
    return this.world.kube.get(devicePath(`${this.namespace}/${name}`));
  }

  create(name: string, labels: Record<string, string> = {}): Promise<Device> {
    return this.world.kube.create<Device>(devicesPath(this.namespace), {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name, labels },
      spec: { deviceId: this.id(name) },
      properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds: 60 } } },
    });
  }

  /** A document as people write one, in both of its names. */
  document(name: string, intervalSeconds = 60): string {
    return `
apiVersion: mir/v1alpha
kind: device
metadata: {name: ${name}}
meta: {labels: {type: sensor}, annotations: {note: x}}
spec: {deviceId: ${this.id(name)}}
properties: {desired: {sensor.v1.SampleRate: {intervalSeconds: ${intervalSeconds}}}}
`;
  }

  mirPath(name?: string): string {
    const collection = `/apis/mir/v1alpha/namespaces/${this.namespace}/devices`;
    return name === undefined ? collection : `${collection}/${name}`;
  }

  /** Device ids differ between stages, which may share an API server. */
  id(name: string): string {
    return `${this.namespace}-${name}`;
  }

  async startDevice(deviceId: string): Promise<void> {
    const device = createSimulatedDevice({
      ...SAMPLE_DEVICE,
      device: { deviceId, announce: { heartbeatSeconds: 1 }, broker: { url: this.world.broker.url } },
    });
    this.#devices.push(device);
    await device.start();
  }
}

function startOperator(world: World): Promise<OperatorProcess> {
  return world.startOperator({ flags: [...QUICK, viewFlag()] });
}
