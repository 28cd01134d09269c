import { describe, expect, it } from '@jest/globals';
import { readJson } from '../api/exact-json.ts';
import type { Properties } from '../api/device.ts';
import { OPERATOR, startTerm } from '../../test/fakes/term-bed.ts';
import { device, document, rate, RATE } from '../../test/gen/device.ts';
import { revisionAndValue } from './testing/revisions.ts';

const MODE = 'sensor.v1.Mode';

describe('an object that is applied', () => {
  it('is published once, and only after a page has shown what the broker holds', async () => {
    await using bed = await startTerm();
    bed.broker.pageDelayMs = 1000;
    bed.apply({ desired: rate(60) });
    await bed.pass(999);
    expect(bed.documents()).toEqual([]);
    await bed.pass(1000);
    expect(bed.documents()).toMatchObject([revisionAndValue(1, 60)]);
    expect(bed.condition('Ready')).toBe('True/Published');
    expect(bed.condition('Synced')).toBe('False/Pending');
  });

  it('costs one status write when its document is published at once', async () => {
    await using bed = await startTerm();
    bed.apply({ desired: rate(60) });
    await bed.pass(5000);
    expect(bed.kube.writes).toHaveLength(1);
  });

  it('is not published again when an equal document stands there', async () => {
    await using bed = await startTerm();
    bed.holds(document(60, 1));
    bed.apply({ desired: rate(60) });
    await bed.pass(5000);
    expect(bed.documents()).toEqual([]);
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('that changes while its publish is unanswered is published once more, with the newest value', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.broker.publishDelayMs = 1000;
    for (const seconds of [10, 11, 12, 13, 14, 15]) {
      bed.apply({ desired: rate(seconds) });
      await bed.pass(10);
    }
    await bed.pass(5000);
    expect(bed.documents()).toMatchObject([revisionAndValue(1, 60), revisionAndValue(2, 10), revisionAndValue(7, 15)]);
    expect(bed.status().observedGeneration).toBe(7);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', revision: 7 });
  });

  it('gives a new revision only to the message that changed', async () => {
    await using bed = await startTerm();
    bed.apply({ desired: { ...rate(60), [MODE]: { mode: 'eco' } } });
    await bed.pass(1000);
    bed.apply({ desired: { ...rate(30), [MODE]: { mode: 'eco' } } });
    await bed.pass(1000);
    expect(bed.document()?.messages).toMatchObject({ [RATE]: { revision: 2 }, [MODE]: { revision: 1 } });
  });

  it('with metadata alone changed is neither published nor written again', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    const writes = bed.kube.writes.length;
    bed.apply({ desired: rate(60) });
    await bed.pass(5000);
    expect(bed.documents()).toHaveLength(1);
    expect(bed.kube.writes).toHaveLength(writes);
  });
});

describe('an object whose device id is a name of the operator', () => {
  it.each(['mir-operator', 'mir-operator-1a2b3c4d', OPERATOR])(
    'is stalled, and gets no document: %s',
    async (deviceId) => {
      await using bed = await startTerm([device({ deviceId, desired: rate(60) })]);
      await bed.pass(2000);
      expect(bed.condition('Stalled')).toBe('True/ReservedDeviceId');
      expect(bed.documents(deviceId)).toEqual([]);
      expect(bed.events).toContain('Warning ReservedDeviceId');
    },
  );
});

describe('an object whose device id is too long for --max-topic-bytes', () => {
  it.each([
    [31, 'True/DeviceIdTooLong'],
    [32, 'absent'],
  ])('is stalled, says what to do, and gets no document: %i bytes', async (maxTopicBytes, stalled) => {
    await using bed = await startTerm([device({ desired: rate(60) })], { maxTopicBytes });
    await bed.pass(2000);
    expect(bed.condition('Stalled')).toBe(stalled);
    expect(bed.documents()).toHaveLength(stalled === 'absent' ? 1 : 0);
    const isTold = bed.told.some(
      ({ reason, message }) => reason === 'DeviceIdTooLong' && message.includes('--max-topic-bytes'),
    );
    expect(isTold).toBe(stalled !== 'absent');
  });
});

