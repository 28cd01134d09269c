/** Who changed what, and what became of it: what a term writes into the histories of its devices. */
import { describe, expect, it } from '@jest/globals';
import { TermBed, startTerm } from '../../test/fakes/term-bed.ts';
import { RATE, device, rate } from '../../test/gen/device.ts';
import type { DeviceParts } from '../../test/gen/device.ts';
import { authorStamp } from '../api/author.ts';
import { ApiError } from '../kube/errors.ts';
import { KEY, NOON, ON, by, changesOf, linesOf, started } from './testing/recorded.ts';

const LATER = '2026-01-01T12:00:01Z';
const BATTERY = 'sensor.v1.BatteryStatus';

/** The device takes what stands at the broker. */
function take(bed: TermBed, status: 'applied' | 'rejected' = 'applied', reason?: string): void {
  const document = bed.document();
  const entry = document?.messages[RATE];
  if (document === undefined || entry === undefined) throw new Error('nothing stands at the broker');
  const { revision, value } = entry;
  const said = reason === undefined ? { value } : { reason };
  bed.reports(RATE, { uid: document.owner.uid, revision, status, ...said });
}

describe('a change', () => {
  it('is recorded with time, author, values and outcome, in one write', async () => {
    await using bed = await started();
    bed.apply(by('alice', 1, 60));
    await bed.pass(100);
    take(bed);
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (InSync)']);
    expect(changesOf(bed)[0]).toMatchObject({
      authorKind: 'User',
      manager: 'kubectl-edit',
      time: '2026-01-01T00:00:00.000Z',
    });
    expect(bed.kube.histories.requests.filter((one) => !one.startsWith('LIST'))).toEqual([`GET ${KEY}`, `POST ${KEY}`]);
  });

  it('is of the field manager where nobody has stamped the user', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.apply({ desired: rate(30), manager: ['flux', NOON] });
    await bed.pass(5000);
    expect(linesOf(bed)[0]).toBe('2 flux: 60 → 30 (Pending)');
    expect(changesOf(bed)[0]?.authorKind).toBe('FieldManager');
  });

  it('is of the user who is stamped a moment after it, as the view does for an apply', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    for (const [at, user] of ['bob', 'carol'].entries()) {
      const generation = at + 2;
      bed.apply({ desired: rate(generation), manager: ['kubectl', NOON] });
      await bed.pass(10);
      bed.kube.annotate(KEY, authorStamp(user, String(generation)));
      await bed.pass(10);
    }
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual([
      '3 carol: 2 → 3 (Pending)',
      '2 bob: 60 → 2 (Superseded)',
      '1 alice: - → 60 (Superseded)',
    ]);
  });

  it('holds only the fields that differ', async () => {
    await using bed = await started([
      { desired: { [RATE]: { intervalSeconds: 60, unit: 's' }, [BATTERY]: { low: 5 } } },
    ]);
    await bed.pass(5000);
    bed.apply({ desired: { [RATE]: { intervalSeconds: 30, unit: 's' }, [BATTERY]: { low: 5 } } });
    await bed.pass(5000);
    expect(changesOf(bed)[0]?.messages).toEqual({
      [RATE]: { before: { intervalSeconds: 60 }, after: { intervalSeconds: 30 } },
    });
  });

  it('of disabled is one too, and what labels and reports do is none', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.kube.label(KEY, { floor: '1' });
    bed.reports(BATTERY, { value: { percentage: 5 } });
    await bed.pass(5000);
    expect(linesOf(bed)).toHaveLength(1);
    bed.apply(by('bob', 2, 60, { disabled: true }));
    await bed.pass(5000);
    expect(changesOf(bed)[0]).toMatchObject({
      revision: 2,
      author: 'bob',
      disabled: { before: false, after: true },
      outcome: { state: 'InSync' },
    });
    expect(changesOf(bed)[0]?.messages).toBeUndefined();
  });

  it('that the device rejects says why', async () => {
    await using bed = await started([by('alice', 1, 0)]);
    await bed.pass(100);
    take(bed, 'rejected', 'at least 1');
    await bed.pass(5000);
    expect(changesOf(bed)[0]?.outcome).toMatchObject({ state: 'Rejected', message: `${RATE}: at least 1` });
  });

  it('that the device rejected stays rejected when another one takes its place', async () => {
    await using bed = await started([by('alice', 1, 0)]);
    await bed.pass(100);
    take(bed, 'rejected', 'at least 1');
    await bed.pass(5000);
    bed.apply(by('alice', 2, 30));
    await bed.pass(100);
    take(bed);
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['2 alice: 0 → 30 (InSync)', '1 alice: - → 0 (Rejected)']);
    expect(bed.history()?.metadata.annotations?.['iot.mir/recorded']).toBe('uid-1 2');
  });

  it('for a device that is away gets its outcome when the device is back', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(60_000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (Pending)']);
    take(bed);
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (InSync)']);
  });

  it('is superseded by one of the same message, and not by another', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.apply(by('bob', 2, 60, { desired: { ...rate(60), [BATTERY]: { low: 5 } } }));
    await bed.pass(5000);
    bed.apply(by('carol', 3, 30, { desired: { ...rate(30), [BATTERY]: { low: 5 } } }));
    await bed.pass(5000);
    expect(changesOf(bed).map(({ author, outcome }) => `${author} ${outcome.state}`)).toEqual([
      'carol Pending',
      'bob Pending',
      'alice Superseded',
    ]);
  });
});

