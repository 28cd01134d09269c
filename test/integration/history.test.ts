/** Who changed what of a device, when, and what became of it; and back again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { historyPath } from '../../src/api/history.ts';
import type { DeviceHistory, RecordedChange } from '../../src/api/history.ts';
import { eventually } from '../world/eventually.ts';
import { readKubeconfig, writeKubeconfig } from '../world/kubeconfig.ts';
import { kubectlFor } from '../world/kubectl.ts';
import { startPlugin } from '../world/plugin.ts';
import { sideBySide } from './support/side-by-side.ts';
import { BATTERY, RATE, Stage } from './support/stage.ts';

let stage: Stage;
let outcomeOf: (story: string) => Promise<void>;
beforeAll(async () => {
  stage = await Stage.open();
  // Each change is recorded two seconds later.
  outcomeOf = sideBySide({ goBackTogether, nameTheManager });
}, 120_000);
afterAll(() => stage.close(), 120_000);

const mir = (...args: string[]) => startPlugin(stage.world.kubeconfig, [...args, '-n', stage.namespace]).done;

async function changesOf(name: string): Promise<readonly RecordedChange[]> {
  const path = historyPath(`${stage.namespace}/${name}`);
  return (await stage.world.kube.get<DeviceHistory>(path)).changes;
}

/** Waits until the newest change has this revision, and says as much of it. */
const untilRecorded = (name: string, revision: number, expected: object): Promise<void> =>
  eventually(`${name}: revision ${revision} is recorded`, async () =>
    expect((await changesOf(name))[0]).toMatchObject({ revision, ...expected }),
  );

const seconds = (before: number, after: number) => ({
  messages: { [RATE]: { before: { intervalSeconds: before }, after: { intervalSeconds: after } } },
});

describe('the history of a device', () => {
  beforeAll(async () => {
    await stage.create('one', { [RATE]: { intervalSeconds: 60 } });
    await stage.startDevice('one');
    await stage.untilCondition('one', 'Synced', 'True/InSync');
    await untilRecorded('one', 1, { outcome: { state: 'InSync' } });
  }, 60_000);

  it('has each change with its values and its outcome', async () => {
    await stage.desire('one', RATE, { intervalSeconds: 30 });
    await untilRecorded('one', 2, { ...seconds(60, 30), outcome: { state: 'InSync' } });
    await stage.desire('one', RATE, { intervalSeconds: 0 });
    await untilRecorded('one', 3, {
      outcome: { state: 'Rejected', message: `${RATE}: intervalSeconds must be a number of at least 1` },
    });
    await stage.patch('one', { spec: { disabled: true } });
    await untilRecorded('one', 4, { disabled: { before: false, after: true } });
    await stage.patch('one', {
      spec: { disabled: false },
      properties: { desired: { [RATE]: { intervalSeconds: 30 } } },
    });
    await untilRecorded('one', 5, { ...seconds(0, 30), disabled: { before: true, after: false } });
  });

  it('is shown by kubectl, and belongs to its device', async () => {
    const { stdout } = await stage.world.kubectl('get', 'devhist', 'one', '-n', stage.namespace, '--no-headers');
    expect(stdout).toMatch(/^one +5 +\S+ +InSync +\d+s\n$/);
    const { metadata } = await stage.world.kube.get<DeviceHistory>(historyPath(`${stage.namespace}/one`));
    const { uid } = (await stage.get('one')).metadata;
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'device', name: 'one', uid }]);
  });

  it('is shown by kubectl mir as a table, and one change as a whole', async () => {
    const { stdout, stderr, code } = await mir('history', 'one');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^REVISION +WHEN +AUTHOR +OUTCOME +CHANGE$/);
    expect(lines[4]).toMatch(
      /^2 +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +\S+ +InSync +\[sensor\.v1\.SampleRate\]\.intervalSeconds: 60 → 30$/,
    );
    const whole = await mir('history', 'one', '--revision', '3');
    expect(whole.stdout).toMatch(/^Revision: +3$/m);
    expect(whole.stdout).toMatch(/^Outcome: +Rejected .* at least 1$/m);
    expect(whole.stdout).toContain(`  ~ [${RATE}].intervalSeconds: 30 → 0\n`);
    const json = await mir('history', 'one', '--revision', '2', '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({ revision: 2, ...seconds(60, 30) });
    expect(await mir('history', 'one', '--revision', '9')).toMatchObject({
      code: 1,
      stderr: `error: ${stage.namespace}/one has no revision 9; it has 5, 4, 3, 2, 1\n`,
    });
  });

  it('is what a rollback goes by, which is in it too', async () => {
    const dry = await mir('rollback', 'one', '--to-revision', '1', '--dry-run');
    expect(dry.stdout).toBe(`1 device would change\n  ~ [${RATE}].intervalSeconds: 30 → 60\n`);
    expect(await mir('rollback', 'one', '--to-revision', '1', '--wait')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 of 1 device changed, 1 in sync in /),
    });
    expect((await stage.get('one')).status?.reported?.[RATE]).toEqual({ intervalSeconds: 60 });
    await untilRecorded('one', 6, { ...seconds(30, 60), outcome: { state: 'InSync' } });
    const again = await mir('rollback', 'one', '--to-revision', '1', '--dry-run');
    expect(again.stdout).toBe('0 devices would change; 1 device as wanted already\n');
    expect(await mir('rollback', 'one', '--to-revision', '77')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no revision 77; its history has 6, 5, 4, 3, 2, 1'),
    });
  });
});

