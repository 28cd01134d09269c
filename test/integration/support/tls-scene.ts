/** An operator, twins and SDK devices around a broker with TLS: one side comes through the door that a test is about, the other through the open one. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { devicesPath } from '../../../src/api/device.ts';
import type { Device as Twin } from '../../../src/api/device.ts';
import { createDevice } from '../../../src/sdk/index.ts';
import type { BrokerOptions, Device, DeviceCredentials, DeviceEvent } from '../../../src/sdk/index.ts';
import { scratchDirectory } from '../../real/reaper.ts';
import { eventually } from '../../world/eventually.ts';
import type { OperatorProcess } from '../../world/operator-process.ts';
import type { World } from '../../world/world.ts';
import { BATTERY, RATE } from './messages.ts';
import { condition } from './stage.ts';

/** Names of a client's files; `password` is for the door with passwords, `cert` and `key` for the other. */
export interface ClientFiles {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly password?: string;
}

/** Files of one client, which a test replaces while it runs, as a mounted Secret is replaced. */
export class ClientFolder {
  readonly #directory: string;

  constructor(name: string, files: ClientFiles) {
    this.#directory = join(scratchDirectory('client-files'), name);
    mkdirSync(this.#directory);
    this.write(files);
  }

  write(files: Partial<ClientFiles>): void {
    for (const [name, text] of Object.entries<string>(files)) writeFileSync(join(this.#directory, name), text);
  }

  flags(): string[] {
    return this.#names().map((name) => `--mqtt-${name}-file=${join(this.#directory, name)}`);
  }

  credentials(): DeviceCredentials {
    const { password, ...tls } = Object.fromEntries(
      this.#names().map((name) => [name, readFileSync(join(this.#directory, name), 'utf8')]),
    );
    return { tls, ...(password !== undefined && { password }) };
  }

  #names(): string[] {
    return ['ca', 'cert', 'key', 'password'].filter((name) => this.#has(name));
  }

  #has(name: string): boolean {
    try {
      return readFileSync(join(this.#directory, name)).length > 0;
    } catch {
      return false;
    }
  }
}

export class TlsScene {
  readonly operator: OperatorProcess;
  readonly namespace: string;
  readonly #world: World;
  readonly #devices = new Map<string, { readonly device: Device; readonly events: DeviceEvent[] }>();

  private constructor(world: World, namespace: string, operator: OperatorProcess) {
    this.#world = world;
    this.namespace = namespace;
    this.operator = operator;
  }

  static async open(world: World, mqttUrl: string, flags: readonly string[]): Promise<TlsScene> {
    const namespace = await world.namespace();
    const own = [
      '--no-leader-election',
      `--mqtt-client-id=operator-${namespace}`,
      '--heartbeat-default-seconds=1',
      '--will-grace-seconds=1',
    ];
    const operator = await world.startOperator({ namespace, mqttUrl, flags: [...own, ...flags] });
    return new TlsScene(world, namespace, operator);
  }

  async close(): Promise<void> {
    for (const { device } of this.#devices.values()) device.destroy();
    await this.operator.kill();
  }

  async add(name: string, broker: BrokerOptions): Promise<void> {
    const deviceId = this.id(name);
    await this.#world.kube.create<Twin>(devicesPath(this.namespace), {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name },
      spec: { deviceId },
      properties: { desired: {} },
    });
    const events: DeviceEvent[] = [];
    const onEvent = (event: DeviceEvent): void => void events.push(event);
    const device = createDevice({
      deviceId,
      broker: { reconnect: { baseMs: 50, maxMs: 500 }, ...broker },
      announce: { heartbeatSeconds: 1 },
      onEvent,
    });
    device.onDesired(RATE, () => undefined);
    this.#devices.set(name, { device, events });
    await device.connect();
  }

  id(name: string): string {
    return `${this.namespace}-${name}`;
  }

  /** A change for every device, and a value from every one. */
  async change(round: number): Promise<void> {
    for (const [name, { device }] of this.#devices) {
      device.report(BATTERY, { percentage: round });
      await this.#world.kube.patch(this.#path(name), 'application/merge-patch+json', {
        properties: { desired: { [RATE]: { intervalSeconds: round } } },
      });
    }
  }

  /** What the last change was about is at every device, and in every twin. */
  async untilInSync(round: number, names = [...this.#devices.keys()]): Promise<void> {
    for (const name of names) {
      await eventually(`${name} is in sync with ${round}`, async () => {
        const twin = await this.#world.kube.get<Twin>(this.#path(name));
        expect(condition(twin, 'Synced')).toBe('True/InSync');
        expect(twin.status?.reported).toEqual({ [RATE]: { intervalSeconds: round }, [BATTERY]: { percentage: round } });
      });
      expect(this.#devices.get(name)?.device.desired(RATE)).toEqual({ intervalSeconds: round });
    }
  }

  async untilOffline(name: string): Promise<void> {
    await eventually(`${name} is shown offline`, async () => {
      expect(condition(await this.#world.kube.get<Twin>(this.#path(name)), 'Online')).toMatch(/^False/);
    });
  }

  async untilDeviceSays(name: string, why: RegExp): Promise<void> {
    await eventually(`${name} says ${why.source}`, () =>
      expect(this.farewells(name)).toContainEqual(expect.stringMatching(why)),
    );
  }

  /** Why the device was offline each time. */
  farewells(name: string): string[] {
    const events = this.#devices.get(name)?.events ?? [];
    return events.flatMap((event) => (event.kind === 'offline' ? event.reason : []));
  }

  /** Log, `/readyz` and metrics of the operator say what is wrong; it lives. */
  async untilOperatorSays(why: RegExp, reason: string): Promise<void> {
    await eventually(`the operator says ${why.source}`, async () => {
      const told = this.operator.logs().filter(({ msg }) => msg === 'not connected to the broker');
      expect(told.map((line) => line['reason'])).toContainEqual(expect.stringMatching(why));
      const readiness = await fetch(`${this.operator.url}/readyz?verbose`);
      expect(await readiness.text()).toMatch(new RegExp(`\\[\\+\\]broker ok: .*${why.source}`));
      const metrics = await this.operator.metrics();
      expect(metrics.value('mir_broker_failures_total', { reason })).toBeGreaterThan(0);
      expect(metrics.value('mir_broker_connected')).toBe(0);
    });
    expect((await fetch(`${this.operator.url}/healthz`)).status).toBe(200);
  }

  /** Reasons for which the operator was ever without its broker. */
  async operatorFailures(): Promise<string[]> {
    const { series } = await this.operator.metrics();
    const counted = [...series.keys()].filter((name) => name.startsWith('mir_broker_failures_total{'));
    return counted.map((name) => /reason="(\w+)"/.exec(name)?.[1] ?? name).sort();
  }

  /** It complains, but about nothing that is an error of its own. */
  expectOperatorUnharmed(): void {
    const errors = this.operator.logs().filter((line) => line['level'] === 'error' || line['text'] !== undefined);
    expect(errors).toEqual([]);
  }

  #path(name: string): string {
    return `${devicesPath(this.namespace)}/${name}`;
  }
}
