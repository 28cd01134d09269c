/** An installation under way goes from an older version to this one, back, forth again, and away: real Helm 3 and 4, devices connected. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { createDevice } from '../../src/sdk/index.ts';
import type { Device } from '../../src/sdk/index.ts';
import { createTestBroker } from '../world/broker.ts';
import type { TestBroker } from '../world/broker.ts';
import type { Recording } from '../world/broker-client.ts';
import { kubectlFor } from '../world/kubectl.ts';
import type { Kubectl } from '../world/kubectl.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { findControlPlane, findHelm } from './binaries.ts';
import { startControlPlane } from './control-plane.ts';
import type { ControlPlane } from './control-plane.ts';
import { helmFor, succeed } from './helm.ts';
import type { Helm } from './helm.ts';
import { startMosquitto } from './mosquitto.ts';
import { hasOlderVersion, layOutOlderVersion } from './older-version.ts';
import type { OlderVersion } from './older-version.ts';
import { startOperatorPod } from './operator-pod.ts';
import { scratchDirectory } from './reaper.ts';
import { findMosquitto } from './system-packages.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHART = join(ROOT, 'helm/mir-operator');
const SYSTEM = 'mir-system';
const SITE = 'site';
const RELEASE = 'mir-operator';
const RATE = 'sensor.v1.SampleRate';
const DEVICES = ['pump', 'valve', 'canary'] as const;
const SETS = ['--set', 'mqtt.url=mqtt://127.0.0.1:1883'] as const;
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const canRun = hasOlderVersion();
if (!canRun) progress('upgrades are tested from an older commit: git fetch --unshallow brings it');
const withHistory = canRun ? describe : describe.skip;

let directory: string;
let older: OlderVersion;
let plane: ControlPlane;
let broker: TestBroker;
let kubectl: Kubectl;
let helms: Readonly<Record<3 | 4, Helm>>;

beforeAll(async () => {
  if (!canRun) return;
  directory = scratchDirectory('upgrade');
  older = layOutOlderVersion(directory);
  const mosquitto = join(directory, 'mosquitto');
  mkdirSync(mosquitto);
  broker = await createTestBroker(await startMosquitto(await findMosquitto(progress), mosquitto));
  plane = await startControlPlane(await findControlPlane(progress), join(directory, 'plane'));
  kubectl = kubectlFor(plane.kubeconfig, join(directory, 'kubectl-cache'));
  const helm = async (major: 3 | 4): Promise<Helm> =>
    helmFor(await findHelm(progress, major), plane.kubeconfig, join(directory, `helm-${major}`));
  helms = { 3: await helm(3), 4: await helm(4) };
}, 600_000);

afterAll(async () => {
  await broker?.close();
  await plane?.close();
  if (canRun) rmSync(directory, { recursive: true, force: true });
});

const run = (...args: readonly string[]): Promise<string> => succeed(kubectl(args));
const pod = (name: string, entry?: string): Promise<OperatorProcess> =>
  startOperatorPod({
    kubectl: (args) => succeed(kubectl(args)),
    kubeconfig: plane.kubeconfig,
    mqttUrl: broker.url,
    namespace: SYSTEM,
    release: RELEASE,
    directory,
    name,
    ...(entry === undefined ? {} : { entry }),
  });

/** Devices that come, stay, and count how often they were told to do something. */
class Fleet {
  readonly #devices: Device[] = [];
  readonly runs = new Map<string, number[]>();

  async connect(): Promise<void> {
    for (const deviceId of DEVICES) {
      // Without heartbeats: nothing is written of them but what a change brings.
      const device = createDevice({ deviceId, broker: { url: broker.url }, announce: { heartbeatSeconds: 0 } });
      const runs: number[] = [];
      this.runs.set(deviceId, runs);
      device.onDesired(RATE, ({ intervalSeconds }) => void runs.push(Number(intervalSeconds)));
      await device.connect();
      this.#devices.push(device);
    }
  }

  destroy(): void {
    for (const device of this.#devices) device.destroy();
  }
}

async function desire(name: string, intervalSeconds: number): Promise<void> {
  const device = {
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name, namespace: SITE },
    spec: { deviceId: name },
    properties: { desired: { [RATE]: { intervalSeconds } } },
  };
  await succeed(kubectl(['apply', '-f', '-'], JSON.stringify(device)));
}

