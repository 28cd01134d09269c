/** A twin that outgrows its object, and an API server that refuses a status: nothing stands still for it. */
import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, rate, RATE } from '../../test/gen/device.ts';
import { storedBytes } from '../api/stored-bytes.ts';
import { ApiError } from '../kube/errors.ts';

const tooLarge = () => new ApiError(413, { code: 413, reason: 'RequestEntityTooLarge', message: 'limit is 3145728' });
const denied = () =>
  new ApiError(403, {
    code: 403,
    reason: 'Forbidden',
    message: 'admission webhook "w.acme.example" denied the request',
  });
const fromEtcd = () => new ApiError(500, { code: 500, message: 'etcdserver: request is too large' });
const value = (intervalSeconds: number) => ({ value: { intervalSeconds } });

async function published(config = {}): Promise<TermBed> {
  const bed = await startTerm([device({ desired: rate(60) })], config);
  bed.says({ online: true, session: 's' });
  await bed.pass(5000);
  return bed;
}

describe('a report', () => {
  it('is measured as it is written, not as it came: 1e20 has 5 characters, and then 21', async () => {
    await using bed = await published();
    bed.broker.hear(
      `mir/v1alpha/sensor-01/reported/${RATE}`,
      `{"value":{"list":[${Array(3000).fill('1e20').join(',')}]}}`,
    );
    bed.reports('a.B', value(1));
    await bed.pass(2000);
    expect(Object.keys(bed.status().reported ?? {})).toEqual(['a.B']);
    expect(await bed.badInput('TooLarge')).toBe(1);
  });
});

describe('a twin that has no room for all that its device reports', () => {
  const wide = (kilobytes: number) => ({ value: { text: '<'.repeat(kilobytes * 1000) } });

  async function overfull(): Promise<TermBed> {
    const bed = await published();
    for (let at = 10; at < 30; at += 1) bed.reports(`a.M${at}`, wide(13));
    bed.reports('a.Large', wide(15));
    bed.reports(RATE, value(60));
    await bed.pass(5000);
    return bed;
  }

  it('loses the largest values, says so, and keeps all else', async () => {
    await using bed = await overfull();
    const { reported = {}, properties } = bed.status();
    expect(Object.keys(reported)).not.toContain('a.Large');
    expect(Object.keys(reported)).toContain('a.M10');
    expect(Object.keys(properties?.reported ?? {})).toContain('a.Large');
    expect(storedBytes(JSON.stringify(bed.object()))).toBeLessThan(1_500_000);
    expect(bed.condition('Truncated')).toBe('True/TwinTooLarge');
    expect(bed.condition('Synced')).toBe('True/InSync');
    expect(bed.condition('Online')).toBe('True/Birth');
    expect(bed.events).toContain('Warning TwinTooLarge');
  });

  it('is not written for a value that is left out again, and what was left out stays at the broker', async () => {
    await using bed = await overfull();
    const before = bed.kube.writes.length;
    bed.reports('a.Large', wide(15.5));
    await bed.pass(5000);
    expect(bed.kube.writes).toHaveLength(before);
    expect(bed.broker.kept('mir/v1alpha/sensor-01/reported/a.Large')).toBeDefined();
  });

  it('takes the value when there is room', async () => {
    await using bed = await overfull();
    for (let at = 10; at < 30; at += 1) bed.reports(`a.M${at}`, wide(1));
    await bed.pass(5000);
    bed.reports('a.Large', wide(15));
    await bed.pass(5000);
    expect(Object.keys(bed.status().reported ?? {})).toContain('a.Large');
    for (let at = 10; at < 30; at += 1) bed.reports(`a.M${at}`, wide(1));
    bed.says({ online: true, session: 't', reports: ['a.Large', RATE] });
    await bed.pass(5000);
    expect(bed.condition('Truncated')).toBe('absent');
  });
});

describe('a status that the API server refuses', () => {
  it.each([
    ['413', tooLarge],
    ['the word of etcd', fromEtcd],
    ['the 403 of an admission webhook', denied],
  ])('with %s is written without reports, and tried again as a whole after a minute', async (_, answer) => {
    await using bed = await published();
    bed.kube.writeScript.push(answer());
    bed.reports('a.B', value(1));
    await bed.pass(3000);
    expect(bed.condition('Truncated')).toBe('True/StatusRefused');
    expect(bed.status().reported).toBeUndefined();
    expect(bed.events).toContain('Warning StatusRefused');
    bed.says({ online: false, session: 's' });
    await bed.pass(3000);
    expect(bed.condition('Online')).toBe('False/Goodbye');
    await bed.pass(60_000);
    expect(bed.status().reported).toEqual({ 'a.B': { intervalSeconds: 1 } });
    expect(bed.condition('Truncated')).toBe('absent');
  });

  it.each([
    ['413', tooLarge, 10],
    ['403', denied, 12],
  ])('is not tried for ever at full speed, however much the device says: %s', async (_, answer, most) => {
    await using bed = await published();
    for (let at = 0; at < 1000; at += 1) bed.kube.writeScript.push(answer());
    for (let at = 0; at < 600; at += 1) {
      bed.reports('a.B', value(at));
      await bed.pass(1000);
    }
    expect(1000 - bed.kube.writeScript.length).toBeLessThanOrEqual(most);
  });

  it('is tried again within minutes where a right was missing, however long it was', async () => {
    await using bed = await published();
    bed.kube.refusalOf = denied;
    bed.reports('a.B', value(1));
    await bed.pass(7_200_000);
    bed.kube.refusalOf = () => undefined;
    await bed.pass(301_000);
    expect(bed.status().reported).toEqual({ 'a.B': { intervalSeconds: 1 } });
  });

  it.each([
    ['403', denied],
    ['413', tooLarge],
  ])('is an answer of the API server, so that an overload is over: %s', async (_, answer) => {
    await using bed = await published();
    bed.kube.writeScript.push(new ApiError(429, {}, 300_000));
    bed.reports('a.B', value(1));
    await bed.pass(1000);
    expect([...bed.overloads]).toEqual([['status', 1]]);
    const attempts = (): number => bed.kube.attempts.get('default/sensor') ?? 0;
    const before = attempts();
    bed.kube.refusalOf = answer;
    await bed.until(() => attempts() > before, 3000);
    expect([...bed.overloads]).toEqual([]);
  });

  it('is tried again at once when a person changes the object', async () => {
    await using bed = await published();
    bed.kube.writeScript.push(tooLarge(), tooLarge());
    bed.reports('a.B', value(1));
    await bed.pass(3000);
    bed.apply({ desired: rate(30) });
    await bed.pass(3000);
    expect(bed.status()).toMatchObject({ observedGeneration: 2, reported: { 'a.B': { intervalSeconds: 1 } } });
  });
});
