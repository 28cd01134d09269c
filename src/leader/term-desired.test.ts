import { describe, expect, it } from '@jest/globals';
import { readJson } from '../api/exact-json.ts';
import type { Properties } from '../api/device.ts';
import { OPERATOR, TermBed, startTerm } from '../../test/fakes/term-bed.ts';
import { device, document, rate, RATE } from '../../test/gen/device.ts';

const MODE = 'sensor.v1.Mode';
const revisionAndValue = (revision: number, intervalSeconds: number) => ({
  messages: { [RATE]: { revision, value: { intervalSeconds } } },
});

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

describe('two objects of one device id', () => {
  const older = device({ name: 'older', uid: 'uid-o', created: '2024-01-01T00:00:00Z', desired: rate(60) });
  const younger = device({ name: 'younger', uid: 'uid-y', created: '2024-02-01T00:00:00Z', desired: rate(30) });

  it('are the older one at the broker, and the younger one Stalled', async () => {
    await using bed = await startTerm([younger, older]);
    await bed.pass(1000);
    expect(bed.documents()).toMatchObject([{ owner: { name: 'older' } }]);
    expect(bed.condition('Ready', 'default/older')).toBe('True/Published');
    expect(bed.condition('Stalled', 'default/younger')).toBe('True/DuplicateDeviceId');
  });

  it('are the younger one when the older is deleted', async () => {
    await using bed = await startTerm([younger, older]);
    await bed.pass(1000);
    bed.kube.delete('default/older');
    await bed.pass(1000);
    expect(bed.document()).toMatchObject({ owner: { name: 'younger' }, ...revisionAndValue(1, 30) });
    expect(bed.condition('Ready', 'default/younger')).toBe('True/Published');
    expect(bed.condition('Stalled', 'default/younger')).toBe('absent');
  });

  it('leave the reports of the device to the older one', async () => {
    await using bed = await startTerm([younger, older]);
    await bed.pass(1000);
    bed.reports(RATE, { value: { intervalSeconds: 60 } });
    await bed.pass(2000);
    expect(bed.sync(RATE, 'default/older')?.state).toBe('InSync');
    expect(bed.status('default/younger').reported ?? {}).toEqual({});
  });

  it('give the reports that stand at the broker to the younger one when it takes over', async () => {
    await using bed = await startTerm([younger, older]);
    await bed.pass(1000);
    bed.reports(RATE, { value: { intervalSeconds: 60 } });
    await bed.pass(2000);
    bed.kube.delete('default/older');
    await bed.pass(2000);
    expect(bed.status('default/younger').reported).toEqual({ [RATE]: { intervalSeconds: 60 } });
  });
});

describe('a document of someone else', () => {
  const foreign = { ...document(5, 9), owner: { cluster: 'c2', namespace: 'n', name: 'x', uid: 'uid-x' } };

  it('is left alone, and the object is Stalled', async () => {
    await using bed = await startTerm();
    bed.holds(foreign);
    bed.apply({ desired: rate(60) });
    await bed.pass(1000);
    expect(bed.broker.published).toEqual([]);
    expect(bed.condition('Stalled')).toBe('True/ForeignOwner');
    bed.kube.delete('default/sensor');
    await bed.pass(1000);
    expect(bed.document()).toEqual(foreign);
  });

  it('makes way when a live withdrawal tells that its object is gone', async () => {
    await using bed = await startTerm();
    bed.holds(foreign);
    bed.apply({ desired: rate(60) });
    await bed.pass(1000);
    bed.broker.hear('mir/v1alpha/sensor-01/desired', '');
    await bed.pass(1000);
    expect(bed.document()).toMatchObject(revisionAndValue(1, 60));
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('is replaced when its cluster is named in --take-over-foreign', async () => {
    await using bed = await startTerm([], { takeOverForeign: ['c2'] });
    bed.holds(foreign);
    bed.apply({ desired: rate(60) });
    await bed.pass(1000);
    expect(bed.document()).toMatchObject({ owner: { uid: 'uid-1' }, ...revisionAndValue(1, 60) });
  });
});

describe('an object that is disabled', () => {
  it('empties the document, and has the same revisions again when it is enabled', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.reports(RATE, { value: { intervalSeconds: 60 } });
    await bed.pass(1000);
    bed.apply({ desired: rate(60), disabled: true });
    await bed.pass(1000);
    expect(bed.document()).toMatchObject({ disabled: true, messages: {} });
    expect(bed.condition('Online')).toBe('False/Disabled');
    bed.apply({ desired: rate(60) });
    await bed.pass(1000);
    expect(bed.document()).toMatchObject({ disabled: false, ...revisionAndValue(1, 60) });
    expect(bed.sync(RATE)?.state).toBe('InSync');
  });

  it('drops and counts what the device sends, and reads it from the store when it is enabled', async () => {
    await using bed = await startTerm([device({ desired: rate(60), disabled: true })]);
    bed.reports(RATE, { value: { intervalSeconds: 30 } });
    bed.says({ online: true, session: 's1' });
    await bed.pass(1000);
    expect(bed.status().reported ?? {}).toEqual({});
    expect(await bed.badInput('DeviceDisabled')).toBe(2);
    bed.apply({ desired: rate(60) });
    await bed.pass(2000);
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 30 } });
    expect(bed.condition('Online')).toBe('True/Retained');
  });
});

