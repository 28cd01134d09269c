import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { RATE, device, rate } from '../../test/gen/device.ts';
import { findCondition } from '../api/conditions.ts';

/** A device that is online and never reports anything, and a change for it. */
async function silent(): Promise<TermBed> {
  const bed = await startTerm([device({ desired: rate(10) })]);
  await bed.pass(1000);
  bed.says({ online: true, session: 's1', heartbeat: 0 });
  await bed.pass(1000);
  return bed;
}

const written = (bed: TermBed): number => bed.kube.writes.length;

describe('a change that a device which is online does not answer', () => {
  it('says after a minute since when, and what to check, in one write more', async () => {
    await using bed = await silent();
    const since = bed.sync(RATE)?.since;
    const before = written(bed);
    await bed.pass(58_000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending' });
    expect(bed.sync(RATE)?.reason).toBeUndefined();
    await bed.pass(4000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'Pending', reason: 'Unanswered', since });
    expect(bed.sync(RATE)?.message).toMatch(/not answered since 2026-01-01T00:00:01.*subscribes.*reads json.*handler/);
    expect(bed.condition('Synced')).toBe('False/Pending');
    expect(findCondition(bed.status().conditions, 'Synced')?.message).toContain('not answered since');
    await bed.pass(3_600_000);
    expect(written(bed) - before).toBe(1);
  });

  it('says so anew for the next change, and no more once it is answered', async () => {
    await using bed = await silent();
    await bed.pass(70_000);
    bed.apply({ desired: rate(20) });
    await bed.pass(1000);
    expect(bed.sync(RATE)?.reason).toBeUndefined();
    await bed.pass(70_000);
    expect(bed.sync(RATE)?.reason).toBe('Unanswered');
    bed.reports(RATE, { uid: 'uid-1', revision: 2, status: 'applied', value: { intervalSeconds: 20 } });
    await bed.pass(1000);
    expect(bed.sync(RATE)).toMatchObject({ state: 'InSync' });
    expect(bed.sync(RATE)?.message).toBeUndefined();
  });

  it('is not held against a device that was away, or sleeps', async () => {
    await using bed = await startTerm([device({ desired: rate(10) })]);
    await bed.pass(600_000);
    expect(bed.sync(RATE)?.reason).toBeUndefined();
    bed.says({ online: true, session: 's1', heartbeat: 0 });
    await bed.pass(50_000);
    expect(bed.sync(RATE)?.reason).toBeUndefined();
    bed.says({ online: false, session: 's1', asleep: 3600 });
    await bed.pass(600_000);
    expect(bed.sync(RATE)?.reason).toBeUndefined();
  });

  it('is told also after a restart, once', async () => {
    await using before = await silent();
    await before.pass(30_000);
    const object = before.object();
    await before.end();
    await using bed = await startTerm(object === undefined ? [] : [object]);
    await bed.pass(120_000);
    expect(bed.sync(RATE)?.reason).toBe('Unanswered');
    expect(written(bed)).toBe(1);
  });
});
