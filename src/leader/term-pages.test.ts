import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { PageResult } from '../../test/fakes/fake-broker.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { device, document, rate, RATE, syncOf } from '../../test/gen/device.ts';

const REPORTED = `mir/v1alpha/sensor-01/reported/${RATE}`;
const PAGE_MS = 1000;
const value = (intervalSeconds: number) => ({ value: { intervalSeconds } });
const stored = (intervalSeconds: number): string => JSON.stringify(value(intervalSeconds));
const reportedBy = (bed: TermBed): unknown => bed.status().reported?.[RATE];
/** How often the device's own page was asked for. */
const pagesOf = (bed: TermBed): number => bed.broker.pages.filter((filters) => !filters[0]?.includes('+')).length;

/** An object whose first page is under way; the device reported 1 before. */
async function duringPage() {
  const bed = await startTerm();
  bed.broker.pageDelayMs = PAGE_MS;
  bed.broker.keep(REPORTED, stored(1));
  bed.apply();
  await bed.pass(PAGE_MS / 2);
  expect(pagesOf(bed)).toBe(1);
  return bed;
}

describe('a stored report', () => {
  it('counts when nothing was heard live', async () => {
    await using bed = await duringPage();
    await bed.pass(3 * PAGE_MS);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 1 });
  });

  it('that a live one replaced while the page was read does not count', async () => {
    await using bed = await duringPage();
    bed.reports(RATE, value(2));
    await bed.pass(3 * PAGE_MS);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 2 });
    expect(bed.kube.writes.some(({ patch }) => JSON.stringify(patch).includes('"intervalSeconds":1'))).toBe(false);
  });

  it('that comes after the end of its page does not replace a live one', async () => {
    await using bed = await duringPage();
    bed.reports(RATE, value(2));
    await bed.pass(2 * PAGE_MS);
    bed.broker.deliverStored(REPORTED, stored(1));
    await bed.pass(2 * PAGE_MS);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 2 });
  });

  it('that comes after the end of its page counts when nothing was heard live', async () => {
    await using bed = await startTerm();
    bed.broker.keep(REPORTED, stored(1));
    bed.broker.pageScript.push('late');
    bed.apply();
    await bed.pass(2000);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 1 });
  });

  it('of a page under way does not replace one heard live when another page is asked for meanwhile', async () => {
    await using bed = await duringPage();
    bed.reports(RATE, value(2));
    // A document of someone else has the page asked for again.
    bed.broker.hear('mir/v1alpha/sensor-01/desired', JSON.stringify(document(5, 1)));
    await bed.pass(5 * PAGE_MS);
    expect(pagesOf(bed)).toBeGreaterThan(1);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 2 });
  });

  it('wins over what was heard before a reconnect, because what was missed is only in the store', async () => {
    await using bed = await duringPage();
    bed.reports(RATE, value(2));
    await bed.pass(2 * PAGE_MS);
    bed.broker.disconnect();
    bed.reports(RATE, value(3));
    bed.broker.connect();
    await bed.pass(3 * PAGE_MS);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 3 });
  });

  it.each([
    ['disabled', (bed: TermBed) => bed.apply({ disabled: true })],
    ['gone', (bed: TermBed) => bed.kube.delete('default/sensor')],
  ])('wins over what was heard before the object was %s, and nobody listened', async (_name, turnAway) => {
    await using bed = await duringPage();
    bed.reports(RATE, value(2));
    await bed.pass(2 * PAGE_MS);
    bed.broker.publishScript.push('transient', 'transient');
    turnAway(bed);
    await bed.pass(100);
    bed.reports(RATE, value(3));
    bed.apply({ uid: 'uid-2' });
    await bed.pass(5 * PAGE_MS);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 3 });
  });

  it('brings back what a cluster restored from a backup lost', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    const backup = bed.object();
    bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', ...value(60) });
    await bed.pass(20_000);
    expect(bed.sync(RATE)?.state).toBe('InSync');
    bed.kube.restore(backup === undefined ? [] : [backup]);
    await bed.pass(5000);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 60 });
    expect(bed.sync(RATE)?.state).toBe('InSync');
    expect(bed.documents()).toHaveLength(1);
  });

  it('means the newest one heard when a restored cluster has it read while the window is open', async () => {
    await using bed = await duringPage();
    bed.reports(RATE, value(2));
    await bed.pass(2 * PAGE_MS);
    const { status: _lost, ...backup } = bed.object() ?? device();
    bed.kube.restore([backup]);
    await bed.pass(4 * PAGE_MS);
    expect(reportedBy(bed)).toEqual({ intervalSeconds: 2 });
  });
});

