import { describe, expect, it } from '@jest/globals';
import { TermBed, startTerm } from '../../test/fakes/term-bed.ts';
import { device, document, rate, RATE } from '../../test/gen/device.ts';
import { revisionAndValue } from './testing/revisions.ts';

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
