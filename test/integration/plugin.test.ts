/** `kubectl mir`, as a person types it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { devicePath } from '../../src/api/device.ts';
import { eventually } from '../world/eventually.ts';
import { startPlugin } from '../world/plugin.ts';
import { BATTERY, RATE, Stage } from './support/stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
}, 120_000);
afterAll(() => stage.close(), 120_000);

const mir = (args: string, stdin?: string) =>
  startPlugin(stage.world.kubeconfig, [...args.split(' '), '-n', stage.namespace], stdin).done;

describe('one device', () => {
  beforeAll(async () => {
    await stage.create('one', { [RATE]: { intervalSeconds: 60 } });
    await stage.startDevice('one');
    await stage.untilCondition('one', 'Synced', 'True/InSync');
  }, 60_000);

  it('is shown as a line, and side by side', async () => {
    const { stdout, code } = await mir('get');
    expect(stdout).toMatch(
      /^NAME +DEVICE ID +ONLINE +SYNC +MESSAGES +LAG +HEARTBEAT\none +\S+ +yes +InSync +1\/1 +- +\d+s\n$/,
    );
    expect(code).toBe(0);
    const described = await mir('describe one');
    expect(described.stdout).toMatch(/sensor\.v1\.SampleRate {2}InSync/);
    expect(described.stdout).toMatch(/intervalSeconds +60 +60\n/);
    expect(described.stdout).toMatch(/Synced +desired and reported agree/);
  });

  it('is shown in the shape of mir/v1alpha', async () => {
    const { stdout } = await mir('get one -o mir');
    expect(load(stdout)).toMatchObject({
      apiVersion: 'mir/v1alpha',
      kind: 'device',
      meta: { name: 'one', namespace: stage.namespace },
      properties: { desired: { [RATE]: { intervalSeconds: 60 } }, reported: { [RATE]: { intervalSeconds: 60 } } },
      status: { online: true },
    });
  });

  it('is changed and waited for; a second time there is nothing to change', async () => {
    expect(await mir(`set one ${RATE} intervalSeconds=30 --wait`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 of 1 device changed, 1 in sync in /),
    });
    expect((await stage.get('one')).status?.reported?.[RATE]).toEqual({ intervalSeconds: 30 });
    const { generation } = (await stage.get('one')).metadata;
    expect(await mir(`set one ${RATE} intervalSeconds=30 --wait`)).toMatchObject({ code: 0 });
    expect((await stage.get('one')).metadata.generation).toBe(generation);
  });

  it('that rejects a change fails the command, which says why', async () => {
    const { code, stderr } = await mir(`set one ${RATE} intervalSeconds=0 --wait --timeout 60s`);
    expect([code, stderr]).toEqual([1, expect.stringContaining('intervalSeconds must be a number of at least 1')]);
    expect(await mir(`set one ${RATE} intervalSeconds=30 --wait`)).toMatchObject({ code: 0 });
  });

  it('shows what a change would do, and does not do it', async () => {
    const { stdout } = await mir(`set one ${RATE} intervalSeconds=5 --dry-run`);
    expect(stdout).toBe(`1 device would change\n  ~ [${RATE}].intervalSeconds: 30 → 5\n`);
    expect((await stage.get('one')).properties?.desired?.[RATE]).toEqual({ intervalSeconds: 30 });
  });

  it('may be named with its namespace, as Mir does', async () => {
    const run = startPlugin(stage.world.kubeconfig, ['get', `one/${stage.namespace}`, '-o', 'name']);
    expect(await run.done).toMatchObject({ code: 0, stdout: 'device.iot.mir/one\n' });
  });

  it('is watched as things happen to it', async () => {
    const run = startPlugin(stage.world.kubeconfig, ['watch', 'one', '-n', stage.namespace]);
    const table = startPlugin(stage.world.kubeconfig, ['get', 'one', '-n', stage.namespace, '--watch']);
    await eventually('the table is there', () => expect(table.output()).toContain('InSync'));
    await eventually('a change is told', async () => {
      const { properties } = await stage.get('one');
      const seconds = Number(properties?.desired?.[RATE]?.['intervalSeconds']);
      await stage.desire('one', RATE, { intervalSeconds: seconds + 1 });
      expect(run.output()).toMatch(/desired \[sensor\.v1\.SampleRate\]\.intervalSeconds: \d+ → \d+\n/);
      expect(run.output()).toMatch(/sensor\.v1\.SampleRate InSync\n/);
      expect(table.output().split('\n').length).toBeGreaterThan(3);
    });
    run.child.kill('SIGINT');
    table.child.kill('SIGINT');
    await Promise.all([run.done, table.done]);
  });
});

describe('many devices', () => {
  const NAMES = Array.from({ length: 30 }, (_, at) => `many-${at}`);

  beforeAll(async () => {
    await Promise.all(NAMES.map((name) => stage.create(name, { [RATE]: { intervalSeconds: 60 } })));
    await Promise.all(
      NAMES.map((name, at) =>
        stage.patch(name, { metadata: { labels: { fleet: 'many', half: at < 15 ? 'first' : 'second' } } }),
      ),
    );
    await Promise.all(NAMES.slice(0, 28).map((name) => stage.startDevice(name)));
    for (const name of NAMES.slice(0, 28)) await stage.untilCondition(name, 'Synced', 'True/InSync');
  }, 120_000);

  it('are not changed without being asked for, where nobody can be asked', async () => {
    const { code, stderr } = await mir(`set -l fleet=many ${RATE} intervalSeconds=50`);
    expect([code, stderr]).toEqual([2, expect.stringContaining('30 devices would change; add --yes')]);
    expect((await stage.get('many-0')).properties?.desired?.[RATE]).toEqual({ intervalSeconds: 60 });
  });

  it('are changed by label, and those that are away are counted', async () => {
    const { code, stdout } = await mir(`set -l fleet=many ${RATE} intervalSeconds=50 --yes --wait --timeout 5s`);
    expect(stdout).toMatch(/^30 of 30 devices changed, 28 in sync, 2 not yet \(2 offline\) in /);
    expect(code).toBe(1);
  });

  it('are gone on with after an interruption', async () => {
    const command = `set -l half=first -n ${stage.namespace} ${RATE} intervalSeconds=40 --yes --wait --rate 1`;
    const run = startPlugin(stage.world.kubeconfig, command.split(' '));
    const changed = async (): Promise<number> => {
      const devices = await Promise.all(NAMES.slice(0, 15).map((name) => stage.get(name)));
      return devices.filter(({ properties }) => properties?.desired?.[RATE]?.['intervalSeconds'] === 40).length;
    };
    await eventually('some are changed', async () => expect(await changed()).toBeGreaterThan(2));
    run.child.kill('SIGINT');
    const { code, stdout, stderr } = await run.done;
    expect(stderr).toBe('');
    expect([code, stdout]).toEqual([130, expect.stringContaining('not tried: run the same command again to go on')]);
    expect(await changed()).toBeLessThan(15);
    expect(await mir(`set -l half=first ${RATE} intervalSeconds=40 --yes --wait`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('15 in sync'),
    });
    expect(await changed()).toBe(15);
  });

  it('are cut off and let in again', async () => {
    expect(await mir('disable -l half=second --yes')).toMatchObject({ code: 0 });
    await stage.untilCondition('many-20', 'Online', 'False/Disabled');
    expect(await mir('enable -l half=second --yes')).toMatchObject({ code: 0 });
    await stage.untilCondition('many-20', 'Synced', 'True/InSync');
  });

  it('are waited for', async () => {
    const { code, stdout } = await mir('wait -l half=first --for=Synced --timeout 60s');
    expect([code, stdout.split('\n').length]).toEqual([0, 16]);
    const late = await mir('wait many-29 --for=Online --timeout 1s');
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('timed out waiting for')]);
  });
});

describe('what is wrong is said with its remedy', () => {
  it.each([
    ['get nobody', 2, 'there is no device "nobody" in namespace'],
    ['set sensor.v1.SampleRate a=1', 2, 'say which devices: by name before all else, with -l'],
    ['set one a=1', 2, 'say which devices: by name before all else, with -l'],
    ['set a=1', 2, 'usage: kubectl mir set NAME… MESSAGE FIELD=VALUE…'],
    ['set one sensor.v1.SampleRate --json {', 2, '--json takes JSON'],
    ['get one -l a=b', 2, 'not both'],
    ['apply -f /nowhere', 2, 'there is no file or folder /nowhere'],
    ['describe', 2, 'name a device'],
    ['get --kubeconfig /nowhere', 2, '/nowhere'],
  ])('%s', async (args, code, error) => {
    const result = await mir(args);
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(error)]);
  });
});

const SEED = readFileSync(join(import.meta.dirname, '../seed/page.txt'), 'utf8');
const [document = ''] = /^apiVersion: mir\/v1alpha\n[\s\S]*?\n(?=\n)/m.exec(SEED) ?? [];

describe('documents', () => {
  it('are converted to the other shape and back', async () => {
    const stored = await startPlugin('/dev/null', ['convert', '-f', '-'], document).done;
    expect(load(stored.stdout)).toMatchObject({
      apiVersion: 'iot.mir/v1alpha',
      metadata: { name: 'temperature-sensor-01', namespace: 'building-a' },
      properties: { desired: { 'sensor.v1.AlertThreshold': { maxTemp: 25, minTemp: 18 } } },
    });
    const back = await startPlugin('/dev/null', ['convert', '-f', '-', '--to', 'mir'], stored.stdout).done;
    const { meta, spec, properties } = load(document) as Record<string, Record<string, unknown>>;
    expect(load(back.stdout)).toEqual({
      apiVersion: 'mir/v1alpha',
      kind: 'device',
      meta,
      spec,
      properties: { desired: properties?.['desired'] },
    });
  });
});

describe('documents of mir/v1alpha', () => {
  /** The page's own document, in the namespace of this test. */
  const inNamespace = (): string => document.replaceAll('building-a', stage.namespace);

  it('are applied to the letter; a second time they say unchanged', async () => {
    expect(await mir('diff -f -', inNamespace())).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('+ spec.deviceId'),
    });
    expect((await mir('apply -f -', inNamespace())).stdout).toBe('device.iot.mir/temperature-sensor-01 created\n');
    expect((await mir('apply -f -', inNamespace())).stdout).toBe('device.iot.mir/temperature-sensor-01 unchanged\n');
    expect(await mir('diff -f -', inNamespace())).toMatchObject({ code: 0, stdout: '' });
    const device = await stage.get('temperature-sensor-01');
    expect(device.metadata.labels).toEqual({ type: 'sensor', location: 'floor-1', room: 'conference-room' });
    expect(device.properties?.desired?.['sensor.v1.AlertThreshold']).toEqual({ maxTemp: 25, minTemp: 18 });
    expect(device.status?.reported).toBeUndefined();
  });

  it('read from the system can be applied again', async () => {
    const { stdout } = await mir('get one -o mir');
    expect((await mir('apply -f - --force-conflicts', stdout)).code).toBe(0);
    expect((await mir('apply -f -', stdout)).stdout).toBe('device.iot.mir/one unchanged\n');
    expect((await stage.get('one')).status?.reported?.[BATTERY]).toBeDefined();
  });

  it('are applied over what set has changed meanwhile', async () => {
    const applied = inNamespace();
    expect((await mir('apply -f -', applied)).code).toBe(0);
    await mir(`set temperature-sensor-01 ${RATE} intervalSeconds=7`);
    expect((await mir('apply -f -', applied)).stdout).toBe('device.iot.mir/temperature-sensor-01 configured\n');
    const device = await stage.get('temperature-sensor-01');
    expect(device.properties?.desired?.[RATE]).toEqual({ intervalSeconds: 60 });
  });

  it('that another manager has taken in hand are refused, by apply and by set', async () => {
    const path = devicePath(`${stage.namespace}/one`);
    const desired = { [RATE]: { intervalSeconds: 77 } };
    const applied = {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: 'one' },
      properties: { desired },
    };
    await stage.world.kube.patch(path, 'application/apply-patch+yaml', applied, {
      fieldManager: 'kustomize-controller',
      force: true,
    });
    const set = await mir(`set one ${RATE} intervalSeconds=20`);
    expect([set.code, set.stderr]).toEqual([
      2,
      expect.stringContaining('get these fields from "kustomize-controller"'),
    ]);
    const edited = (await mir('get one -o mir')).stdout.replace('intervalSeconds: 77', 'intervalSeconds: 20');
    const apply = await mir('apply -f -', edited);
    expect([apply.code, apply.stderr]).toEqual([1, expect.stringContaining('take them over with --force-conflicts')]);
    expect(await mir(`set one ${RATE} intervalSeconds=20 --force-conflicts --wait`)).toMatchObject({ code: 0 });
  });

  it('with a field that no twin has are refused by the server, with its path', async () => {
    const { code, stderr } = await mir('apply -f -', inNamespace().replace('disabled:', 'isDisabled:'));
    expect([code, stderr]).toEqual([1, expect.stringContaining('spec.isDisabled')]);
  });

  it('are deleted', async () => {
    expect((await mir('delete -f -', inNamespace())).stdout).toBe('device.iot.mir/temperature-sensor-01 deleted\n');
    expect(await mir('delete -f - --ignore-not-found', inNamespace())).toMatchObject({ code: 0 });
    expect(await mir('delete -f -', inNamespace())).toMatchObject({ code: 1 });
  });
});