describe('a page', () => {
  it('that breaks on a connection that stands is asked for again a second later', async () => {
    await using bed = await startTerm();
    bed.broker.pageScript.push('broken', 'broken');
    bed.apply({ desired: rate(60) });
    await bed.pass(1999);
    expect(bed.documents()).toEqual([]);
    await bed.pass(1000);
    expect(bed.documents()).toHaveLength(1);
  });

  it('that broke is asked for once when the connection breaks too', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.broker.disconnect();
    bed.broker.pageScript.push('broken');
    bed.broker.connect();
    await bed.pass(500);
    bed.broker.disconnect();
    const before = pagesOf(bed);
    bed.broker.connect();
    await bed.pass(20_000);
    expect(pagesOf(bed)).toBe(before + 1);
  });

  it('cut by a reconnect is asked for once', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.broker.disconnect();
    bed.broker.pageDelayMs = PAGE_MS;
    bed.broker.connect();
    await bed.pass(500);
    bed.broker.disconnect();
    const before = pagesOf(bed);
    bed.broker.connect();
    await bed.pass(20_000);
    expect(pagesOf(bed)).toBe(before + 1);
    expect(bed.documents()).toHaveLength(1);
  });

  it('without a document that stood is not believed until the next one lacks it too', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.broker.disconnect();
    bed.broker.pageScript.push('blind');
    bed.broker.connect();
    await bed.pass(2000);
    expect(bed.documents()).toHaveLength(1);
  });

  it('holds the ids of many devices, and each is published', async () => {
    const devices = Array.from({ length: 25 }, (_, index) =>
      device({ name: `d${index}`, uid: `u${index}`, deviceId: `id-${index}`, desired: rate(index) }),
    );
    await using bed = await startTerm(devices, { pageSize: 10, pageConcurrency: 2 });
    await bed.pass(3000);
    const filters = bed.broker.pages.filter(([first]) => !first?.includes('+'));
    expect(filters.map(({ length }) => length)).toEqual([10, 10, 5]);
    expect(bed.broker.published).toHaveLength(25);
  });

  it('that broke leaves the others to be read', async () => {
    const devices = [1, 2, 3].map((index) =>
      device({ name: `d${index}`, uid: `u${index}`, deviceId: `id-${index}`, desired: rate(index) }),
    );
    await using bed = await startTerm();
    bed.broker.disconnect();
    for (const object of devices) bed.kube.apply(object);
    await bed.pass(0);
    bed.broker.pageScript.push('complete', 'broken');
    bed.broker.connect();
    await bed.pass(0);
    await bed.pass(5000);
    expect(bed.broker.published).toHaveLength(3);
  });
});

describe('the end of a term', () => {
  const timersOf = async (bed: TermBed): Promise<number> => {
    await bed.end();
    return bed.clock.pendingTimers;
  };

  it('leaves no timers behind, also of pages that ended, broke or are under way', async () => {
    for (const result of ['complete', 'broken'] as const) {
      await using bed = await startTerm();
      bed.broker.pageScript.push(result);
      bed.apply({ desired: rate(60) });
      await bed.pass(500);
      expect(await timersOf(bed)).toBe(0);
    }
    await using bed = await duringPage();
    expect(await timersOf(bed)).toBe(0);
  });

  it('sends and writes nothing any more', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    bed.apply({ desired: rate(30) });
    bed.reports(RATE, value(60));
    await bed.end();
    const sent = bed.broker.published.length;
    const written = bed.kube.writes.length;
    bed.apply({ desired: rate(20) });
    await bed.pass(60_000);
    expect(bed.broker.published).toHaveLength(sent);
    expect(bed.kube.writes).toHaveLength(written);
  });
});

describe('a document of a former term', () => {
  const told = () =>
    device({ desired: rate(60), status: { observedGeneration: 1, sync: syncOf(60, { revision: 3 }) } });

  it.each<PageResult>(['late', 'blind'])(
    'that the first page is too %s to show is not published again',
    async (result) => {
      const bed = await startTerm();
      await using _bed = bed;
      bed.holds(document(60, 3));
      bed.broker.pageScript.push(result);
      bed.kube.apply(told());
      await bed.pass(20_000);
      expect(bed.documents()).toEqual([]);
      expect(bed.condition('Ready')).toBe('True/Published');
    },
  );

  it('that the broker has lost is published after the second page that lacks it', async () => {
    await using bed = await startTerm([told()]);
    await bed.pass(20_000);
    expect(bed.documents().map(({ messages }) => messages[RATE]?.revision)).toEqual([3]);
    expect(pagesOf(bed)).toBe(2);
  });

  it('that never was is published after the first page', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(20_000);
    expect(bed.documents()).toHaveLength(1);
    expect(pagesOf(bed)).toBe(1);
  });
});
