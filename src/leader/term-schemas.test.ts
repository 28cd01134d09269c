import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import { STORED_BY_LABEL, schemaName } from '../api/schema.ts';
import { parseDesiredProtobuf } from '../protocol/protobuf-envelopes.ts';
import { encodeReportedProtobuf } from '../protocol/protobuf-envelopes.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import { hashSchema, loadSchema } from '../schema/load-schema.ts';
import { compileProtoFiles } from '../schema/proto-files.ts';
import { descriptorSet } from '../schema/testing/descriptor-set.ts';

const PROTO = join(import.meta.dirname, '../../manifests/samples/proto');
const ALERT = 'sensor.v1.AlertThreshold';
const BATTERY = 'sensor.v1.BatteryStatus';
const WIFI = 'wifi.v1.Settings';

let bytes: Buffer;
let other: Buffer;
let schema: DeviceSchema;
let hash: string;

beforeAll(async () => {
  const compile = (...files: string[]): Promise<Buffer> =>
    compileProtoFiles(
      files.map((file) => join(PROTO, file)),
      { includeDirs: [PROTO] },
    );
  bytes = await compile('sensor/v1/sensor.proto');
  other = await compile('sensor/v1/sensor.proto', 'wifi/v1/wifi.proto');
  hash = hashSchema(bytes);
  const loaded = loadSchema(bytes);
  if (!loaded.ok) throw new Error(loaded.message);
  ({ schema } = loaded);
});

const birth = (parts: object = {}): object => ({
  version: 1,
  online: true,
  session: 's1',
  heartbeat: 0,
  encoding: 'json',
  schema: hash,
  ...parts,
});

const asked = (bed: TermBed, id = 'sensor-01'): string[] =>
  bed.broker.published.filter(({ topic }) => topic === `mir/v1alpha/${id}/get`).map(({ payload }) => payload);

const sends = (bed: TermBed, payload: Buffer, id = 'sensor-01'): void =>
  bed.broker.hear(`mir/v1alpha/${id}/schema`, payload, false);

/** A bed in which the schema is registered. */
async function startTyped(desired = rate(60)): Promise<TermBed> {
  const bed = await startTerm([device({ desired })]);
  bed.kube.schemas.register(bytes);
  bed.says(birth());
  await bed.pass(2000);
  return bed;
}

