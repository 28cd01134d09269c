import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startBroker } from '../dev/broker.ts';
import type { DevBroker } from '../dev/broker.ts';
import { encodeDesiredProtobuf, parseReportedProtobuf } from '../protocol/protobuf-envelopes.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import { hashSchema, loadSchema } from '../schema/load-schema.ts';
import { descriptorSet } from '../schema/testing/descriptor-set.ts';
import { compileProtoFiles, createDevice, memoryStore } from './index.ts';
import type { Device, DeviceEvent } from './index.ts';
import { briskOptions } from './testing/brisk-options.ts';
import type { BriskOptions } from './testing/brisk-options.ts';
import { connectCloud, entry } from './testing/cloud.ts';
import type { Cloud } from './testing/cloud.ts';

const PROTO = join(import.meta.dirname, '../../manifests/samples/proto');
const RATE = 'sensor.v1.SampleRate';
const ALERT = 'sensor.v1.AlertThreshold';
const BATTERY = 'sensor.v1.BatteryStatus';
const LIMITS = { maxPayloadBytes: 16_384, maxNesting: 32 };
const OWNER = { cluster: 'c', namespace: 'n', name: 'd1', uid: 'uid-1' };

let broker: DevBroker;
let cloud: Cloud;
let bytes: Buffer;
let schema: DeviceSchema;
const devices: Device[] = [];
const applied: unknown[] = [];
const events: DeviceEvent[] = [];

beforeAll(async () => {
  bytes = await compileProtoFiles([join(PROTO, 'sensor/v1/sensor.proto')], { includeDirs: [PROTO] });
  const loaded = loadSchema(bytes);
  if (!loaded.ok) throw new Error(loaded.message);
  ({ schema } = loaded);
});

beforeEach(async () => {
  broker = await startBroker();
  cloud = await connectCloud(broker.url, 'd1');
  applied.length = 0;
  events.length = 0;
});

afterEach(async () => {
  for (const device of devices.splice(0)) device.destroy();
  await cloud.close();
  await broker.close();
});

async function connect(options: BriskOptions = {}): Promise<Device> {
  const onEvent = (event: DeviceEvent): void => void events.push(event);
  const device = createDevice(briskOptions(broker.url, { schema: { descriptorSet: bytes }, onEvent, ...options }));
  devices.push(device);
  for (const message of [RATE, ALERT]) device.onDesired(message, (value) => void applied.push(value));
  await device.connect();
  return device;
}

const protobuf = () => ({ schema: { descriptorSet: bytes, encoding: 'protobuf' } }) as const;

const encoded = (message: string, value: object): Uint8Array => {
  const result = schema.message(message)?.encode(value as never);
  if (result?.ok !== true) throw new Error(`cannot encode ${message}`);
  return result.value;
};

async function nextReport(message: string, status: string) {
  for (;;) {
    const { payload } = await cloud.next(`reported/${message}`);
    const parsed = parseReportedProtobuf(payload, LIMITS);
    if (!parsed.ok) throw new Error(parsed.message);
    if (parsed.value.status !== status) continue;
    const { value, ...decision } = parsed.value;
    const decoded = value === undefined ? undefined : schema.message(message)?.decode(value);
    return { ...decision, value: decoded?.ok === true ? decoded.value : undefined };
  }
}