async function goBackTogether(): Promise<void> {
  const NAMES = Array.from({ length: 12 }, (_, at) => `many-${at}`);
  await Promise.all(NAMES.map((name) => stage.create(name, { [RATE]: { intervalSeconds: 60 } })));
  await Promise.all(NAMES.map((name) => stage.patch(name, { metadata: { labels: { fleet: 'many' } } })));
  for (const name of NAMES) await untilRecorded(name, 1, {});
  const newest = await Promise.all(NAMES.map(async (name) => (await changesOf(name))[0]?.time ?? ''));
  const time = newest.toSorted().at(-1) ?? '';
  await Promise.all(
    NAMES.map((name) => stage.patch(name, { properties: { desired: { [RATE]: null, [BATTERY]: { low: 5 } } } })),
  );
  for (const name of NAMES) await untilRecorded(name, 2, {});
  const { code, stdout } = await mir('rollback', '-l', 'fleet=many', '--to-time', time, '--yes');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^12 of 12 devices changed in /)]);
  for (const name of NAMES)
    expect((await stage.get(name)).properties?.desired).toEqual({ [RATE]: { intervalSeconds: 60 } });
  for (const name of NAMES) await untilRecorded(name, 3, {});
  const { stdout: table } = await mir('history', '-l', 'fleet=many');
  expect(table.split('\n')).toHaveLength(1 + 3 * NAMES.length + 1);
}

describe('many devices', () => {
  it('go back to the state at a time together', () => outcomeOf('goBackTogether'));
});

const describeReal = process.env['MIR_WORLD'] === 'real' ? describe : describe.skip;
const POLICY = join(import.meta.dirname, '../../manifests/policies/device-authors.yaml');

const kubectl = (...args: string[]) => stage.world.kubectl('-n', stage.namespace, ...args);
const twin = (intervalSeconds: number): string =>
  JSON.stringify({
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name: 'authored', namespace: stage.namespace },
    spec: { deviceId: stage.id('authored') },
    properties: { desired: { [RATE]: { intervalSeconds } } },
  });
const apply = (intervalSeconds: number, ...args: string[]) =>
  stage.world.kubectlWithInput(twin(intervalSeconds), 'apply', '-f', '-', ...args);
const newest = async (): Promise<RecordedChange | undefined> => (await changesOf('authored'))[0];
/** Who is told to have made the newest change, once that is recorded. */
const authorOf = async (revision: number): Promise<string> => {
  await untilRecorded('authored', revision, {});
  const change = await newest();
  return [change?.author, change?.authorKind, change?.manager].join(' ');
};

async function nameTheManager(): Promise<void> {
  expect((await apply(1)).stderr).toBe('');
  expect(await authorOf(1)).toBe('kubectl-client-side-apply FieldManager ');
  await apply(2, '--server-side', '--field-manager=kustomize-controller', '--force-conflicts');
  expect(await authorOf(2)).toBe('kustomize-controller FieldManager ');
  expect(await mir('set', 'authored', RATE, 'intervalSeconds=3', '--force-conflicts')).toMatchObject({ code: 0 });
  expect(await authorOf(3)).toBe('mir-cli FieldManager ');
  await kubectl('label', 'dev', 'authored', 'floor=1');
  await stage.patch('authored', { properties: { desired: { [RATE]: null, [BATTERY]: { low: 5 } } } });
  expect(await authorOf(4)).toBe('mir-test FieldManager ');
  // Who only takes away leaves no trace; it is not told of whoever wrote before.
  await stage.patch('authored', { properties: { desired: { [BATTERY]: null } } });
  expect(await authorOf(5)).toBe('unknown Unknown ');
}

