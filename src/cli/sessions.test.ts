/** The sessions of docs/reference/kubectl-mir.md, command by command: what the page shows is what is printed, but for times. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { devicesPath } from '../api/device.ts';
import type { DeviceStatus, Properties } from '../api/device.ts';
import type { SyncState } from '../api/sync-states.ts';
import { historiesPath } from '../api/history.ts';
import { SCHEMAS_PATH, schemaHash, schemaName } from '../api/schema.ts';
import { hashSchema } from '../schema/load-schema.ts';
import { compileProtoFiles } from '../schema/proto-files.ts';
import { PluginBed } from '../../test/fakes/plugin-bed.ts';
import { RATE, rate } from '../../test/gen/device.ts';
import { eventually } from '../../test/world/eventually.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROTO = join(ROOT, 'manifests/samples/proto');
const PAGE = readFileSync(join(ROOT, 'docs/reference/kubectl-mir.md'), 'utf8').split('<!-- help:begin -->')[0] ?? '';
const NAMESPACE = 'building-a';
const SENSOR = 'temperature-sensor-01';
const THRESHOLD = 'sensor.v1.AlertThreshold';
const alert: Properties = { [THRESHOLD]: { maxTemp: 25, minTemp: 18 } };
const now = Date.now();
const ago = (minutes: number): string => new Date(now - minutes * 60_000).toISOString();

interface Step {
  readonly words: string;
  readonly shown: string;
}

const steps = [...PAGE.matchAll(/```\n(\$ kubectl mir [\s\S]*?)```/g)].flatMap(([, session = '']) =>
  session
    .split(/^\$ kubectl mir /m)
    .slice(1)
    .map((text): Step => {
      const [words = '', ...shown] = text.split('\n');
      return { words, shown: shown.join('\n') };
    }),
);

let bed: PluginBed;
let hash: string;
beforeAll(async () => {
  bed = await PluginBed.open();
  await bed.namespace(NAMESPACE);
  const bytes = await compileProtoFiles([join(PROTO, 'sensor/v1/sensor.proto')], { includeDirs: [PROTO] });
  const name = schemaName(hashSchema(bytes));
  hash = schemaHash(name);
  const spec = { descriptorSet: bytes.toString('base64') };
  await bed.kube.create(SCHEMAS_PATH, { apiVersion: 'iot.mir/v1alpha', kind: 'schema', metadata: { name }, spec });
  await create('door-controller-03', 'door-controller-03', rate(60), { sync: syncOf(rate(60), 'Pending') });
  await create(SENSOR, 'temp-sensor-01', { ...rate(60), ...alert }, online({ ...rate(60), ...alert }), {
    type: 'sensor',
  });
}, 60_000);
afterAll(() => bed.close());

const online = (desired: Properties): DeviceStatus => ({
  online: true,
  lastHeartbeat: ago(0.1),
  schema: { hash },
  sync: syncOf(desired, 'InSync'),
});

const syncOf = (desired: Properties, state: SyncState): NonNullable<DeviceStatus['sync']> =>
  Object.fromEntries(Object.keys(desired).map((name) => [name, { state, revision: 1, digest: 'x', since: ago(0.1) }]));

async function create(
  name: string,
  deviceId: string,
  desired: Properties,
  status: DeviceStatus,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  await bed.kube.create(devicesPath(NAMESPACE), {
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name, labels },
    spec: { deviceId },
    properties: { desired },
  });
  await bed.tell(`${NAMESPACE}/${name}`, status);
}

/** The device does as the page's only change wants it. */
async function follow(): Promise<void> {
  const key = `${NAMESPACE}/${SENSOR}`;
  await eventually('it is changed', async () => {
    expect((await bed.read(key)).properties?.desired?.[RATE]).toEqual({ intervalSeconds: 20 });
  });
  await bed.tell(key, {});
}

/** What has happened before a command. */
const before: Readonly<Record<string, () => Promise<void>>> = {
  async history() {
    const { metadata } = await bed.read(`${NAMESPACE}/${SENSOR}`);
    const outcome = { state: 'InSync' };
    const created = { [RATE]: { after: { intervalSeconds: 60 } }, [THRESHOLD]: { after: alert[THRESHOLD] } };
    const changed = { [RATE]: { before: { intervalSeconds: 60 }, after: { intervalSeconds: 20 } } };
    await bed.kube.create(historiesPath(NAMESPACE), {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'devicehistory',
      metadata: { name: SENSOR },
      device: { uid: metadata.uid, deviceId: 'temp-sensor-01', generation: metadata.generation },
      recorded: { disabled: false, desired: { ...rate(20), ...alert } },
      changes: [
        { revision: 2, time: ago(5), author: 'mir-cli', authorKind: 'FieldManager', messages: changed, outcome },
        { revision: 1, time: ago(15), author: 'alice', authorKind: 'User', messages: created, outcome },
      ],
    });
  },
  async refresh() {
    const labels = { type: 'sensor' };
    await create('humidity-sensor-02', 'humidity-sensor-02', rate(60), online(rate(60)), labels);
    await create('pressure-sensor-09', 'pressure-sensor-09', rate(60), { sync: syncOf(rate(60), 'InSync') }, labels);
  },
};

/** Times and ages are those of the day. */
const withoutTimes = (text: string): string =>
  text.replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'TIME').replaceAll(/\b\d+(?:\.\d)?( ?)s\b/g, 'N$1s');

it('is all shown by the page as it is', async () => {
  expect(steps.length).toBeGreaterThan(6);
  for (const { words, shown } of steps) {
    await before[words.split(' ')[0] ?? '']?.();
    const run = bed.start(words, { columns: 160, now });
    if (words.endsWith('--wait')) await follow();
    const { stdout, stderr } = await run.done;
    expect([words, withoutTimes(stdout + stderr)]).toEqual([words, withoutTimes(shown)]);
  }
});
