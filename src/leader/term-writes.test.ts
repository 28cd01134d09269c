import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import type { DeviceParts } from '../../test/gen/device.ts';
import { ApiError } from '../kube/errors.ts';

const MODE = 'sensor.v1.Mode';
const BATTERY = 'sensor.v1.BatteryStatus';
const value = (intervalSeconds: number) => ({ value: { intervalSeconds } });
const decided = (status: 'applied' | 'rejected', more: object = {}) => ({ uid: 'uid-1', revision: 1, status, ...more });
const writesOf = (bed: TermBed): number => bed.kube.writes.length;

/** An object whose document stands at the broker, and nothing under way. */
async function published(parts: DeviceParts = { desired: rate(60) }, config = {}) {
  const bed = await startTerm([device(parts)], config);
  await bed.pass(5000);
  expect(bed.condition('Ready')).toMatch(/^True/);
  return bed;
}

describe('many reports', () => {
  it('within an interval are two writes: the first at once, the newest at its end', async () => {
    await using bed = await published({});
    const before = writesOf(bed);
    for (let n = 1; n <= 50; n++) {
      bed.reports(BATTERY, { value: { percentage: n } });
      await bed.pass(10);
    }
    await bed.pass(1000);
    expect(writesOf(bed)).toBe(before + 2);
    expect(bed.status().reported).toEqual({ [BATTERY]: { percentage: 50 } });
  });

  it('during a write that is under way are one more', async () => {
    await using bed = await published({});
    const before = writesOf(bed);
    bed.kube.writeDelayMs = 3000;
    bed.reports(BATTERY, { value: { percentage: 1 } });
    await bed.pass(100);
    for (let n = 2; n <= 10; n++) bed.reports(BATTERY, { value: { percentage: n } });
    bed.reports(MODE, { value: { mode: 'eco' } });
    await bed.pass(10_000);
    expect(writesOf(bed)).toBe(before + 2);
    expect(bed.status().reported).toEqual({ [BATTERY]: { percentage: 10 }, [MODE]: { mode: 'eco' } });
  });

  it('of the same value are none', async () => {
    await using bed = await published({});
    bed.reports(BATTERY, { value: { percentage: 1 } });
    await bed.pass(2000);
    const before = writesOf(bed);
    for (let n = 0; n < 20; n++) {
      bed.reports(BATTERY, { value: { percentage: 1 } });
      await bed.pass(500);
    }
    expect(writesOf(bed)).toBe(before);
  });

  it('above the allowance of a second are held, and the newest of each is delivered', async () => {
    await using bed = await published({}, { maxReportsPerSecond: 5 });
    for (let n = 1; n <= 50; n++) bed.reports(BATTERY, { value: { percentage: n } });
    await bed.pass(5000);
    expect(bed.status().reported).toEqual({ [BATTERY]: { percentage: 50 } });
    expect(await bed.badInput('TooManyReports')).toBe(1);
  });

  it('of more messages than a twin may hold are refused, and those it has go on', async () => {
    await using bed = await published({}, { maxMessagesPerDevice: 1 });
    bed.reports(BATTERY, { value: { percentage: 1 } });
    await bed.pass(2000);
    bed.reports(MODE, { value: { mode: 'eco' } });
    bed.reports(BATTERY, { value: { percentage: 2 } });
    await bed.pass(2000);
    expect(bed.status().reported).toEqual({ [BATTERY]: { percentage: 2 } });
    expect(await bed.badInput('TooManyMessages')).toBe(1);
  });
});

describe('a status write', () => {
  it('whose answer comes after a newer change leaves the newer one to stand', async () => {
    await using bed = await published();
    bed.kube.writeDelayMs = 1000;
    bed.reports(RATE, decided('applied', value(60)));
    await bed.pass(100);
    bed.kube.pauseWatch();
    bed.apply({ desired: rate(30) });
    await bed.pass(2000);
    bed.kube.resumeWatch();
    await bed.pass(5000);
    expect(bed.document()?.messages[RATE]).toMatchObject({ revision: 2, value: { intervalSeconds: 30 } });
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', revision: 2 });
    expect(bed.documents()).toHaveLength(2);
  });

  it('whose answer brings a change that the watch has not told has it published', async () => {
    await using bed = await published();
    bed.kube.pauseWatch();
    bed.apply({ desired: rate(30) });
    bed.reports(BATTERY, { value: { percentage: 1 } });
    await bed.pass(1000);
    expect(bed.documents()).toHaveLength(2);
    bed.kube.resumeWatch();
    await bed.pass(1000);
    expect(bed.documents()).toHaveLength(2);
    expect(bed.status().observedGeneration).toBe(2);
  });

  const failure = (status: number, retryAfterMs?: number, message = 'scripted') =>
    new ApiError(status, { code: status, message }, retryAfterMs);

  it.each([
    ['a conflict', failure(409)],
    ['an object that is not found and is there', failure(404)],
    ['an object of another uid that is there', failure(409, undefined, 'Precondition failed: UID in precondition')],
    ['too many requests', failure(429, 2000)],
    ['too many requests without a time', failure(429)],
    ['a broken server', failure(500)],
    ['no answer', 'unanswered'],
    ['an answer that was lost', 'answer-lost'],
  ] as const)('that ends with %s loses nothing', async (_name, result) => {
    await using bed = await published();
    bed.kube.writeScript.push(result);
    bed.broker.hear(`mir/v1alpha/sensor-01/reported/${RATE}`, JSON.stringify(decided('applied', value(60))), false);
    await bed.pass(5000);
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 60 } });
    expect(bed.sync(RATE)?.state).toBe('InSync');
  });

  it('that the API server asks to wait for holds all others back too', async () => {
    await using bed = await published();
    bed.kube.writeScript.push(failure(429, 2000));
    bed.reports(RATE, decided('applied', value(60)));
    await bed.pass(100);
    bed.apply({ name: 'other', uid: 'uid-2', deviceId: 'other-01', desired: rate(10) });
    await bed.pass(1800);
    expect(bed.status('default/other')).toEqual({});
    await bed.pass(1000);
    expect(bed.condition('Ready', 'default/other')).toBe('True/Published');
  });

  it('that finds another object of the same name leaves the reports to that one', async () => {
    await using bed = await published();
    bed.kube.pauseWatch();
    bed.kube.delete('default/sensor');
    bed.apply({ uid: 'uid-2', desired: rate(60) });
    bed.broker.hear(`mir/v1alpha/sensor-01/reported/${RATE}`, JSON.stringify(value(60)), false);
    await bed.pass(500);
    bed.kube.resumeWatch();
    await bed.pass(5000);
    expect(bed.object()?.metadata.uid).toBe('uid-2');
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 60 } });
    expect(bed.sync(RATE)?.state).toBe('InSync');
  });

  it('that finds no object any more writes nothing to its namesake', async () => {
    await using bed = await published();
    bed.kube.writeDelayMs = 1000;
    bed.reports(RATE, decided('rejected', { reason: 'no' }));
    await bed.pass(100);
    bed.kube.delete('default/sensor');
    bed.apply({ uid: 'uid-2', desired: rate(30) });
    await bed.pass(10_000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending' });
    expect(bed.condition('Ready')).toBe('True/Published');
    expect(bed.document()).toMatchObject({ owner: { uid: 'uid-2' } });
  });
});
