import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import { parseDesiredProtobuf } from '../protocol/protobuf-envelopes.ts';
import { encodeReportedProtobuf } from '../protocol/protobuf-envelopes.ts';
import { hashSchema, loadSchema } from '../schema/load-schema.ts';
import { descriptorSet } from '../schema/testing/descriptor-set.ts';
import {
  ALERT,
  BATTERY,
  WIFI,
  bytes,
  other,
  schema,
  birth,
  sends,
  startTyped,
  sentBefore,
} from './testing/typed-term.ts';

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

  it.each(['json', 'protobuf'] as const)(
    'may be a message within another one, by its full name, as %s',
    async (encoding) => {
      const LIMITS = 'parts.v1.Pump.Limits';
      const limits = { name: 'Limits', fields: [{ name: 'max', number: 1 }] };
      const parts = descriptorSet({ packageName: 'parts.v1', messages: [{ name: 'Pump', messages: [limits] }] });
      const loaded = loadSchema(parts);
      if (!loaded.ok) throw new Error(loaded.message);
      await using bed = await startTerm();
      bed.kube.schemas.register(parts);
      bed.says(birth({ schema: hashSchema(parts), encoding }));
      bed.apply({ desired: { [LIMITS]: { max: '7' } } });
      await bed.pass(2000);
      expect(bed.sync(LIMITS)).toMatchObject({ state: 'Pending', revision: 1 });
      const value = loaded.schema.message(LIMITS)?.encode({ max: 7 });
      if (value?.ok !== true) throw new Error('cannot encode');
      const said = { uid: 'uid-1', revision: 1, status: 'applied' } as const;
      if (encoding === 'protobuf') {
        const report = encodeReportedProtobuf({ ...said, value: value.value });
        bed.broker.hear(`mir/v1alpha/sensor-01/reported/${LIMITS}`, report);
      } else {
        bed.reports(LIMITS, { ...said, value: { max: 7 } });
      }
      await bed.pass(2000);
      expect(bed.sync(LIMITS)).toMatchObject({ state: 'InSync', revision: 1 });
      expect(bed.status().reported?.[LIMITS]).toEqual({ max: 7 });
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
