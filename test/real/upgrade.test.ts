/** An installation under way goes from an older version to this one, back, forth again, and away: real Helm 3 and 4, devices connected. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { OperatorProcess } from '../world/operator-process.ts';
import { succeed } from './helm.ts';
import { RELEASE, SYSTEM, openInstallWorld, progress } from './install-world.ts';
import type { InstallWorld } from './install-world.ts';
import { InstalledFleet, SITE, clear, expectCrd } from './installed-fleet.ts';
import { hasOlderVersion, layOutOlderVersion } from './older-version.ts';
import type { OlderVersion } from './older-version.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHART = join(ROOT, 'helm/mir-operator');
const CRDS = join(ROOT, 'crds');
const SETS = ['--set', 'mqtt.url=mqtt://127.0.0.1:1883'] as const;

const canRun = hasOlderVersion();
if (!canRun) progress('upgrades are tested from an older commit: git fetch --unshallow brings it');
const withHistory = canRun ? describe : describe.skip;

let older: OlderVersion;
let world: InstallWorld;

beforeAll(async () => {
  if (!canRun) return;
  world = await openInstallWorld('upgrade');
  older = layOutOlderVersion(world.directory);
}, 600_000);

afterAll(() => world?.close());

/** What this version keeps beside a device, which the older one knows nothing of. */
const historyOf = (name: string): Promise<string> =>
  world.run('get', 'devhist', name, '-n', SITE, '-o', 'jsonpath={.metadata.uid} {.changes[*].revision}');

withHistory('an installation of an older version', () => {
  it.each<readonly [string, 3 | 4, 3 | 4]>([
    ['Helm 4', 4, 4],
    ['Helm 3', 3, 3],
    ['Helm 3, and then Helm 4', 3, 4],
  ])(
    'is upgraded, rolled back, upgraded and uninstalled by %s: devices notice nothing',
    async (_by, first, then) => {
      const { run } = world;
      const fleet = new InstalledFleet(world);
      const helm = await world.helm(then);
      const operators: OperatorProcess[] = [];
      const goTo = async (name: string, entry?: string): Promise<void> => {
        // As in a roll-out: the former leader hands over when it is stopped.
        const next = world.startPod({ name, ...(entry === undefined ? {} : { entry }) });
        await operators.at(-1)?.stop();
        operators.push(await next);
        await fleet.untilWorking();
      };
      try {
        const install = await world.helm(first);
        await succeed(install('install', RELEASE, older.chart, '-n', SYSTEM, '--create-namespace', ...SETS));
        await expectCrd(world, join(older.crds, 'devices.iot.mir.yaml'));
        await fleet.create();
        await goTo('older', older.main);
        const versions = await fleet.versions();
        const documents = await fleet.documents();
        await fleet.expectSilence();

        await succeed(helm('upgrade', RELEASE, CHART, '-n', SYSTEM, ...SETS));
        await expectCrd(world, join(CRDS, 'devices.iot.mir.yaml'));
        await goTo('newer');
        for (const name of ['pump', 'valve'])
          await run('wait', '-n', SITE, `devhist/${name}`, '--for=create', '--timeout=60s');
        const histories = [await historyOf('pump'), await historyOf('valve')];
        await succeed(helm('rollback', RELEASE, '1', '-n', SYSTEM));
        await expectCrd(world, join(older.crds, 'devices.iot.mir.yaml'));
        await goTo('older-again', older.main);
        await succeed(helm('upgrade', RELEASE, CHART, '-n', SYSTEM, ...SETS));
        await goTo('newer-again');

        fleet.assertSilence();
        expect(await fleet.versions()).toBe(versions);
        expect([await historyOf('pump'), await historyOf('valve')]).toEqual(histories);

        await operators.at(-1)?.stop();
        await succeed(helm('uninstall', RELEASE, '-n', SYSTEM, '--wait'));
        expect((await run('get', 'dev', '-n', SITE, '-o', 'name')).split('\n')).toEqual([
          'device.iot.mir/canary',
          'device.iot.mir/pump',
          'device.iot.mir/valve',
          '',
        ]);
        expect(await fleet.documents()).toEqual(documents);
        // Nothing is held up by an operator that is not there.
        await run('delete', 'namespace', SITE, SYSTEM, '--timeout=60s');
      } finally {
        fleet.destroy();
        await Promise.all(operators.map((operator) => operator.kill()));
      }
      await clear(world, CRDS);
    },
    180_000,
  );
});
