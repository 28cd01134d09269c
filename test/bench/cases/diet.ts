/** What the status of the user's own twin weighs, and what that costs the API server: against the shape before its diet. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { findCondition } from '../../../src/api/conditions.ts';
import type { Device, DeviceStatus, JsonObject } from '../../../src/api/device.ts';
import { hashSchema } from '../../../src/schema/load-schema.ts';
import { compileProtoFiles } from '../../../src/schema/proto-files.ts';
import { eventually } from '../../world/eventually.ts';
import type { Figure } from '../figures.ts';
import { cpuSeconds } from '../process-usage.ts';
import { DEVICES, RAW, SERVED } from '../rig.ts';
import type { Rig } from '../rig.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PROTO = join(ROOT, 'manifests/samples/proto');
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const FORMER = '/apis/former.mir/v1alpha';
const OBJECTS = 50;
const BLOCKS = 8;
const bench = 'diet';

/** Alternating blocks of status writes, `writes` of each shape. */
export async function benchDiet(rig: Rig, writes: number): Promise<Figure[]> {
  const twin = await syncedTwin(rig);
  const { status } = twin;
  if (status === undefined) throw new Error('the twin has no status');
  await installFormer(rig);
  const lean = { base: DEVICES, status };
  const former = { base: FORMER, status: formerShape(status) };
  rig.progress(`creating ${OBJECTS} twins of either shape`);
  for (const shape of [lean, former]) await createAll(rig, shape, twin);
  const leanBytes = await sizeOf(rig, lean.base);
  const formerBytes = await sizeOf(rig, former.base);
  const [leanCpu, formerCpu] = [[0], [0]];
  for (let block = 0; block < BLOCKS; block += 1) {
    formerCpu.push(await cpuOf(rig, former, writes / BLOCKS, block));
    leanCpu.push(await cpuOf(rig, lean, writes / BLOCKS, block));
  }
  const per1000 = (blocks: readonly number[]): number => (blocks.reduce((sum, cpu) => sum + cpu) / writes) * 1000;
  return [
    {
      bench,
      what: "bytes saved on the user's twin",
      value: formerBytes - leanBytes,
      unit: 'B',
      target: { kind: 'at-least', limit: 700 },
      note: `${formerBytes} → ${leanBytes} bytes of JSON, managedFields included`,
    },
    {
      bench,
      what: 'CPU of the API server for 1,000 status writes',
      value: per1000(leanCpu),
      unit: 's',
      floor: { value: per1000(formerCpu), what: 'the shape before the diet, alternating' },
      target: { kind: 'times-floor', atMost: 1 },
      note: `${writes} merge patches of one report each, 4 in flight`,
    },
  ];
}

/** The twin of the user's page, with a device that brings its schema and reports all that the page shows. */
async function syncedTwin(rig: Rig): Promise<Device> {
  const sample = load(readFileSync(join(ROOT, 'manifests/samples/temperature-sensor-01.yaml'), 'utf8')) as Device;
  const { namespace: _namespace, ...metadata } = sample.metadata;
  const path = `${DEVICES}/namespaces/${SERVED}/devices`;
  await rig.kube.create(path, { ...sample, metadata });
  await rig.startOperator();
  const device = await rig.connectDevice();
  const schema = await compileProtoFiles([join(PROTO, 'sensor/v1/sensor.proto')], { includeDirs: [PROTO] });
  const say = (rest: string, body: object | Buffer): Promise<unknown> =>
    device.publishAsync(
      `mir/v1alpha/${sample.spec.deviceId}/${rest}`,
      Buffer.isBuffer(body) ? body : JSON.stringify(body),
      {
        qos: 1,
        retain: rest !== 'schema',
      },
    );
  const reported: Readonly<Record<string, JsonObject>> = {
    ...sample.properties?.desired,
    'sensor.v1.BatteryStatus': { percentage: 87, voltage: 3.2 },
  };
  device.on('message', (_topic, payload) => {
    if (payload.toString() === 'schema') void say('schema', schema);
  });
  await device.subscribeAsync(`mir/v1alpha/${sample.spec.deviceId}/get`, { qos: 1 });
  const session = { online: true, session: '0f8fad5b-d9cb-469f-a165-70867728950e', heartbeat: 10 };
  await say('state', { ...session, schema: hashSchema(schema), reports: Object.keys(reported) });
  for (const [message, value] of Object.entries(reported)) await say(`reported/${message}`, { value });
  await device.publishAsync(`mir/v1alpha/${sample.spec.deviceId}/heartbeat`, '');
  return eventually('the twin is in sync', async () => {
    const twin = await rig.kube.get<Device>(`${path}/${metadata.name}`);
    const isSynced = findCondition(twin.status?.conditions, 'Synced')?.status === 'True';
    const isTyped = findCondition(twin.status?.conditions, 'SchemaValid')?.status === 'True';
    if (!isSynced || !isTyped || Object.keys(twin.status?.reported ?? {}).length < 3)
      throw new Error(JSON.stringify(twin.status));
    return twin;
  });
}

