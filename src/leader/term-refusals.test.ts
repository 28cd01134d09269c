import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, rate } from '../../test/gen/device.ts';

const idOf = (index: number): string => `id-${index}`;
const fleetOf = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    device({ name: `d${index}`, uid: `u${index}`, deviceId: idOf(index), desired: rate(60) }),
  );
const readyOf = (bed: TermBed, index: number): string => bed.condition('Ready', `default/d${index}`);
const isReady = (bed: TermBed, index: number): boolean => readyOf(bed, index) === 'True/Published';
const publishesFor = (bed: TermBed, index: number): number => bed.documents(idOf(index)).length;

describe('a publish that the broker refuses', () => {
  it('is said on the object and soon tried again', async () => {
    await using bed = await startTerm();
    bed.broker.publishScript.push('refused');
    bed.apply({ desired: rate(60) });
    await bed.pass(500);
    expect(bed.condition('Ready')).toBe('False/BrokerRefused');
    await bed.pass(1500);
    expect(bed.documents()).toHaveLength(2);
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('of one device is tried now and then, and nobody else waits for it', async () => {
    const [stopped, ...others] = fleetOf(5);
    await using bed = await startTerm(stopped === undefined ? [] : [stopped]);
    bed.broker.isRefusingTopic = (topic) => topic.includes(`/${idOf(0)}/`);
    bed.apply({ name: 'd0', uid: 'u0', deviceId: idOf(0), desired: rate(30) });
    await bed.pass(60_000);
    for (const other of others) bed.kube.apply(other);
    await bed.pass(1000);
    expect([1, 2, 3, 4].every((index) => isReady(bed, index))).toBe(true);
    expect(readyOf(bed, 0)).toBe('False/BrokerRefused');
    expect(publishesFor(bed, 0)).toBeLessThan(22);
  });

  it.each([15_000, 60_000, 600_000])('of all devices for %i ms is over for all within ten seconds', async (lastsMs) => {
    await using bed = await startTerm();
    bed.broker.isRefusingTopic = () => true;
    for (const object of fleetOf(300)) bed.kube.apply(object);
    await bed.pass(lastsMs);
    expect(readyOf(bed, 299)).toBe('False/BrokerRefused');
    bed.broker.isRefusingTopic = () => false;
    await bed.until(() => fleetOf(300).every((_, index) => isReady(bed, index)), 10_000);
  });

  it('of all devices but one is over for the others although that one is never taken', async () => {
    await using bed = await startTerm();
    bed.broker.isRefusingTopic = () => true;
    for (const object of fleetOf(20)) bed.kube.apply(object);
    await bed.pass(15_000);
    bed.broker.isRefusingTopic = (topic) => topic.includes(`/${idOf(0)}/`);
    await bed.until(() => fleetOf(20).every((_, index) => index === 0 || isReady(bed, index)), 10_000);
  });

  it('of all devices is over for the others although many are never taken', async () => {
    await using bed = await startTerm();
    bed.broker.isRefusingTopic = () => true;
    for (const object of fleetOf(20)) bed.kube.apply(object);
    await bed.pass(15_000);
    bed.broker.isRefusingTopic = (topic) =>
      Array.from({ length: 19 }, (_, index) => index).some((index) => topic.includes(`/${idOf(index)}/`));
    await bed.until(() => isReady(bed, 19), 20_000);
  });

  it('of all devices is not over because a page is read', async () => {
    await using bed = await startTerm([], { resyncMinutes: 0.1, pageSize: 10 });
    bed.broker.isRefusingTopic = () => true;
    for (const object of fleetOf(200)) bed.kube.apply(object);
    await bed.pass(2000);
    const before = bed.broker.published.length;
    // Each resync tries every device once.
    await bed.pass(20_000);
    expect(bed.broker.published.length - before).toBeLessThan(1300);
  });

  it('is not tried any more when the change is taken back', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.broker.isRefusingTopic = () => true;
    bed.apply({ desired: rate(30) });
    await bed.pass(5000);
    expect(bed.condition('Ready')).toBe('False/BrokerRefused');
    bed.apply({ desired: rate(60) });
    await bed.pass(5000);
    expect(bed.condition('Ready')).toBe('True/Published');
    const { unpacked } = bed;
    await bed.pass(120_000);
    expect(bed.unpacked).toBe(unpacked);
  });

  it('of an object that is gone is not tried any more', async () => {
    await using bed = await startTerm(fleetOf(1));
    bed.broker.isRefusingTopic = () => true;
    bed.apply({ name: 'd0', uid: 'u0', deviceId: idOf(0), desired: rate(30) });
    await bed.pass(5000);
    bed.broker.isRefusingTopic = () => false;
    bed.kube.delete('default/d0');
    await bed.pass(10_000);
    const sent = bed.broker.published.length;
    await bed.pass(60_000);
    expect(bed.broker.published).toHaveLength(sent);
    expect(bed.broker.keptTopics).toEqual([]);
  });
});

describe('a page that the broker refuses', () => {
  it('is said on the object, which gets nothing until it can be read', async () => {
    await using bed = await startTerm();
    bed.broker.isRefusingFilter = (filter) => filter.endsWith('/#');
    for (const object of fleetOf(50)) bed.kube.apply(object);
    await bed.pass(1000);
    expect(fleetOf(50).filter((_, index) => readyOf(bed, index) !== 'False/BrokerRefused')).toEqual([]);
    expect(bed.broker.published).toEqual([]);
    await bed.pass(60_000);
    bed.broker.isRefusingFilter = () => false;
    await bed.until(() => fleetOf(50).every((_, index) => isReady(bed, index)), 10_000);
  });

  it('is counted in the listing of readiness, with a reason, while it lasts', async () => {
    await using bed = await startTerm(fleetOf(10));
    const noteOf = (): string | undefined => bed.health.readiness().find(({ name }) => name === 'broker')?.note;
    await bed.pass(1000);
    expect(noteOf()).toBeUndefined();
    const refuse = (...indexes: number[]): void => {
      bed.broker.isRefusingFilter = (filter) => indexes.some((index) => filter.includes(`/${idOf(index)}/`));
    };
    refuse(3, 4, 5);
    bed.broker.disconnect();
    bed.broker.connect();
    await bed.pass(1000);
    expect(noteOf()).toMatch(
      new RegExp(`^nothing can be sent to 3 devices, one of them ${idOf(3)}: scripted: refused .*${idOf(3)}/#`),
    );
    refuse(5);
    await bed.until(() => isReady(bed, 3) && isReady(bed, 4), 60_000);
    expect(noteOf()).toMatch(new RegExp(`^nothing can be sent to device ${idOf(5)}: `));
    refuse();
    await bed.until(() => isReady(bed, 5), 60_000);
    expect(noteOf()).toBeUndefined();
  });

  it('of one device stops no other, and does not grow', async () => {
    await using bed = await startTerm();
    bed.broker.isRefusingFilter = (filter) => filter.includes(`/${idOf(3)}/`);
    for (const object of fleetOf(10)) bed.kube.apply(object);
    await bed.pass(1000);
    expect([0, 1, 2, 4, 5, 6, 7, 8, 9].every((index) => isReady(bed, index))).toBe(true);
    expect(readyOf(bed, 3)).toBe('False/BrokerRefused');
    const before = bed.broker.pages.length;
    await bed.pass(120_000);
    expect(bed.broker.pages.length - before).toBeLessThan(40);
  });
});
