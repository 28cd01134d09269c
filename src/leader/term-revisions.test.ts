import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import { RATE, device, rate, syncOf } from '../../test/gen/device.ts';

const LAST = 2_147_483_647;

describe('a device that names ever higher revisions', () => {
  it('raises them no further than its budget goes, in however many sessions', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    for (let session = 1; session <= 300; session += 1) {
      const revision = (bed.document()?.messages[RATE]?.revision ?? 0) + 1_000_000 - session;
      bed.says({ online: true, session: `s${session}`, heartbeat: 0, uid: 'uid-1', revision });
      await bed.pass(1000);
    }
    expect(bed.document()?.messages[RATE]?.revision).toBeLessThan(1_010_000);
    expect(await bed.badInput('BadRevision')).toBeGreaterThan(290);
    bed.apply({ desired: rate(30) });
    await bed.pass(1000);
    expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 30 });
  });

  it('is believed again for what a history may lose, when time has passed', async () => {
    await using bed = await startTerm([device({ desired: rate(60) })]);
    await bed.pass(1000);
    for (const [session, revision] of [
      ['s1', 5000],
      ['s2', 9000],
    ] as const) {
      bed.says({ online: true, session, heartbeat: 0, uid: 'uid-1', revision });
      await bed.pass(1000);
      expect(bed.document()?.messages[RATE]?.revision).toBe(revision + 1);
    }
  });
});

describe('the last revision', () => {
  it('is given, and then the twin says what to do, until the object is made anew', async () => {
    const status = { observedGeneration: 1, sync: syncOf(60, { revision: LAST - 1 }) };
    await using bed = await startTerm([device({ desired: rate(60), status })]);
    await bed.pass(1000);
    bed.apply({ desired: rate(30) });
    await bed.pass(1000);
    expect(bed.document()?.messages[RATE]).toMatchObject({ revision: LAST, value: { intervalSeconds: 30 } });
    bed.apply({ desired: rate(20) });
    await bed.pass(1000);
    expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 30 });
    expect(bed.condition('Stalled')).toBe('True/RevisionsExhausted');
    bed.reports(RATE, { uid: 'uid-1', revision: LAST, status: 'applied', value: { intervalSeconds: 30 } });
    await bed.pass(1000);
    expect(bed.condition('Synced')).not.toBe('True/InSync');
    bed.kube.delete('default/sensor');
    await bed.pass(1000);
    bed.apply({ uid: 'uid-2', desired: rate(20) });
    await bed.pass(1000);
    expect(bed.document()?.messages[RATE]).toMatchObject({ revision: 1, value: { intervalSeconds: 20 } });
  });
});