describe('a device that announces a schema', () => {
  it('is asked for it when no object holds it, and is typed by what it sends', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth());
    await bed.pass(1000);
    expect(asked(bed)).toEqual(['schema']);
    sends(bed, bytes);
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
    expect(bed.status().schema).toMatchObject({ hash, packageNames: ['mir.device.v1', 'sensor.v1'] });
    expect(bed.kube.schemas.store.get(schemaName(hash))).toMatchObject({
      metadata: { labels: { [STORED_BY_LABEL]: 'mir-operator' } },
      status: { configuration: [ALERT, RATE], conditions: [{ type: 'Valid', status: 'True' }] },
    });
    await bed.pass(60_000);
    expect(asked(bed)).toHaveLength(1);
  });

  it('is not asked when the schema was registered before', async () => {
    await using bed = await startTyped();
    expect(bed.condition('SchemaValid')).toBe('True/Valid');
    expect(asked(bed)).toEqual([]);
  });

  it('keeps the revision and document that it had before its schema was known', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.kube.schemas.register(bytes);
    bed.says(birth());
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
    expect(bed.documents()).toHaveLength(1);
  });

  it('is one of many: one of them is asked', async () => {
    const ids = ['a', 'b', 'c'];
    await using bed = await startTerm(ids.map((id) => device({ name: id, uid: id, deviceId: id })));
    for (const id of ids) bed.says(birth(), id);
    await bed.pass(5000);
    expect(ids.flatMap((id) => asked(bed, id))).toEqual(['schema']);
    sends(bed, bytes, 'a');
    await bed.until(() => ids.every((id) => bed.condition('SchemaValid', `default/${id}`) === 'True/Valid'), 5000);
  });

  it('and never sends it is asked again, then goes on without', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.says(birth());
    bed.apply({ desired: rate(30) });
    await bed.pass(20_000);
    expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 60 });
    expect(bed.condition('Online')).toBe('True/Birth');
    await bed.pass(30_000);
    expect(bed.condition('SchemaValid')).toBe('False/SchemaUnavailable');
    expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 30 });
    expect(asked(bed)).toHaveLength(4);
  });

  it('and keeps a new object waiting for it is shown to do so, and the change goes out when it comes', async () => {
    await using bed = await startTerm();
    bed.broker.keep('mir/v1alpha/sensor-01/state', JSON.stringify(birth()));
    bed.apply({ desired: rate(60) });
    await bed.pass(1500);
    expect(bed.condition('Ready')).toBe('absent');
    await bed.pass(3000);
    expect(bed.condition('Ready')).toBe('False/SchemaPending');
    expect(bed.condition('Reconciling')).toBe('True/SchemaPending');
    expect(bed.documents()).toEqual([]);
    sends(bed, bytes);
    await bed.until(() => bed.condition('Ready') === 'True/Published', 5000);
    expect(bed.documents()).toHaveLength(1);
  });

  it('is typed by what it sends late, too', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth());
    await bed.until(() => bed.condition('SchemaValid') === 'False/SchemaUnavailable', 90_000);
    sends(bed, bytes);
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
  });

  it('is refused one that is not the one it announced', async () => {
    await using bed = await startTerm([device()]);
    bed.says(birth());
    await bed.pass(1000);
    sends(bed, other);
    await bed.pass(1000);
    expect(await bed.badInput('SchemaMismatch')).toBe(1);
    expect(bed.kube.schemas.store.size).toBe(0);
  });

  it('that cannot be used says why, and what is desired goes out unchecked', async () => {
    const broken = Buffer.from('this is not a descriptor set');
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth({ schema: hashSchema(broken) }));
    await bed.pass(1000);
    sends(bed, broken);
    await bed.until(() => bed.condition('SchemaValid') === 'False/SchemaInvalid', 5000);
    expect(await bed.badInput('InvalidSchema')).toBe(1);
    expect(bed.condition('Ready')).toBe('True/Published');
    expect(bed.kube.schemas.store.size).toBe(0);
  });

  it('and sends it before it is asked is asked all the same', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.says(birth());
    sends(bed, bytes);
    await bed.pass(1000);
    expect(await bed.badInput('UnaskedSchema')).toBe(1);
    expect(asked(bed)).toEqual(['schema']);
    sends(bed, bytes);
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
  });

  it('is untyped again when a new firmware announces none', async () => {
    await using bed = await startTyped({ ...rate(60), [BATTERY]: { percentage: 1 } });
    expect(bed.condition('SchemaValid')).toBe('False/Invalid');
    bed.says(birth({ session: 's2', schema: undefined }));
    await bed.pass(1000);
    expect(bed.condition('SchemaValid')).toBe('absent');
    expect(bed.status().schema).toBeUndefined();
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual([BATTERY, RATE]);
  });

  it('is typed by what it announced only, whatever it sends', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth({ schema: undefined }));
    sends(bed, bytes);
    await bed.pass(5000);
    expect(bed.condition('SchemaValid')).toBe('absent');
    expect(bed.kube.schemas.store.size).toBe(0);
  });

  it('fills the cluster only up to the limit', async () => {
    await using bed = await startTerm([device()], { maxSchemas: 0 });
    bed.says(birth());
    await bed.pass(1000);
    sends(bed, bytes);
    await bed.pass(1000);
    expect(await bed.badInput('TooManySchemas')).toBe(1);
    expect(bed.kube.schemas.store.size).toBe(0);
  });
});

/** The entry of `message` in the first document. */
function sentBefore(bed: TermBed, message: string): object {
  const entry = bed.documents()[0]?.messages[message];
  if (entry === undefined) throw new Error(`${message} was not sent`);
  return { [message]: entry };
}