/** The operator has looked at everything once it has brought a change of one device all the way. */
async function untilWorking(intervalSeconds: number): Promise<void> {
  await desire('canary', intervalSeconds);
  const path = `{.status.reported.sensor\\.v1\\.SampleRate.intervalSeconds}`;
  await run('wait', '-n', SITE, 'dev/canary', `--for=jsonpath=${path}=${intervalSeconds}`, '--timeout=60s');
  await run('wait', '-n', SITE, 'dev/canary', '--for=condition=Synced', '--timeout=60s');
}

const versionsOf = (): Promise<string> =>
  run(
    'get',
    'dev',
    'pump',
    'valve',
    '-n',
    SITE,
    '-o',
    'jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion} {end}',
  );

/** Two CRDs say the same of versions and schemas, whatever the API server adds. */
async function expectCrd(file: string): Promise<void> {
  const expected = load(readFileSync(file, 'utf8')) as { spec: { versions: { schema: object }[] } };
  const served = JSON.parse(await run('get', 'crd', 'devices.iot.mir', '-o', 'json')) as typeof expected;
  expect(served.spec.versions.map(({ schema }) => schema)).toEqual(expected.spec.versions.map(({ schema }) => schema));
}

/** What the operator sent to devices that nobody had changed. */
const sentTo = (recording: Recording): string[] =>
  recording.messages.filter(({ isRetained }) => !isRetained).map(({ topic }) => topic);

withHistory('an installation of an older version', () => {
  it.each<readonly [string, 3 | 4, 3 | 4]>([
    ['Helm 4', 4, 4],
    ['Helm 3', 3, 3],
    ['Helm 3, and then Helm 4', 3, 4],
  ])(
    'is upgraded, rolled back, upgraded and uninstalled by %s: devices notice nothing',
    async (_by, first, then) => {
      const fleet = new Fleet();
      const helm = helms[then];
      const operators: OperatorProcess[] = [];
      const goTo = async (name: string, round: number, entry?: string): Promise<void> => {
        // As in a roll-out: the former leader hands over when it is stopped.
        const next = pod(name, entry);
        await operators.at(-1)?.stop();
        operators.push(await next);
        await untilWorking(round);
      };
      try {
        await succeed(helms[first]('install', RELEASE, older.chart, '-n', SYSTEM, '--create-namespace', ...SETS));
        await expectCrd(join(older.crds, 'devices.iot.mir.yaml'));
        await run('create', 'namespace', SITE);
        await fleet.connect();
        for (const name of DEVICES) await desire(name, 1);
        await goTo('older', 1, older.main);
        await run('wait', '-n', SITE, 'dev', '--all', '--for=condition=Synced', '--timeout=60s');
        const versions = await versionsOf();
        const documents = await broker.retained('mir/v1alpha/+/desired');
        const recording = await broker.watch(
          ['pump', 'valve'].flatMap((id) => [`mir/v1alpha/${id}/desired`, `mir/v1alpha/${id}/get`]),
        );

        await succeed(helm('upgrade', RELEASE, CHART, '-n', SYSTEM, ...SETS));
        await expectCrd(join(ROOT, 'crds/devices.iot.mir.yaml'));
        await goTo('newer', 2);
        await succeed(helm('rollback', RELEASE, '1', '-n', SYSTEM));
        await expectCrd(join(older.crds, 'devices.iot.mir.yaml'));
        await goTo('older-again', 3, older.main);
        await succeed(helm('upgrade', RELEASE, CHART, '-n', SYSTEM, ...SETS));
        await goTo('newer-again', 4);

        expect(sentTo(recording)).toEqual([]);
        expect(await versionsOf()).toBe(versions);
        expect(fleet.runs).toEqual(
          new Map([
            ['pump', [1]],
            ['valve', [1]],
            ['canary', [1, 2, 3, 4]],
          ]),
        );

        await operators.at(-1)?.stop();
        await succeed(helm('uninstall', RELEASE, '-n', SYSTEM, '--wait'));
        expect(await run('get', 'dev', '-n', SITE, '-o', 'name')).toBe(
          DEVICES.toSorted()
            .map((name) => `device.iot.mir/${name}\n`)
            .join(''),
        );
        const left = await broker.retained('mir/v1alpha/+/desired');
        for (const id of ['pump', 'valve'])
          expect(left.get(`mir/v1alpha/${id}/desired`)).toBe(documents.get(`mir/v1alpha/${id}/desired`));
        // Nothing is held up by an operator that is not there.
        await run('delete', 'namespace', SITE, SYSTEM, '--timeout=60s');
      } finally {
        fleet.destroy();
        await Promise.all(operators.map((operator) => operator.kill()));
      }
      await run('delete', '-f', join(ROOT, 'crds'), '--timeout=60s');
      await broker.restart({ empty: true });
    },
    180_000,
  );
});
