/** Devices of an installation that is upgraded under them: what they hold, and how often each was told to do something. */
import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { load } from 'js-yaml';
import { createDevice } from '../../src/sdk/index.ts';
import type { Device } from '../../src/sdk/index.ts';
import type { Recording } from '../world/broker-client.ts';
import type { InstallWorld } from './install-world.ts';

export const SITE = 'site';
const RATE = 'sensor.v1.SampleRate';
/** Nobody changes what these should be. */
export const STEADY = ['pump', 'valve'] as const;
/** Is changed again and again, to see that the operator works. */
const CANARY = 'canary';

export class InstalledFleet {
  readonly #world: InstallWorld;
  readonly #devices: Device[] = [];
  readonly #runs = new Map<string, number[]>();
  #recording: Recording | undefined;
  #rounds = 0;

  constructor(world: InstallWorld) {
    this.#world = world;
  }

  /** Namespace, connected devices and their objects; an operator has to run, or come. */
  async create(): Promise<void> {
    await this.#world.run('create', 'namespace', SITE);
    for (const deviceId of [...STEADY, CANARY]) {
      await this.#connect(deviceId);
      await this.#desire(deviceId, 1);
    }
  }

  async #connect(deviceId: string): Promise<void> {
    // Without heartbeats: nothing is written of them but what a change brings.
    const device = createDevice({
      deviceId,
      broker: { url: this.#world.broker.url },
      announce: { heartbeatSeconds: 0 },
    });
    const runs: number[] = [];
    this.#runs.set(deviceId, runs);
    device.onDesired(RATE, ({ intervalSeconds }) => void runs.push(Number(intervalSeconds)));
    this.#devices.push(device);
    await device.connect();
  }

  async #desire(name: string, intervalSeconds: number): Promise<void> {
    await this.#world.apply({
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name, namespace: SITE },
      spec: { deviceId: name },
      properties: { desired: { [RATE]: { intervalSeconds } } },
    });
  }

  /** The operator has looked at everything once it has brought a change of one device all the way. */
  async untilWorking(): Promise<void> {
    this.#rounds += 1;
    await this.#desire(CANARY, this.#rounds);
    const { run } = this.#world;
    const path = `{.status.reported.sensor\\.v1\\.SampleRate.intervalSeconds}`;
    await run('wait', '-n', SITE, `dev/${CANARY}`, `--for=jsonpath=${path}=${this.#rounds}`, '--timeout=60s');
    await run('wait', '-n', SITE, 'dev', '--all', '--for=condition=Synced', '--timeout=60s');
  }

  /** From now on nothing may be sent to devices that nobody changes. */
  async expectSilence(): Promise<void> {
    const { broker } = this.#world;
    this.#recording = await broker.watch(
      STEADY.flatMap((id) => [`mir/v1alpha/${id}/desired`, `mir/v1alpha/${id}/get`]),
    );
  }

  /** Nothing was sent since `expectSilence`, and no handler ran for a value that its device had. */
  assertSilence(): void {
    const sent = this.#recording?.messages.filter(({ isRetained }) => !isRetained).map(({ topic }) => topic);
    expect(sent).toEqual([]);
    const rounds = Array.from({ length: this.#rounds }, (_, at) => at + 1);
    expect(Object.fromEntries(this.#runs)).toEqual({ pump: [1], valve: [1], [CANARY]: rounds });
  }

  /** Resource versions of the objects that nobody changes. */
  versions(): Promise<string> {
    const each = '{range .items[*]}{.metadata.name} {.metadata.resourceVersion} {end}';
    return this.#world.run('get', 'dev', ...STEADY, '-n', SITE, '-o', `jsonpath=${each}`);
  }

  async documents(): Promise<readonly (string | undefined)[]> {
    const retained = await this.#world.broker.retained('mir/v1alpha/+/desired');
    return STEADY.map((id) => retained.get(`mir/v1alpha/${id}/desired`));
  }

  destroy(): void {
    for (const device of this.#devices) device.destroy();
  }
}

/** Two CRDs say the same of versions and schemas, whatever the API server adds. */
export async function expectCrd({ run }: InstallWorld, file: string): Promise<void> {
  const expected = load(readFileSync(file, 'utf8')) as { spec: { versions: { schema: object }[] } };
  const served = JSON.parse(await run('get', 'crd', 'devices.iot.mir', '-o', 'json')) as typeof expected;
  expect(served.spec.versions.map(({ schema }) => schema)).toEqual(expected.spec.versions.map(({ schema }) => schema));
}

/** Leaves nothing of an installation but its empty cluster. */
export async function clear({ run, broker }: InstallWorld, crds: string): Promise<void> {
  await run('delete', '-f', crds, '--timeout=60s');
  await broker.restart({ empty: true });
}
