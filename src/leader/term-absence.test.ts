import { describe, expect, it } from '@jest/globals';
import { RATE, device, rate } from '../../test/gen/device.ts';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';

const LIMITS = { sweepMinimum: 2, sweepMaxFraction: 0 };

const fleet = (size: number) =>
  Array.from({ length: size }, (_, at) =>
    device({ name: `d${at}`, uid: `uid-${at}`, deviceId: `id-${at}`, desired: rate(10) }),
  );

const empties = (bed: TermBed): string[] =>
  bed.broker.published.filter(({ payload }) => payload === '').map(({ topic }) => topic);

async function absentObjects(bed: TermBed): Promise<number | undefined> {
  const { values } = await bed.metrics.absentObjects.get();
  return values[0]?.value;
}

describe('a LIST that is answered with no items', () => {
  it.each([
    ['more than a sweep may withdraw', 5],
    ['few', 2],
  ])('withdraws nothing of what is known, %s, and is as if it had not been after a full one', async (_name, size) => {
    await using bed = await startTerm(fleet(size), LIMITS);
    await bed.pass(1000);
    bed.reports(RATE, { value: { intervalSeconds: 10 } }, 'id-0');
    // Until devices of new objects have been asked what they are.
    await bed.pass(12_000);
    const publishedBefore = bed.broker.published.length;
    bed.kube.emptyLists = 1;
    bed.kube.expireWatch();
    await bed.pass(1000);
    expect(await absentObjects(bed)).toBe(size > 2 ? size : 0);
    await bed.pass(60_000);
    expect(bed.broker.published.slice(publishedBefore)).toEqual([]);
    expect(await absentObjects(bed)).toBe(0);
    expect(bed.sync(RATE, 'default/d0')?.state).toBe('InSync');
    bed.apply({ name: 'd1', uid: 'uid-1', deviceId: 'id-1', desired: rate(20) });
    await bed.pass(1000);
    expect(bed.document('id-1')?.messages[RATE]?.value).toEqual({ intervalSeconds: 20 });
  });

  it.each([
    ['more than a sweep may withdraw', 5],
    ['few', 2],
  ])('withdraws nothing when it is the first one of a process, %s, and is made again', async (_name, size) => {
    const former = await startTerm(fleet(size), LIMITS);
    await former.pass(1000);
    const kept = former.broker.keptTopics.map((topic) => [topic, former.broker.kept(topic) ?? ''] as const);
    await former.end();
    await using bed = await startTerm([], LIMITS);
    bed.broker.disconnect();
    for (const [topic, payload] of kept) bed.broker.keep(topic, payload);
    bed.kube.pauseWatch();
    for (const object of fleet(size)) bed.kube.apply(object);
    bed.broker.connect();
    await bed.pass(30_000);
    expect(empties(bed)).toEqual([]);
    expect(bed.broker.keptTopics).toHaveLength(size);
    for (const { metadata } of fleet(size))
      expect(bed.condition('Ready', `default/${metadata.name}`)).toBe('True/Published');
  });
});

describe('a LIST that is cut short', () => {
  it.each([
    ['by more than a sweep may withdraw', { objects: 1, isTold: false }, 4],
    ['by few', { objects: 3, isTold: false }, 0],
    ['and tells so', { objects: 1, isTold: true }, 0],
  ])('%s withdraws nothing, and a full one makes it as if it had not been', async (_name, short, absent) => {
    await using bed = await startTerm(fleet(5), LIMITS);
    await bed.pass(13_000);
    const publishedBefore = bed.broker.published.length;
    bed.kube.shortList = short;
    bed.kube.expireWatch();
    await bed.pass(1000);
    expect(bed.kube.shortList).toBeUndefined();
    expect(await absentObjects(bed)).toBe(absent);
    await bed.pass(60_000);
    expect(bed.broker.published.slice(publishedBefore)).toEqual([]);
    expect(await absentObjects(bed)).toBe(0);
    bed.apply({ name: 'd4', uid: 'uid-4', deviceId: 'id-4', desired: rate(20) });
    await bed.pass(1000);
    expect(bed.document('id-4')?.messages[RATE]?.value).toEqual({ intervalSeconds: 20 });
  });
});

describe('objects that are gone while nobody watches', () => {
  it('are withdrawn when a LIST lacks them and they answer to no name', async () => {
    await using bed = await startTerm(fleet(4), LIMITS);
    await bed.pass(1000);
    bed.kube.restore(fleet(4).slice(2));
    await bed.pass(1000);
    expect(bed.document('id-0')).toBeUndefined();
    expect(bed.document('id-2')).toBeDefined();
  });

  it.each([false, true])('are kept while they are many, unless a person has confirmed: %s', async (sweepConfirm) => {
    await using bed = await startTerm(fleet(5), { ...LIMITS, sweepConfirm });
    await bed.pass(1000);
    bed.kube.restore([]);
    await bed.pass(600_000);
    expect(bed.broker.keptTopics).toHaveLength(sweepConfirm ? 0 : 5);
  });

  it('go at once, however many, when a watch tells of it', async () => {
    await using bed = await startTerm(fleet(5), LIMITS);
    await bed.pass(1000);
    for (let at = 0; at < 5; at += 1) bed.kube.delete(`default/d${at}`);
    await bed.pass(1000);
    expect(bed.broker.keptTopics).toEqual([]);
  });
});