describe('the author of a change', () => {
  it('is the field manager where nobody stamps the user', () => outcomeOf('nameTheManager'));

  describeReal('where the policy stamps the user', () => {
    beforeAll(async () => {
      const { stderr } = await stage.world.kubectl('apply', '-f', POLICY);
      expect(stderr).toBe('');
      await stage.create('probe');
      await eventually('the policy is in force', async () => {
        await stage.desire('probe', RATE, { intervalSeconds: Math.ceil(performance.now()) });
        expect((await stage.get('probe')).metadata.annotations?.['iot.mir/author']).toBe('admin');
      });
    }, 60_000);
    afterAll(() => stage.world.kubectl('delete', '-f', POLICY), 60_000);

    it('is a user with a certificate, or who is acted for', async () => {
      await kubectl('patch', 'dev', 'authored', '--type=merge', '-p', '{"properties":{"desired":{"a.B":{"n":1}}}}');
      expect(await authorOf(6)).toBe('admin User kubectl-patch');
      await apply(
        6,
        '--server-side',
        '--field-manager=kustomize-controller',
        '--force-conflicts',
        '--as=flux',
        '--as-group=system:masters',
      );
      expect(await authorOf(7)).toBe('flux User kustomize-controller');
      await mir('set', 'authored', RATE, 'intervalSeconds=7', '--force-conflicts');
      expect(await authorOf(8)).toBe('admin User mir-cli');
    });

    it('is a service account', async () => {
      await kubectl('create', 'serviceaccount', 'robot');
      await kubectl('create', 'role', 'robot', '--verb=get,patch', '--resource=devices.iot.mir');
      await kubectl('create', 'rolebinding', 'robot', '--role=robot', `--serviceaccount=${stage.namespace}:robot`);
      const token = (await kubectl('create', 'token', 'robot')).stdout.trim();
      const { url, caPem } = readKubeconfig(stage.world.kubeconfig);
      const folder = mkdtempSync(join(tmpdir(), 'mir-robot-'));
      const kubeconfig = writeKubeconfig(join(folder, 'kubeconfig'), { url, caPem, credentials: { token } });
      const robot = kubectlFor(kubeconfig, join(folder, 'cache'));
      const patch = '{"properties":{"desired":{"a.B":{"n":8}}}}';
      const patched = await robot(['-n', stage.namespace, 'patch', 'dev', 'authored', '--type=merge', '-p', patch]);
      rmSync(folder, { recursive: true });
      expect(patched.stderr).toBe('');
      expect(await authorOf(9)).toBe(`system:serviceaccount:${stage.namespace}:robot User kubectl-patch`);
    });

    it('cannot be forged, with a change or after it', async () => {
      const forged = { 'iot.mir/author': 'mallory', 'iot.mir/author-of': '10' };
      await stage.patch('authored', { metadata: { annotations: forged } });
      await stage.patch('authored', {
        metadata: { annotations: forged },
        properties: { desired: { 'a.B': { n: 9 } } },
      });
      await stage.patch('authored', { metadata: { annotations: { ...forged, 'iot.mir/author': null } } });
      expect((await stage.get('authored')).metadata.annotations).toMatchObject({
        'iot.mir/author': 'admin',
        'iot.mir/author-of': '10',
      });
      expect(await authorOf(10)).toMatch(/^admin User/);
      await stage.create('fresh');
      expect((await stage.get('fresh')).metadata.annotations).toMatchObject({ 'iot.mir/author-of': '1' });
    });

    it('is not given up by whoever applies, and is no difference to it', async () => {
      await apply(10, '--server-side', '--force-conflicts', '--field-manager=kustomize-controller');
      const { generation, annotations } = (await stage.get('authored')).metadata;
      await apply(10, '--server-side', '--force-conflicts', '--field-manager=kustomize-controller');
      const after = (await stage.get('authored')).metadata;
      expect(after.annotations?.['iot.mir/author']).toBe('admin');
      // Not the resource version, which the operator's status moves too.
      expect([after.generation, after.annotations]).toEqual([generation, annotations]);
    });

    it('is the one of each, where several change the device in a moment', async () => {
      const generation = (await stage.get('authored')).metadata.generation;
      for (const [at, user] of ['ann', 'ben', 'ann'].entries()) {
        const patch = JSON.stringify({ properties: { desired: { 'a.B': { n: 100 + at } } } });
        await kubectl(
          'patch',
          'dev',
          'authored',
          '--type=merge',
          '-p',
          patch,
          `--as=${user}`,
          '--as-group=system:masters',
        );
      }
      await untilRecorded('authored', generation + 3, {});
      expect((await changesOf('authored')).slice(0, 3).map(({ author }) => author)).toEqual(['ann', 'ben', 'ann']);
    });

    it('is known of what was changed while the operator was down', async () => {
      await stage.operator.kill();
      await kubectl(
        'patch',
        'dev',
        'authored',
        '--type=merge',
        '-p',
        '{"spec":{"disabled":true}}',
        '--as=eve',
        '--as-group=system:masters',
      );
      await stage.restartOperator();
      const { generation } = (await stage.get('authored')).metadata;
      expect(await authorOf(generation)).toBe('eve User kubectl-patch');
    });
  });
});

describe('nothing is lost', () => {
  it('when the operator is killed with -9 between a change and its record', async () => {
    await stage.create('lost', { [RATE]: { intervalSeconds: 60 } });
    await untilRecorded('lost', 1, {});
    await stage.desire('lost', RATE, { intervalSeconds: 30 });
    await stage.operator.kill();
    expect(await changesOf('lost')).toHaveLength(1);
    await stage.restartOperator();
    await untilRecorded('lost', 2, seconds(60, 30));
  });

  it('of what is changed while the operator is down', async () => {
    await stage.operator.kill();
    await stage.desire('lost', RATE, { intervalSeconds: 20 });
    await stage.desire('lost', RATE, { intervalSeconds: 10 });
    await stage.restartOperator();
    await untilRecorded('lost', 4, seconds(30, 10));
    expect(await changesOf('lost')).toHaveLength(3);
  });
});