describe('what is desired of a typed device', () => {
  it.each([
    ['an unknown field', { [RATE]: { intervalSecond: 60 } }, RATE, 'intervalSecond'],
    ['a wrong type', { [RATE]: { intervalSeconds: 'fast' } }, RATE, 'intervalSeconds'],
    ['a number out of range', { [RATE]: { intervalSeconds: -1 } }, RATE, 'intervalSeconds'],
    ['an unknown message', { 'sensor.v1.Rate': {} }, 'sensor.v1.Rate', RATE],
    ['a message that is no configuration', { [BATTERY]: { percentage: 5 } }, BATTERY, 'telemetry'],
  ])('is Invalid for %s, and the other messages go out', async (_name, bad, message, why) => {
    await using bed = await startTyped({ ...bad, [ALERT]: { maxTemp: 30 } });
    expect(bed.sync(message)).toMatchObject({ state: 'Invalid', reason: 'Invalid' });
    expect(bed.sync(message)?.message).toContain(why);
    expect(bed.condition('SchemaValid')).toBe('False/Invalid');
    expect(bed.condition('Ready')).toBe('False/Invalid');
    expect(bed.condition('Stalled')).toBe('True/Invalid');
    // What was sent before the schema was known stands, for the device to reject: only a person takes back.
    expect(bed.documents().at(-1)?.messages).toMatchObject({
      [ALERT]: { value: { maxTemp: 30 } },
      ...sentBefore(bed, message),
    });
    expect(bed.events).toContain('Warning Invalid');
  });

  it('leaves the value before it standing, and takes the next valid one', async () => {
    await using bed = await startTyped();
    const before = bed.document()?.messages[RATE];
    bed.apply({ desired: { [RATE]: { intervalSeconds: 'fast' } } });
    await bed.pass(2000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Invalid', revision: 1 });
    expect(bed.document()?.messages[RATE]).toEqual(before);
    bed.apply({ desired: rate(30) });
    await bed.pass(2000);
    expect(bed.document()?.messages[RATE]).toMatchObject({ revision: 3, value: { intervalSeconds: 30 } });
    expect(bed.condition('SchemaValid')).toBe('True/Valid');
  });

  it('is judged again when the device brings another schema', async () => {
    await using bed = await startTyped({ ...rate(60), [WIFI]: { ssid: 'plant' } });
    expect(bed.sync(WIFI)?.state).toBe('Invalid');
    bed.kube.schemas.register(other);
    bed.says(birth({ session: 's2', schema: hashSchema(other) }));
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
    expect(bed.sync(WIFI)?.state).toBe('Pending');
    expect(bed.document()?.messages[WIFI]?.value).toEqual({ ssid: 'plant' });
  });

  it.each([{ intervalSeconds: 60 }, { interval_seconds: 60 }, { intervalSeconds: '60' }, { intervalSeconds: 60.0 }])(
    'is the same value however it is spelled: %j',
    async (value) => {
      await using bed = await startTyped({ [RATE]: value });
      expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 60 });
      bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { interval_seconds: 60 } });
      await bed.pass(2000);
      expect(bed.status().reported?.[RATE]).toEqual({ intervalSeconds: 60 });
      expect(bed.sync(RATE)?.state).toBe('InSync');
      bed.apply({ desired: rate(60) });
      await bed.pass(2000);
      expect(bed.sync(RATE)).toMatchObject({ state: 'InSync', revision: 1 });
    },
  );

  it('waits for the schema that is on its way before it goes out', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.says(birth());
    await bed.pass(1000);
    bed.apply({ desired: { [RATE]: { intervalSeconds: 'fast' } } });
    await bed.pass(1000);
    sends(bed, bytes);
    await bed.until(() => bed.sync(RATE)?.state === 'Invalid', 5000);
    expect(bed.documents()).toHaveLength(1);
  });
});

