import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { RATE, device, rate } from '../../test/gen/device.ts';
import type { JsonObject } from '../api/device.ts';

const KEY = 'default/sensor';

/** One device in sync, and one message of it that it rejected. */
async function settled(): Promise<TermBed> {
  const bed = await startTerm([device({ desired: { ...rate(60), 'a.v1.B': { x: 1 } } })]);
  await bed.pass(1000);
  bed.says({ online: true, session: 's1', heartbeat: 0 });
  bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { intervalSeconds: 60 } });
  bed.reports('a.v1.B', { uid: 'uid-1', revision: 1, status: 'rejected', reason: 'no' });
  await bed.pass(5000);
  expect(bed.sync('a.v1.B')?.state).toBe('Rejected');
  return bed;
}

describe('a status that somebody else writes', () => {
  it.each<[string, JsonObject]>([
    ['another reported value', { reported: { [RATE]: { intervalSeconds: 1 } } }],
    ['a rejected message in sync', { sync: { 'a.v1.B': { state: 'InSync' } } }],
    ['another revision', { sync: { [RATE]: { revision: 99 } } }],
    ['another session', { session: { id: 's9', maxBytes: 5 } }],
    ['offline', { online: false, conditions: [] }],
    ['a time', { properties: { reported: { [RATE]: '2001-01-01T00:00:00Z' } } }],
    ['nothing at all', { reported: null, sync: null, session: null, conditions: null, properties: null }],
  ])('is mended as soon as it is seen: %s', async (_name, patch) => {
    await using bed = await settled();
    const before = JSON.stringify(bed.status(), sorted);
    const [pages, documents] = [bed.broker.pages.length, bed.broker.published.length];
    bed.kube.scribble(KEY, patch);
    expect(JSON.stringify(bed.status(), sorted)).not.toBe(before);
    await bed.pass(2000);
    expect(JSON.stringify(bed.status(), sorted)).toBe(before);
    expect([bed.broker.pages.length, bed.broker.published.length]).toEqual([pages, documents]);
  });

  it('is mended also when it comes while a write of ours is under way', async () => {
    await using bed = await settled();
    bed.kube.writeDelayMs = 200;
    bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { intervalSeconds: 60, extra: 1 } });
    await bed.pass(100);
    bed.kube.scribble(KEY, { sync: { 'a.v1.B': { state: 'InSync' } } });
    await bed.pass(5000);
    expect(bed.sync('a.v1.B')?.state).toBe('Rejected');
    expect(bed.status().reported?.[RATE]).toEqual({ intervalSeconds: 60, extra: 1 });
  });

  it('is mended also when the answer to our next write tells of it before the watch does', async () => {
    await using bed = await settled();
    bed.kube.pauseWatch();
    bed.kube.scribble(KEY, { sync: { 'a.v1.B': { state: 'InSync' } }, reported: { 'b.v1.C': { y: 2 } } });
    bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { intervalSeconds: 60, extra: 1 } });
    await bed.pass(2000);
    bed.kube.resumeWatch();
    await bed.pass(2000);
    expect(bed.sync('a.v1.B')?.state).toBe('Rejected');
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 60, extra: 1 } });
  });

  it('is tried to be mended once, where the API server keeps another one than it is given', async () => {
    await using bed = await settled();
    bed.kube.keep = (status) => ({ ...status, online: false });
    const before = bed.kube.writes.length;
    bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { intervalSeconds: 60, extra: 1 } });
    await bed.pass(60_000);
    expect(bed.kube.writes.length - before).toBe(2);
    expect(bed.status().reported?.[RATE]).toEqual({ intervalSeconds: 60, extra: 1 });
  });
});

describe('what comes back of our own writes', () => {
  it('costs no further write, however late their answers are', async () => {
    await using bed = await settled();
    bed.kube.writeDelayMs = 200;
    const before = bed.kube.writes.length;
    for (const extra of [1, 2, 3]) {
      bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { intervalSeconds: 60, extra } });
      await bed.pass(3000);
    }
    expect(bed.kube.writes.length - before).toBe(3);
    expect(bed.status().reported?.[RATE]).toEqual({ intervalSeconds: 60, extra: 3 });
  });

  it("is nobody else's though a LIST has read the object before", async () => {
    await using bed = await settled();
    bed.kube.listDelayMs = 5000;
    bed.kube.expireWatch();
    await bed.pass(1000);
    const before = bed.kube.writes.length;
    // Not stored at the broker: what the operator loses of it nobody brings back.
    bed.broker.hear(`mir/v1alpha/sensor-01/reported/c.v1.D`, JSON.stringify({ value: { z: 3 } }), false);
    await bed.pass(10_000);
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 60 }, 'c.v1.D': { z: 3 } });
    bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { intervalSeconds: 60, extra: 1 } });
    await bed.pass(10_000);
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 60, extra: 1 }, 'c.v1.D': { z: 3 } });
    expect(bed.kube.writes.length - before).toBe(2);
  });

  it('and labels cost none either', async () => {
    await using bed = await settled();
    const before = bed.kube.writes.length;
    bed.kube.label(KEY, { floor: '2' });
    await bed.pass(2000);
    expect(bed.kube.writes.length).toBe(before);
  });
});

/** Maps in one order, whoever wrote them. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