describe('a message that cannot be sent', () => {
  const desiredAs = (json: string): Properties => readJson(json) as Properties;
  it.each([
    ['a field named constructor', 'race.v1.Car', '{"race.v1.Car":{"constructor":"Acme"}}', 'constructor is a name'],
    ['a field named prototype, deep down', 'a.A', '{"a.A":{"b":[{"prototype":1}]}}', 'b[0].prototype is a name'],
    ['a field named __proto__', 'a.A', '{"a.A":{"__proto__":{"x":1}}}', '__proto__ is a name'],
    ['half a character', 'a.A', '{"a.A":{"t":["\\ud800"]}}', 't[0] is not valid Unicode'],
    ['half a character in a name', 'a.A', '{"a.A":{"\\udc00":1}}', '["\\udc00"] is a name that is not valid Unicode'],
    ['too many levels', 'a.A', `{"a.A":{"l":${'['.repeat(29)}${']'.repeat(29)}}}`, 'nests deeper'],
    ['a number that would become another', 'a.v1.M', '{"a.v1.M":{"n":9007199254740993}}', 'n is 9007199254740993, '],
    ['the largest int64', 'a.v1.M', '{"a.v1.M":{"max":9223372036854775807}}', 'max is 9223372036854775807, '],
    ['the name constructor', 'constructor', '{"constructor":{"a":1}}', 'cannot be the name of a message'],
    ['the name toString', 'toString', '{"toString":{}}', 'cannot be the name of a message'],
    ['the name __proto__', '__proto__', '{"__proto__":{"a":1}}', 'cannot be the name of a message'],
  ])('because of %s is Invalid with its path, and the others go out', async (_name, message, json, why) => {
    await using bed = await startTerm([device({ desired: { ...rate(60), ...desiredAs(json) } })]);
    await bed.pass(1000);
    expect(bed.document()?.messages).toMatchObject({ [RATE]: { value: { intervalSeconds: 60 } } });
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual([RATE]);
    expect(Object.entries(bed.status().sync ?? {}).find(([name]) => name === message)?.[1]).toMatchObject({
      state: 'Invalid',
      revision: 0,
      message: expect.stringContaining(why),
    });
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', revision: 1 });
    expect(bed.condition('Stalled')).toBe('True/Invalid');
    expect(bed.events.filter((event) => event === 'Warning Invalid')).toHaveLength(1);
    const writes = bed.kube.writes.length;
    bed.reports(RATE, { value: { intervalSeconds: 60 } });
    await bed.pass(5000);
    expect(bed.sync(RATE)?.state).toBe('InSync');
    expect(bed.kube.writes.length - writes).toBeLessThanOrEqual(2);
    bed.apply({ desired: rate(30) });
    await bed.pass(1000);
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('keeps its former entry as it stands until a fitting value comes, or a person removes it', async () => {
    await using bed = await startTerm([device({ desired: { ...rate(60), 'a.A': { n: 5 } } })]);
    await bed.pass(1000);
    const former = bed.document()?.messages['a.A'];
    bed.apply({ desired: { ...rate(30), ...desiredAs('{"a.A":{"n":9007199254740993}}') } });
    await bed.pass(1000);
    expect(bed.document()?.messages).toMatchObject({ [RATE]: { revision: 2 }, 'a.A': former });
    expect(bed.sync('a.A')).toMatchObject({ state: 'Invalid', revision: 1 });
    bed.apply({ desired: { ...rate(30), 'a.A': { n: '9007199254740993' } } });
    await bed.pass(1000);
    expect(bed.document()?.messages['a.A']).toMatchObject({ revision: 3, value: { n: '9007199254740993' } });
    bed.apply({ desired: { ...rate(30), ...desiredAs('{"a.A":{"constructor":1}}') } });
    await bed.pass(1000);
    bed.apply({ desired: rate(30) });
    await bed.pass(1000);
    expect(Object.keys(bed.document()?.messages ?? {})).toEqual([RATE]);
  });
});

describe('a document that cannot be sent', () => {
  it.each([
    ['above the limit of bytes', { maxDocumentBytes: 256 }, 'TooLarge'],
    ['of too many messages', { maxMessagesPerDevice: 1 }, 'TooManyMessages'],
  ])('%s is Stalled, and what stood before goes on standing', async (_name, config, reason) => {
    await using bed = await startTerm([device({ desired: rate(60) })], config);
    await bed.pass(1000);
    const before = bed.document();
    bed.apply({ desired: { ...rate(30), [MODE]: { mode: 'x'.repeat(200) } } });
    await bed.pass(1000);
    expect(bed.document()).toEqual(before);
    expect(bed.condition('Stalled')).toBe(`True/${reason}`);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Invalid', revision: 1 });
    expect(bed.events).toContain(`Warning ${reason}`);
    bed.apply({ desired: rate(20) });
    await bed.pass(1000);
    expect(bed.document()).toMatchObject(revisionAndValue(3, 20));
    expect(bed.condition('Stalled')).toBe('absent');
  });

  it('because the device takes less is sent when a birth announces more room', async () => {
    await using bed = await startTerm();
    bed.apply({ desired: { ...rate(60), [MODE]: { mode: 'x'.repeat(200) } } });
    bed.says({ online: true, session: 's1', maxBytes: 300 });
    await bed.pass(1000);
    expect(bed.documents()).toEqual([]);
    expect(bed.condition('Stalled')).toBe('True/TooLargeForDevice');
    bed.says({ online: true, session: 's2', maxBytes: 1000 });
    await bed.pass(1000);
    expect(bed.documents()).toHaveLength(1);
    expect(bed.condition('Ready')).toBe('True/Published');
  });
});