describe('an object that is deleted', () => {
  it('while a page of it is read has everything cleared that the page showed before', async () => {
    await using bed = new TermBed();
    const report = 'mir/v1alpha/sensor-01/reported/sensor.v1.SampleRate';
    bed.broker.keep(report, '{"value":{"intervalSeconds":60}}');
    bed.broker.pageDelayMs = 1000;
    bed.broker.pageScript.push('blind');
    bed.apply();
    bed.broker.connect();
    await bed.pass(500);
    bed.broker.deliverStored(report, '{"value":{"intervalSeconds":60}}');
    bed.kube.delete('default/sensor');
    await bed.pass(10_000);
    expect(bed.broker.keptTopics).toEqual([]);
  });

  const stored = async () => {
    const bed = await startTerm([device({ desired: rate(60) })]);
    bed.says({ online: true, session: 's1' });
    bed.reports(RATE, { value: { intervalSeconds: 60 } });
    await bed.pass(1000);
    return bed;
  };

  it('has every topic of its device cleared, and the document last', async () => {
    await using bed = await stored();
    bed.kube.delete('default/sensor');
    await bed.pass(1000);
    expect(bed.broker.keptTopics).toEqual([]);
    expect(bed.broker.published.at(-1)).toMatchObject({ topic: 'mir/v1alpha/sensor-01/desired', payload: '' });
  });

  it('takes along what its device stored under names that no message has', async () => {
    await using bed = await stored();
    for (const name of ['not a name', 'a/b', 'constructor', 'm'.repeat(300)])
      bed.broker.keep(`mir/v1alpha/sensor-01/reported/${name}`, '{}');
    bed.kube.delete('default/sensor');
    await bed.pass(1000);
    expect(bed.broker.keptTopics).toEqual([]);
  });

  it('is withdrawn after the reconnect when the withdrawal was cut in the middle', async () => {
    await using bed = await stored();
    bed.broker.publishScript.push('ok', 'lost');
    bed.kube.delete('default/sensor');
    await bed.pass(1000);
    bed.broker.disconnect();
    await bed.pass(1000);
    expect(bed.broker.keptTopics).toHaveLength(2);
    bed.broker.connect();
    await bed.pass(1000);
    expect(bed.broker.keptTopics).toEqual([]);
  });

  it('is withdrawn after a publish that failed on a connection that stands', async () => {
    await using bed = await stored();
    bed.broker.publishScript.push('ok', 'transient');
    bed.kube.delete('default/sensor');
    await bed.pass(3000);
    expect(bed.broker.keptTopics).toEqual([]);
  });

  it('and made again is published as what it is now', async () => {
    await using bed = await stored();
    bed.kube.delete('default/sensor');
    bed.apply({ uid: 'uid-2', desired: rate(15) });
    await bed.pass(2000);
    expect(bed.document()).toMatchObject({ owner: { uid: 'uid-2' }, ...revisionAndValue(1, 15) });
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 60 } });
    expect(bed.condition('Online')).toBe('True/Birth');
  });

  it('and made again while its topics are being cleared is published', async () => {
    await using bed = await stored();
    bed.broker.publishDelayMs = 100;
    bed.kube.delete('default/sensor');
    await bed.pass(150);
    bed.apply({ uid: 'uid-2', desired: rate(15) });
    await bed.pass(2000);
    expect(bed.document()).toMatchObject({ owner: { uid: 'uid-2' }, ...revisionAndValue(1, 15) });
    expect(bed.condition('Ready')).toBe('True/Published');
  });
});