/** The same kind in a group of its own, with a granular status as it was. */
async function installFormer(rig: Rig): Promise<void> {
  const text = readFileSync(join(ROOT, 'crds/devices.iot.mir.yaml'), 'utf8');
  const crd = load(text.replaceAll('iot.mir', 'former.mir').replace('shortNames: [dev]', 'shortNames: []')) as Crd;
  for (const { schema } of crd.spec.versions) {
    const { status } = schema.openAPIV3Schema.properties;
    delete status['x-kubernetes-map-type'];
    const { reported, sync, session, properties } = status.properties;
    for (const part of [
      reported,
      sync,
      session,
      properties?.properties?.['desired'],
      properties?.properties?.['reported'],
    ])
      if (part !== undefined) part['x-kubernetes-map-type'] = 'atomic';
  }
  await rig.kube.create(CRDS, crd);
  await eventually('the former kind is served', () => rig.kube.get(`${FORMER}/devices`, { limit: 1 }));
}

interface Part {
  'x-kubernetes-map-type'?: string;
  readonly properties?: Readonly<Record<string, Part>>;
}

interface Crd {
  readonly spec: {
    readonly versions: readonly {
      readonly schema: {
        readonly openAPIV3Schema: {
          readonly properties: { readonly status: Part & { readonly properties: Readonly<Record<string, Part>> } };
        };
      };
    }[];
  };
}

/** What conditions said of a twin with which all is well. */
const FORMER_WORDS: Readonly<Record<string, string>> = {
  Ready: 'every desired message stands retained at the broker',
  Synced: 'desired and reported agree',
  Online: 'the device announced itself',
  SchemaValid: `every desired message fits schema sha256-${'0'.repeat(64)}`,
};

function formerShape(status: DeviceStatus): DeviceStatus {
  const conditions = (status.conditions ?? []).map((condition) => ({
    ...condition,
    message: FORMER_WORDS[condition.type] ?? '',
    observedGeneration: 1,
  }));
  return { ...status, conditions };
}

interface Shape {
  readonly base: string;
  readonly status: DeviceStatus;
}

const nameOf = (index: number): string => `diet-${index % OBJECTS}`;

async function createAll(rig: Rig, { base, status }: Shape, twin: Device): Promise<void> {
  const { labels } = twin.metadata;
  for (let index = 0; index < OBJECTS; index += 1) {
    await rig.kube.create(`${base}/namespaces/${RAW}/devices`, {
      ...twin,
      apiVersion: base.slice('/apis/'.length),
      metadata: { name: nameOf(index), labels },
    });
    await patchStatus(rig, base, nameOf(index), { ...status });
  }
}

function patchStatus(rig: Rig, base: string, name: string, status: object): Promise<unknown> {
  const path = `${base}/namespaces/${RAW}/devices/${name}/status`;
  return rig.kube.patch(path, 'application/merge-patch+json', { status }, { fieldManager: 'mir-operator' });
}

async function sizeOf(rig: Rig, base: string): Promise<number> {
  const object = await rig.kube.get<object>(`${base}/namespaces/${RAW}/devices/${nameOf(0)}`);
  return JSON.stringify(object).length;
}

/** CPU seconds of the API server for `writes` reports, each with its time, as the operator writes them. */
async function cpuOf(rig: Rig, { base }: Shape, writes: number, block: number): Promise<number> {
  const pid = rig.apiServerPid;
  const before = cpuSeconds(pid);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let write = next++; write < writes; write = next++) {
      const time = new Date().toISOString();
      const value = { percentage: (write + block) % 100, voltage: 3.2 };
      await patchStatus(rig, base, nameOf(write), {
        reported: { 'sensor.v1.BatteryStatus': value },
        properties: { reported: { 'sensor.v1.BatteryStatus': time } },
      });
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  return cpuSeconds(pid) - before;
}