describe('a device with a schema', () => {
  it('announces its hash, and sends it when asked', async () => {
    await connect();
    const birth = await cloud.next('state', { online: true });
    expect(birth.json).toMatchObject({ schema: hashSchema(bytes), encoding: 'json' });
    await cloud.publish('get', 'schema');
    const { payload } = await cloud.next('schema');
    expect(payload.equals(bytes)).toBe(true);
  });

  it('gets what is desired in canonical form with defaults, however it is spelled', async () => {
    await connect();
    await cloud.desire({ [RATE]: entry(1, { interval_seconds: '60' }) });
    const report = await cloud.next(`reported/${RATE}`, { status: 'applied' });
    expect(report.json?.['value']).toEqual({ intervalSeconds: 60 });
    expect(applied).toEqual([{ intervalSeconds: 60 }]);
  });

  it('rejects the one message that it cannot read, and takes the others', async () => {
    await connect();
    await cloud.desire({
      [RATE]: entry(3, { interval: 60 }),
      [ALERT]: entry(4, { maxTemp: 30 }),
      'x.v1.Y': entry(5, {}),
    });
    const refused = await cloud.next(`reported/${RATE}`, { status: 'rejected' });
    expect(refused.json).toMatchObject({ uid: 'uid-1', revision: 3 });
    expect(refused.json?.['reason']).toContain('interval is not a field of sensor.v1.SampleRate');
    await cloud.desire({ [RATE]: entry(6, { intervalSeconds: 5 }), [ALERT]: entry(4, { maxTemp: 30 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied', revision: 6 });
    expect(applied).toEqual([{ maxTemp: 30 }, { intervalSeconds: 5 }]);
  });

  it('lets no older document that comes again take back what it decided on a newer one', async () => {
    await connect();
    await cloud.desire({ [RATE]: entry(10, { intervalSeconds: 60 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied', revision: 10 });
    await cloud.desire({ [RATE]: entry(5, { interval: 1 }), [ALERT]: entry(11, { maxTemp: 1 }) });
    await cloud.next(`reported/${ALERT}`, { status: 'applied' });
    await cloud.desire({ [RATE]: entry(10, { intervalSeconds: 60 }), [ALERT]: entry(12, { maxTemp: 2 }) });
    await cloud.next(`reported/${ALERT}`, { status: 'applied', revision: 12 });
    expect(cloud.seen.filter(({ json }) => json?.['status'] === 'rejected')).toEqual([]);
  });

  it('answers another object too, although the revision is the same', async () => {
    await connect();
    await cloud.desire({ [RATE]: entry(1, { interval: 1 }) });
    await cloud.next(`reported/${RATE}`, { status: 'rejected', uid: 'uid-1' });
    await cloud.desire({ [RATE]: entry(1, { interval: 1 }) }, { uid: 'uid-2' });
    await cloud.next(`reported/${RATE}`, { status: 'rejected', uid: 'uid-2' });
  });

  it('no longer names in its birth what it refused and is not desired any more', async () => {
    await connect();
    await cloud.desire({ [RATE]: entry(1, { interval: 1 }) });
    await cloud.next(`reported/${RATE}`, { status: 'rejected' });
    await cloud.desire({});
    await cloud.next('state', { online: true, reports: [] });
  });

  it('keeps what it has while a newer value cannot be read', async () => {
    const device = await connect();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    await cloud.desire({ [RATE]: entry(2, { intervalSeconds: -1 }) });
    const refused = await cloud.next(`reported/${RATE}`, { status: 'rejected' });
    expect(refused.json).toMatchObject({ revision: 2, value: { intervalSeconds: 60 } });
    expect(device.desired(RATE)).toEqual({ intervalSeconds: 60 });
  });

  it('goes on with what it has when its next firmware cannot read it, and nothing is taken back', async () => {
    const store = memoryStore();
    const first = await connect({ store });
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }), [ALERT]: entry(1, { maxTemp: 30 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    await cloud.next(`reported/${ALERT}`, { status: 'applied' });
    first.destroy();
    const fewer = descriptorSet({ packageName: 'sensor.v1', messages: [{ name: 'AlertThreshold' }] });
    const withdrawn: string[] = [];
    const next = createDevice(briskOptions(broker.url, { store, schema: { descriptorSet: fewer }, onEvent: () => {} }));
    devices.push(next);
    for (const message of [RATE, ALERT]) {
      next.onDesired(
        message,
        () => {},
        () => void withdrawn.push(message),
      );
    }
    await next.connect();
    await cloud.next('state', { online: true });
    next.report('x.v1.Mark', {});
    await cloud.next('reported/x.v1.Mark');
    expect(withdrawn).toEqual([]);
    expect([next.desired(RATE), next.desired(ALERT)]).toEqual([{ intervalSeconds: 60 }, { maxTemp: 30 }]);
  });

  it('reports in canonical form, and tells what does not fit instead of sending it', async () => {
    const device = await connect();
    device.report(BATTERY, { voltage: 3.2 });
    const report = await cloud.next(`reported/${BATTERY}`);
    expect(report.json?.['value']).toEqual({ percentage: 0, voltage: 3.2 });
    device.report(BATTERY, { voltage: 'high' });
    expect(device.reported(BATTERY)).toEqual({ percentage: 0, voltage: 3.2 });
    const failures = events.flatMap((event) => (event.kind === 'failed' ? `${event.what}: ${event.reason}` : []));
    expect(failures).toEqual([expect.stringContaining(`report of ${BATTERY}: voltage is "high", expected`)]);
  });

  it('that cannot be used is refused when the device is made', () => {
    const schema = { descriptorSet: Buffer.from('nonsense') };
    expect(() => createDevice(briskOptions(broker.url, { schema }))).toThrow(/schema.descriptorSet cannot be used/);
  });
});

describe('a device that speaks protobuf', () => {
  it('says so, takes protobuf and reports protobuf', async () => {
    await connect(protobuf());
    expect((await cloud.next('state', { online: true })).json).toMatchObject({ encoding: 'protobuf' });
    const value = encoded(RATE, { intervalSeconds: 60 });
    const messages = { [RATE]: { revision: 3, time: '', value } };
    await cloud.publish('desired', encodeDesiredProtobuf({ owner: OWNER, disabled: false, messages }), true);
    expect(await nextReport(RATE, 'applied')).toEqual({
      uid: 'uid-1',
      revision: 3,
      status: 'applied',
      value: { intervalSeconds: 60 },
    });
    expect(applied).toEqual([{ intervalSeconds: 60 }]);
  });

  it('understands the JSON that stands before its first birth, and takes the same value in protobuf for the same', async () => {
    await cloud.desire({ [RATE]: entry(3, { intervalSeconds: 60 }) });
    await connect(protobuf());
    await nextReport(RATE, 'applied');
    const messages = { [RATE]: { revision: 4, time: '', value: encoded(RATE, { intervalSeconds: 60 }) } };
    await cloud.publish('desired', encodeDesiredProtobuf({ owner: OWNER, disabled: false, messages }), true);
    expect(await nextReport(RATE, 'applied')).toMatchObject({ revision: 4 });
    expect(applied).toHaveLength(1);
  });

  it('rejects bytes that its schema cannot read', async () => {
    await connect(protobuf());
    const messages = { [RATE]: { revision: 3, time: '', value: Buffer.from([0x08]) } };
    await cloud.publish('desired', encodeDesiredProtobuf({ owner: OWNER, disabled: false, messages }), true);
    expect(await nextReport(RATE, 'rejected')).toMatchObject({ revision: 3 });
  });

  it('sends what an earlier firmware reported as the JSON it is, when its schema cannot write it', async () => {
    const store = memoryStore();
    store.write({ reports: new Map([['old.v1.Thing', { a: 1 }]]) });
    await connect({ ...protobuf(), store });
    const report = await cloud.next('reported/old.v1.Thing');
    expect(report.json).toMatchObject({ value: { a: 1 } });
  });
});
