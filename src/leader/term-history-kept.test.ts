/** What a history holds and for how long, and how it gets there when writing fails. */
import { describe, expect, it } from '@jest/globals';
import { TermBed } from '../../test/fakes/term-bed.ts';
import { RATE } from '../../test/gen/device.ts';
import { ApiError } from '../kube/errors.ts';
import { KEY, ON, by, changesOf, linesOf, started } from './testing/recorded.ts';

describe('a history', () => {
  it('keeps the newest changes', async () => {
    await using bed = await started([by('alice', 1, 1)]);
    await bed.pass(5000);
    for (let at = 2; at <= 8; at += 1) {
      bed.apply(by('alice', at, at));
      await bed.pass(5000);
    }
    expect(changesOf(bed).map(({ revision }) => revision)).toEqual([8, 7, 6, 5, 4]);
  });

  it('leaves long values out, says so, and still sees that they change', async () => {
    await using bed = await started([{ desired: { [RATE]: { text: 'a'.repeat(300) } } }], { historyValueBytes: 100 });
    await bed.pass(5000);
    const omitted = (): unknown => changesOf(bed)[0]?.messages?.[RATE];
    expect(omitted()).toEqual({ omitted: 'nothing before, 311 bytes after' });
    bed.apply({ desired: { [RATE]: { text: 'b'.repeat(300) } } });
    await bed.pass(5000);
    expect(omitted()).toEqual({ omitted: 'the value before was too long to keep' });
    expect(JSON.stringify(bed.history())).not.toContain('aaaa');
  });

  it('is bounded however large the values are', async () => {
    await using bed = await started([], { historyValueBytes: 16_384, historyLimit: 100 });
    for (let at = 1; at <= 20; at += 1) {
      const names = Array.from({ length: 8 }, (_, index) => [`a.M${index}`, { text: `${at} ${'x'.repeat(6000)}` }]);
      bed.apply({ desired: Object.fromEntries(names) as never });
      await bed.pass(5000);
    }
    expect(JSON.stringify(bed.history()).length).toBeLessThan(80_000);
    expect(changesOf(bed)[0]?.revision).toBe(20);
  });

  it('belongs to its device, and that of a new object of the name begins anew', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    expect(bed.history()?.metadata.ownerReferences).toMatchObject([{ kind: 'device', name: 'sensor', uid: 'uid-1' }]);
    bed.kube.delete(KEY);
    bed.apply(by('bob', 1, 30, { uid: 'uid-2' }));
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['1 bob: - → 30 (Pending)']);
    expect(bed.history()?.metadata.ownerReferences).toMatchObject([{ uid: 'uid-2' }]);
  });

  it('stays when its device is deleted, where that is wanted, and goes on with the next one', async () => {
    await using bed = await started([by('alice', 1, 60)], { historyKeepDeleted: true });
    await bed.pass(5000);
    bed.kube.delete(KEY);
    await bed.pass(5000);
    expect(bed.history()).toMatchObject({
      metadata: { ownerReferences: [], labels: { 'iot.mir/deleted': 'true' } },
      device: { deleted: '2026-01-01T00:00:05.000Z' },
    });
    bed.apply(by('bob', 1, 30, { uid: 'uid-2' }));
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['1 bob: - → 30 (Pending)', '1 alice: - → 60 (Pending)']);
    expect(changesOf(bed).map(({ uid }) => uid)).toEqual([undefined, 'uid-1']);
    expect(bed.history()?.metadata.labels).toBeUndefined();
  });

  it('is not made for a device of which nothing was ever desired', async () => {
    await using bed = await started([{}]);
    await bed.pass(10_000);
    expect(bed.kube.histories.requests.filter((one) => one.startsWith('GET'))).toEqual([]);
  });

  it('is not kept where none is wanted', async () => {
    await using bed = await started([by('alice', 1, 60)], { historyLimit: 0 });
    await bed.pass(10_000);
    expect(bed.kube.histories.requests).toEqual([]);
  });
});

describe('where writing fails', () => {
  it.each<[string, ApiError | 'answer-lost']>([
    ['somebody else wrote', new ApiError(409, { code: 409, reason: 'Conflict' })],
    ['the server fails', new ApiError(500, { code: 500 })],
    ['the answer gets lost', 'answer-lost'],
  ])('because %s, the change is recorded once all the same', async (_, result) => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.kube.histories.writeScript.push(result);
    bed.apply(by('bob', 2, 30));
    await bed.pass(30_000);
    expect(linesOf(bed)).toEqual(['2 bob: 60 → 30 (Pending)', '1 alice: - → 60 (Superseded)']);
  });

  it('because the CRD was installed a moment ago, it is kept half a minute later', async () => {
    const bed = new TermBed(ON);
    bed.kube.histories.isServed = false;
    bed.apply(by('alice', 1, 60));
    bed.broker.connect();
    await bed.pass(3000);
    bed.kube.histories.isServed = true;
    await bed.pass(30_000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (Pending)']);
    await bed.end();
  });

  it('because the CRD is missing, one request a minute asks for it, and nothing else is held up', async () => {
    const bed = new TermBed(ON);
    bed.kube.histories.isServed = false;
    bed.apply(by('alice', 1, 60));
    bed.broker.connect();
    await bed.pass(300_000);
    expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 60 });
    expect(bed.status().observedGeneration).toBe(1);
    bed.kube.histories.isServed = true;
    await bed.pass(130_000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (Pending)']);
    await bed.end();
  });
});