describe('what was sent to a firmware before', () => {
  const CONF = 'test.v1.Conf';
  const fieldsOf = (...names: string[]) => names.map((name, at) => ({ name, number: at + 1 }));
  const conf = (...names: string[]): Buffer =>
    descriptorSet({ messages: [{ name: 'Conf', fields: fieldsOf(...names) }, { name: 'Ok' }] });
  const desired = { [CONF]: { a: 1, b: 2 }, 'test.v1.Ok': {} };

  async function startConf(parts: object): Promise<TermBed> {
    const bed = await startTerm();
    bed.kube.schemas.register(conf('a', 'b'));
    bed.kube.schemas.register(conf('a'));
    bed.says(birth({ schema: hashSchema(conf('a', 'b')), ...parts }));
    bed.apply({ desired });
    await bed.pass(2000);
    return bed;
  }

  it('stays as it stands when the next one cannot read it, until a person changes or removes it', async () => {
    await using bed = await startConf({});
    const before = bed.document()?.messages;
    expect(before).toMatchObject({ [CONF]: { revision: 1, value: { a: 1, b: 2 } } });
    bed.says(birth({ session: 's2', schema: hashSchema(conf('a')) }));
    await bed.pass(2000);
    expect(bed.sync(CONF)).toMatchObject({
      state: 'Invalid',
      revision: 1,
      message: expect.stringContaining('b is not a field'),
    });
    expect(bed.document()?.messages).toEqual(before);
    bed.apply({ desired: { ...desired, [CONF]: { a: 3, b: 2 } } });
    await bed.pass(2000);
    expect(bed.document()?.messages).toEqual(before);
    bed.apply({ desired: { ...desired, [CONF]: { a: 3 } } });
    await bed.pass(2000);
    expect(bed.document()?.messages).toMatchObject({
      [CONF]: { revision: 3, value: { a: 3 } },
      'test.v1.Ok': { revision: 1 },
    });
    bed.says(birth({ session: 's3', schema: hashSchema(conf('c')) }));
    bed.kube.schemas.register(conf('c'));
    await bed.pass(2000);
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual([CONF, 'test.v1.Ok']);
    bed.apply({ desired: { 'test.v1.Ok': {} } });
    await bed.pass(2000);
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual(['test.v1.Ok']);
  });

  it('is sent as JSON with everything else to one that wants protobuf and cannot read it', async () => {
    await using bed = await startConf({});
    bed.says(birth({ session: 's2', schema: hashSchema(conf('a')), encoding: 'protobuf' }));
    bed.apply({ desired: { ...desired, 'test.v1.Ok': {} } });
    await bed.pass(2000);
    expect(bed.document()?.messages).toMatchObject({
      [CONF]: { revision: 1, value: { a: 1, b: 2 } },
      'test.v1.Ok': { value: {} },
    });
    bed.apply({ desired: { ...desired, [CONF]: { a: 1 } } });
    await bed.pass(2000);
    expect(bed.broker.keptBytes('mir/v1alpha/sensor-01/desired')?.[0]).toBe(8);
  });

  it('as protobuf holds the document of one that reads JSON alone and does not know the message', async () => {
    await using bed = await startConf({ encoding: 'protobuf' });
    const before = bed.broker.keptBytes('mir/v1alpha/sensor-01/desired');
    expect(before?.[0]).toBe(8);
    bed.kube.schemas.register(descriptorSet({ messages: [{ name: 'Ok' }] }));
    bed.says(birth({ session: 's2', schema: hashSchema(descriptorSet({ messages: [{ name: 'Ok' }] })) }));
    await bed.pass(2000);
    expect(bed.broker.keptBytes('mir/v1alpha/sensor-01/desired')).toEqual(before);
    expect(bed.condition('Stalled')).toBe('True/Invalid');
    bed.apply({ desired: { 'test.v1.Ok': {} } });
    await bed.pass(2000);
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual(['test.v1.Ok']);
    expect(bed.condition('Ready')).toBe('True/Published');
  });
});

describe('what a typed device reports', () => {
  it('has its defaults filled in', async () => {
    await using bed = await startTyped();
    bed.reports(BATTERY, { value: { voltage: 3.2 } });
    await bed.pass(2000);
    expect(bed.status().reported?.[BATTERY]).toEqual({ percentage: 0, voltage: 3.2 });
  });

  it('is refused with the path when it does not fit, and the decision counts all the same', async () => {
    await using bed = await startTyped();
    const value = { intervalSeconds: 'fast' };
    bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'rejected', reason: 'too fast', value });
    await bed.pass(2000);
    expect(await bed.badInput('InvalidValue')).toBe(1);
    expect(bed.status().reported?.[RATE]).toBeUndefined();
    expect(bed.sync(RATE)).toMatchObject({ state: 'Rejected', message: 'too fast' });
  });

  it('is kept as it is when the message is not in the schema', async () => {
    await using bed = await startTyped();
    bed.reports('other.v1.Thing', { value: { anything: 'goes' } });
    await bed.pass(2000);
    expect(bed.status().reported?.['other.v1.Thing']).toEqual({ anything: 'goes' });
  });

  it('before its schema was known is put into canonical form when it is', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says(birth({ schema: undefined }));
    bed.reports(RATE, { value: { interval_seconds: '60' } });
    await bed.pass(2000);
    expect(bed.sync(RATE)?.state).toBe('Pending');
    bed.kube.schemas.register(bytes);
    bed.says(birth({ session: 's2' }));
    await bed.until(() => bed.sync(RATE)?.state === 'InSync', 5000);
    expect(bed.status().reported?.[RATE]).toEqual({ intervalSeconds: 60 });
  });
});

