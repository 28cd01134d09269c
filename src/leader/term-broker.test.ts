import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { device, document, rate, RATE } from '../../test/gen/device.ts';

const DESIRED = 'mir/v1alpha/sensor-01/desired';
const MINUTE = 60_000;
/** The longest time between two comparisons of the cluster with the broker. */
const RESYNC_MS = 11 * MINUTE;

const at = (revision: number, intervalSeconds: number) => ({
  messages: { [RATE]: { revision, value: { intervalSeconds } } },
});

/** A device whose document stands and is in sync. */
async function inSync() {
  const bed = await startTerm([device({ desired: rate(60) })]);
  bed.reports(RATE, { uid: 'uid-1', revision: 1, status: 'applied', value: { intervalSeconds: 60 } });
  await bed.pass(2000);
  expect(bed.sync(RATE)?.state).toBe('InSync');
  return bed;
}

describe('a broker that is lost', () => {
  it.each(['lost', 'unanswered'] as const)(
    'while a publish is %s gets the newest value once when it is back',
    async (result) => {
      await using bed = await inSync();
      bed.broker.publishScript.push(result);
      bed.apply({ desired: rate(30) });
      await bed.pass(100);
      bed.broker.disconnect();
      bed.apply({ desired: rate(20) });
      await bed.pass(5000);
      bed.apply({ desired: rate(10) });
      const before = bed.documents().length;
      bed.broker.connect();
      await bed.pass(5000);
      expect(bed.documents().slice(before)).toMatchObject([at(4, 10)]);
      expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', revision: 4 });
    },
  );

  it('after it took a document that it did not acknowledge is not sent it again', async () => {
    await using bed = await inSync();
    bed.broker.publishScript.push('unanswered');
    bed.apply({ desired: rate(30) });
    await bed.pass(100);
    bed.broker.disconnect();
    await bed.pass(1000);
    bed.broker.connect();
    await bed.pass(1000);
    expect(bed.documents()).toHaveLength(2);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', revision: 2 });
  });

  it('is told of on objects that wait for it, after ten seconds and not before', async () => {
    await using bed = await inSync();
    bed.broker.disconnect();
    bed.apply({ desired: rate(30) });
    await bed.pass(9000);
    expect(bed.status().observedGeneration).toBe(1);
    await bed.pass(2000);
    expect(bed.condition('Ready')).toBe('False/BrokerUnavailable');
    expect(bed.condition('Reconciling')).toBe('True/BrokerUnavailable');
    bed.broker.connect();
    await bed.pass(2000);
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('for long costs objects that wait for nothing no write', async () => {
    await using bed = await inSync();
    const writes = bed.kube.writes.length;
    bed.broker.disconnect();
    await bed.pass(MINUTE);
    bed.broker.connect();
    await bed.pass(1000);
    expect(bed.kube.writes).toHaveLength(writes);
  });

  it('five times in a row gets nothing twice', async () => {
    await using bed = await inSync();
    bed.broker.pageDelayMs = 100;
    for (const ms of [10, 50, 99, 100, 101]) {
      bed.broker.disconnect();
      await bed.pass(1);
      bed.broker.connect();
      await bed.pass(ms);
    }
    await bed.pass(5000);
    expect(bed.documents()).toHaveLength(1);
    bed.apply({ desired: rate(30) });
    await bed.pass(1000);
    expect(bed.documents()).toHaveLength(2);
  });
});

describe('a broker that lost its store', () => {
  it('gets the same revisions again', async () => {
    await using bed = await inSync();
    const before = bed.document();
    bed.broker.disconnect();
    bed.broker.empty();
    bed.broker.connect();
    await bed.pass(2000);
    expect(bed.document()).toEqual(before);
    expect(bed.sync(RATE)?.state).toBe('InSync');
  });

  it('together with a cluster restored from a backup gets revisions above what the device names', async () => {
    await using bed = await inSync();
    const backup = bed.object();
    bed.apply({ desired: rate(30) });
    await bed.pass(100);
    bed.apply({ desired: rate(20) });
    await bed.pass(2000);
    expect(bed.document()).toMatchObject(at(3, 20));
    bed.broker.disconnect();
    bed.broker.empty();
    bed.kube.restore(backup === undefined ? [] : [backup]);
    bed.broker.connect();
    bed.says({ online: true, session: 's2', uid: 'uid-1', revision: 3, reports: [RATE] });
    bed.reports(RATE, { uid: 'uid-1', revision: 3, status: 'applied', value: { intervalSeconds: 20 } });
    await bed.pass(5000);
    expect(bed.document()).toMatchObject(at(4, 60));
    bed.reports(RATE, { uid: 'uid-1', revision: 4, status: 'applied', value: { intervalSeconds: 60 } });
    await bed.pass(5000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'InSync', revision: 4 });
    expect(bed.documents().filter(({ messages }) => messages[RATE]?.revision === 4)).toHaveLength(1);
  });

  it('is not mistaken for one of a device that names impossible revisions', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    bed.says({ online: true, session: 's1', uid: 'uid-1', revision: 2 ** 31 - 1 });
    bed.reports(RATE, { uid: 'uid-1', revision: 2 ** 31 - 1, status: 'applied', value: { intervalSeconds: 60 } });
    await bed.pass(2000);
    expect(bed.document()).toMatchObject(at(1, 60));
    expect(await bed.badInput('BadRevision')).toBe(2);
    expect(bed.status().reported).toEqual({ [RATE]: { intervalSeconds: 60 } });
  });
});

