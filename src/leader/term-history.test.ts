/** Who changed what, and what became of it: what a term writes into the histories of its devices. */
import { describe, expect, it } from '@jest/globals';
import { RATE, rate } from '../../test/gen/device.ts';
import { authorStamp } from '../api/author.ts';
import { KEY, NOON, by, changesOf, linesOf, started, take } from './testing/recorded.ts';

const BATTERY = 'sensor.v1.BatteryStatus';

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