describe('changes that follow each other fast', () => {
  it('of one author are one, and cost one write', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    const before = bed.kube.histories.requests.length;
    for (let at = 2; at <= 21; at += 1) {
      bed.apply(by('bob', at, at));
      await bed.pass(90);
    }
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['21 bob: 60 → 21 (Pending)', '1 alice: - → 60 (Superseded)']);
    expect(bed.kube.histories.requests.slice(before)).toEqual([`GET ${KEY}`, `PUT ${KEY}`]);
  });

  it('of several authors stay apart', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    for (const [at, user] of ['bob', 'bob', 'carol', 'bob'].entries()) bed.apply(by(user, at + 2, at + 2));
    await bed.pass(5000);
    expect(linesOf(bed).slice(0, 3)).toEqual([
      '5 bob: 4 → 5 (Pending)',
      '4 carol: 3 → 4 (Superseded)',
      '3 bob: 60 → 3 (Superseded)',
    ]);
  });

  it('are written every few seconds while they go on', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    const before = bed.kube.histories.requests.length;
    for (let at = 2; at <= 101; at += 1) {
      bed.apply(by('bob', at, at));
      await bed.pass(100);
    }
    await bed.pass(5000);
    const writes = bed.kube.histories.requests.slice(before).filter((one) => one.startsWith('PUT'));
    expect(writes.length).toBeLessThanOrEqual(6);
    expect(linesOf(bed)[0]).toContain('101 bob:');
    expect(linesOf(bed)).toHaveLength(5);
  });
});

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

describe('a change that nobody saw', () => {
  it('is found after the start as one step, with the author that the object names', async () => {
    const kube = await recordedBy([by('alice', 1, 60)]);
    kube.apply(device(by('bob', 2, 45)));
    kube.apply(device(by('carol', 3, 30, { manager: ['kubectl-edit', LATER] })));
    await using bed = await continued(kube);
    await bed.pass(10_000);
    expect(linesOf(bed)).toEqual(['3 carol: 60 → 30 (Pending)', '1 alice: - → 60 (Superseded)']);
    expect(changesOf(bed)[0]?.time).toBe(LATER);
  });

  it("is the field manager's where the stamp is of a change before", async () => {
    const kube = await recordedBy([by('alice', 1, 60)]);
    kube.apply(device({ desired: rate(30), annotations: authorStamp('alice', '1'), manager: ['helm', NOON] }));
    await using bed = await continued(kube);
    await bed.pass(10_000);
    expect(linesOf(bed)[0]).toBe('2 helm: 60 → 30 (Pending)');
  });

  it('is found when it came between a change and its record', async () => {
    const first = await started([by('alice', 1, 60)]);
    await first.pass(5000);
    first.apply(by('bob', 2, 30));
    await first.pass(50);
    await first.end();
    expect(linesOf(first)).toHaveLength(1);
    await using bed = await continued(first.kube);
    await bed.pass(10_000);
    expect(linesOf(bed)).toEqual(['2 bob: 60 → 30 (Pending)', '1 alice: - → 60 (Superseded)']);
  });

  it('gets its outcome, also when the device answered while nobody led', async () => {
    const first = await started([by('alice', 1, 60)]);
    await first.pass(5000);
    await first.end();
    await using bed = await continued(first.kube);
    await bed.pass(3000);
    take(bed);
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (InSync)']);
  });

  it('of many devices without a history is recorded little by little', async () => {
    await using bed = await startTerm(
      Array.from({ length: 1500 }, (_, at) =>
        device(by('alice', 1, 60, { name: `s${at}`, uid: `u${at}`, deviceId: `d${at}` })),
      ),
      { ...ON, historyWritesPerSecond: 100 },
    );
    await bed.pass(2000);
    const { values } = await bed.metrics.workqueueAdds.get();
    expect(values.find(({ labels }) => labels.name === 'history')?.value).toBeLessThan(1250);
    await bed.pass(30_000);
    expect(linesOf(bed, 'default/s1499')).toEqual(['1 alice: - → 60 (Pending)']);
  });

  it('is looked for in metadata alone, and nothing is read where nothing is behind', async () => {
    const kube = await recordedBy(
      Array.from({ length: 600 }, (_, at) => by('alice', 1, 60, { name: `s${at}`, uid: `u${at}`, deviceId: `d${at}` })),
    );
    kube.histories.requests.length = 0;
    await using bed = await continued(kube);
    await bed.pass(30_000);
    expect(bed.kube.histories.requests).toEqual([
      'LIST /apis/iot.mir/v1alpha/devicehistories',
      'LIST /apis/iot.mir/v1alpha/devicehistories',
    ]);
  });

  it('is found after a LIST that took the place of the watch', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.kube.pauseWatch();
    bed.apply(by('bob', 2, 30));
    bed.kube.expireWatch();
    bed.kube.resumeWatch();
    await bed.pass(10_000);
    expect(linesOf(bed)[0]).toBe('2 bob: 60 → 30 (Pending)');
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

/** What a term recorded of `devices`, which then ended. */
async function recordedBy(devices: readonly DeviceParts[]) {
  const bed = await started(devices);
  await bed.pass(5000 + devices.length * 25);
  await bed.end();
  expect(bed.history(`default/${devices[0]?.name ?? 'sensor'}`)).toBeDefined();
  return bed.kube;
}

/** Another term at the same API server, and at a broker that has kept nothing. */
async function continued(kube: TermBed['kube']): Promise<TermBed> {
  const bed = new TermBed(ON, kube);
  bed.broker.connect();
  await bed.pass(0);
  return bed;
}