describe('a broker that answers', () => {
  it('that a document is too large makes the object Stalled', async () => {
    await using bed = await startTerm();
    bed.broker.publishScript.push('tooLarge');
    bed.apply({ desired: rate(60) });
    await bed.pass(1000);
    expect(bed.condition('Stalled')).toBe('True/TooLarge');
  });

  it('nothing is asked again after a second when its connection stands', async () => {
    await using bed = await startTerm();
    bed.broker.publishScript.push('transient', 'transient');
    bed.apply({ desired: rate(60) });
    await bed.pass(3000);
    expect(bed.broker.published.map(({ at: ms }) => ms)).toEqual([0, 1000, 2000]);
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('that it took a document and keeps none is NotRetained after two pages, until one has it', async () => {
    await using bed = await startTerm();
    // Between the two documents the new device is asked for its state.
    bed.broker.publishScript.push('forgotten', 'ok', 'forgotten');
    bed.apply({ desired: rate(60) });
    await bed.until(() => bed.condition('Ready') === 'False/NotRetained', RESYNC_MS);
    // The second is forgotten like the first: an acknowledgement alone proves nothing any more.
    await bed.pass(31_000);
    expect(bed.documents()).toHaveLength(2);
    expect(bed.condition('Ready')).toBe('False/NotRetained');
    await bed.pass(31_000);
    expect(bed.document()).toMatchObject(at(1, 60));
    expect(bed.condition('Ready')).toBe('True/Published');
  });

  it('that it retains nothing is sent nothing', async () => {
    await using bed = await startTerm();
    bed.broker.disconnect();
    bed.broker.connect({ retainAvailable: false });
    bed.apply({ desired: rate(60) });
    await bed.pass(1000);
    expect(bed.documents()).toEqual([]);
    expect(bed.condition('Ready')).toBe('False/NotRetained');
  });
});

describe('a broker that sends back what it is sent', () => {
  const MODE = 'sensor.v1.Mode';

  it('is not taken for someone else', async () => {
    await using bed = await startTerm();
    bed.broker.isEchoing = true;
    bed.apply({ desired: rate(60) });
    await bed.pass(1000);
    bed.apply({ desired: rate(30) });
    await bed.pass(20_000);
    expect(bed.documents()).toHaveLength(2);
    expect(bed.broker.pages.filter(([first]) => first?.endsWith('01/#'))).toHaveLength(1);
  });

  it('is not taken for a device that sends nothing, when a report is cleared or a device withdrawn', async () => {
    await using bed = await inSync();
    bed.broker.isEchoing = true;
    bed.reports(MODE, { value: { mode: 'eco' } });
    await bed.pass(2000);
    bed.says({ online: true, session: 's2', reports: [RATE] });
    await bed.pass(2000);
    expect(bed.broker.keptTopics).not.toContain(`mir/v1alpha/sensor-01/reported/${MODE}`);
    expect(await bed.badInput('EmptyPayload')).toBe(0);
    bed.kube.delete('default/sensor');
    await bed.pass(2000);
    expect(bed.broker.keptTopics).toEqual([]);
    expect(await bed.badInput('UnknownDevice')).toBe(0);
  });
});

describe('a document that someone else overwrote', () => {
  const theirs = JSON.stringify(document(5, 1));

  it('is put right at once when it is heard', async () => {
    await using bed = await inSync();
    bed.broker.hear(DESIRED, theirs);
    await bed.pass(1000);
    expect(bed.document()).toMatchObject({ messages: { [RATE]: { value: { intervalSeconds: 60 } } } });
  });

  it.each([
    ['short', 0],
    ['long', 2000],
  ])('while ours was under way is put right, after a %s page', async (_name, pageDelayMs) => {
    await using bed = await inSync();
    Object.assign(bed.broker, { publishDelayMs: 1000, pageDelayMs });
    bed.apply({ desired: rate(30) });
    await bed.pass(500);
    bed.broker.hear(DESIRED, theirs);
    await bed.pass(10_000);
    expect(bed.document()).toMatchObject({ messages: { [RATE]: { value: { intervalSeconds: 30 } } } });
  });

  it('unheard is found by the next comparison', async () => {
    await using bed = await inSync();
    bed.broker.keep(DESIRED, theirs);
    await bed.pass(RESYNC_MS);
    expect(bed.document()).toMatchObject({ messages: { [RATE]: { value: { intervalSeconds: 60 } } } });
  });

  it('with what nobody can read is replaced', async () => {
    await using bed = await inSync();
    bed.broker.hear(DESIRED, 'not a document');
    await bed.pass(1000);
    expect(bed.document()).toMatchObject(at(1, 60));
  });
});

describe('a document without an object', () => {
  const orphan = (index: number, bed: Awaited<ReturnType<typeof startTerm>>): void => {
    bed.holds(
      { ...document(5, 1), owner: { cluster: 'c1', namespace: 'n', name: `x${index}`, uid: 'u' } },
      `gone-${index}`,
    );
    bed.reports(RATE, { value: { intervalSeconds: 5 } }, `gone-${index}`);
  };

  it('is withdrawn after a connect, with what its device reported', async () => {
    await using bed = await startTerm();
    bed.broker.disconnect();
    orphan(0, bed);
    bed.holds({ ...document(5, 1), owner: { cluster: 'c2', namespace: 'n', name: 'y', uid: 'u' } }, 'foreign');
    bed.broker.connect();
    await bed.pass(2000);
    expect(bed.broker.keptTopics).toEqual(['mir/v1alpha/foreign/desired']);
  });

  it('is withdrawn with what its device reported although a page shows that late', async () => {
    await using bed = await startTerm();
    bed.broker.disconnect();
    orphan(0, bed);
    bed.broker.pageScript.push('late');
    bed.broker.connect();
    await bed.pass(2000);
    expect(bed.broker.keptTopics).toEqual([]);
  });

  it('is withdrawn in bounded time although its device goes on storing reports', async () => {
    await using bed = await startTerm();
    bed.broker.disconnect();
    orphan(0, bed);
    bed.broker.publishDelayMs = 100;
    bed.broker.connect();
    for (let turn = 0; turn < 40; turn += 1) {
      bed.reports(RATE, { value: { intervalSeconds: turn } }, 'gone-0');
      await bed.pass(50);
    }
    expect(bed.document('gone-0')).toBeUndefined();
    const cleared = bed.broker.published.filter(({ topic }) => topic === `mir/v1alpha/gone-0/reported/${RATE}`);
    expect(cleared).toHaveLength(3);
  });

  it('is withdrawn although the first wildcard broke off on a connection that stands', async () => {
    await using bed = await startTerm();
    bed.broker.disconnect();
    orphan(0, bed);
    bed.broker.discoveryScript.push('broken');
    bed.broker.connect();
    await bed.pass(10_000);
    expect(bed.broker.keptTopics).toEqual([]);
  });

  it('is left alone among too many until a person confirms', async () => {
    const limits = { sweepMinimum: 2, sweepMaxFraction: 0 };
    for (const sweepConfirm of [false, true]) {
      await using bed = await startTerm([], { ...limits, sweepConfirm });
      bed.broker.disconnect();
      for (const index of [1, 2, 3]) orphan(index, bed);
      bed.broker.connect();
      await bed.pass(5000);
      expect(bed.broker.keptTopics).toHaveLength(sweepConfirm ? 0 : 6);
      const { values } = await bed.metrics.sweepBlocked.get();
      expect(values[0]?.value).toBe(sweepConfirm ? 0 : 3);
    }
  });
});