describe('a device that wants protobuf', () => {
  const PROTOBUF = { encoding: 'protobuf' };

  const standing = (bed: TermBed): Record<string, unknown> => {
    const payload = bed.broker.keptBytes('mir/v1alpha/sensor-01/desired') ?? Buffer.alloc(0);
    const parsed = parseDesiredProtobuf(payload, { maxPayloadBytes: 16_384, maxNesting: 32 });
    if (!parsed.ok) throw new Error(parsed.message);
    const entries = Object.entries(parsed.value.messages).map(([name, { revision, value }]) => {
      const decoded = schema.message(name)?.decode(value);
      return [name, { revision, value: decoded?.ok === true ? decoded.value : undefined }] as const;
    });
    return Object.fromEntries(entries);
  };

  it('gets it, with the revision that its JSON had', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.kube.schemas.register(bytes);
    bed.says(birth(PROTOBUF));
    await bed.until(() => bed.condition('SchemaValid') === 'True/Valid', 5000);
    expect(standing(bed)).toEqual({ [RATE]: { revision: 1, value: { intervalSeconds: 60 } } });
    expect(bed.status().session?.encoding).toBe('protobuf');
  });

  it('is brought in sync by what it reports in protobuf', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.kube.schemas.register(bytes);
    bed.says(birth(PROTOBUF));
    await bed.pass(2000);
    const value = schema.message(RATE)?.encode({ intervalSeconds: 60 });
    if (value?.ok !== true) throw new Error('cannot encode');
    const report = { uid: 'uid-1', revision: 1, status: 'applied', value: value.value } as const;
    bed.broker.hear(`mir/v1alpha/sensor-01/reported/${RATE}`, encodeReportedProtobuf(report));
    await bed.pass(2000);
    expect(bed.sync(RATE)?.state).toBe('InSync');
    expect(bed.status().reported?.[RATE]).toEqual({ intervalSeconds: 60 });
  });

  it('is told in our own words of a value that is no message, by an event of its own', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.kube.schemas.register(bytes);
    bed.says(birth(PROTOBUF));
    await bed.pass(2000);
    const report = { uid: 'uid-1', revision: 1, status: 'rejected', value: Buffer.from([8]) } as const;
    bed.broker.hear(`mir/v1alpha/sensor-01/reported/${RATE}`, encodeReportedProtobuf(report));
    await bed.pass(2000);
    expect(bed.events).toContain('Warning InvalidProtobuf');
    expect(bed.sync(RATE)?.state).toBe('Rejected');
  });

  it('is sent nothing again by a resync, a reconnect or another schema with the same messages', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.kube.schemas.register(bytes);
    bed.kube.schemas.register(other);
    bed.says(birth(PROTOBUF));
    await bed.pass(2000);
    const sent = bed.broker.published.length;
    bed.broker.disconnect();
    bed.broker.connect();
    await bed.pass(30_000);
    bed.says(birth({ ...PROTOBUF, session: 's2', schema: hashSchema(other) }));
    await bed.pass(30_000);
    expect(bed.broker.published).toHaveLength(sent);
  });

  it('is sent nothing, and told why, while there is no schema to write it with', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.says(birth({ ...PROTOBUF, schema: undefined }));
    bed.apply({ desired: rate(30) });
    await bed.pass(2000);
    expect(bed.condition('Ready')).toBe('False/SchemaUnavailable');
    expect(bed.documents()).toHaveLength(1);
  });
});

describe('a schema object', () => {
  it('whose name is not the hash of its content is shown, and used for nobody', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.kube.schemas.register(other, schemaName(hash));
    bed.says(birth());
    await bed.until(() => bed.condition('SchemaValid') === 'False/HashMismatch', 5000);
    const object = bed.kube.schemas.store.get(schemaName(hash));
    expect(object?.status?.conditions).toMatchObject([{ type: 'Valid', status: 'False', reason: 'HashMismatch' }]);
    expect(object?.status?.conditions?.[0]?.message).toContain(schemaName(hashSchema(other)));
  });

  it('that is deleted while a device uses it is asked for again', async () => {
    await using bed = await startTyped();
    bed.kube.schemas.delete(`/apis/iot.mir/v1alpha/schemas/${schemaName(hash)}`);
    await bed.pass(1000);
    expect(asked(bed)).toEqual(['schema']);
    sends(bed, bytes);
    await bed.until(() => bed.kube.schemas.store.has(schemaName(hash)), 5000);
    expect(bed.condition('SchemaValid')).toBe('True/Valid');
  });

  it('that the operator stored is collected when unused for the grace period; one of a person stays', async () => {
    await using bed = await startTerm([device()], { schemaGraceHours: 1 });
    bed.kube.schemas.register(other);
    bed.says(birth());
    await bed.pass(1000);
    sends(bed, bytes);
    await bed.until(() => bed.kube.schemas.store.size === 2, 5000);
    await bed.pass(7_200_000);
    expect(bed.kube.schemas.store.size).toBe(2);
    bed.kube.delete('default/sensor');
    await bed.pass(3_500_000);
    expect(bed.kube.schemas.store.size).toBe(2);
    await bed.pass(300_000);
    expect([...bed.kube.schemas.store.keys()]).toEqual([schemaName(hashSchema(other))]);
  });
});
