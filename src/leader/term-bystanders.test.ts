/** Objects that name a device id and do not own it: what is done for them costs the owner nothing, and the other way round. */
import { describe, expect, it } from '@jest/globals';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { RATE, device, document, rate } from '../../test/gen/device.ts';
import { ApiError } from '../kube/errors.ts';

const PIN = 'lock.v1.Pin';
const OWNER = { name: 'twin', namespace: 'tenant-a', uid: 'uid-a', desired: rate(10) };
const OTHER = { name: 'twin', namespace: 'tenant-b', uid: 'uid-b', desired: rate(20), created: '2024-11-21T00:00:00Z' };
const A = 'tenant-a/twin';
const B = 'tenant-b/twin';
const tooLarge = (): ApiError =>
  new ApiError(413, { code: 413, reason: 'RequestEntityTooLarge', message: 'too large' });

/** A owns the device, which has reported a secret; B names it too. */
async function disputed(): Promise<TermBed> {
  const bed = await startTerm([device(OWNER)], { takeoverGraceSeconds: 60 });
  await bed.pass(1000);
  bed.says({ online: true, session: 's1', heartbeat: 0, reports: [PIN] });
  bed.reports(PIN, { value: { pin: '1234' } });
  bed.apply(OTHER);
  await bed.pass(5000);
  expect(bed.condition('Stalled', B)).toBe('True/DuplicateDeviceId');
  return bed;
}

describe('an object that names the device id of another', () => {
  it('keeps nothing from that one when its own status is refused', async () => {
    await using bed = await disputed();
    bed.kube.refusalOf = (key) => (key === B ? tooLarge() : undefined);
    bed.kube.scribble(B, { online: true });
    bed.kube.label(B, { floor: '1' });
    await bed.pass(5000);
    bed.reports(PIN, { value: { pin: '5678' } });
    bed.says({ online: false, session: 's1' });
    await bed.pass(10_000);
    expect(bed.status(A).reported?.[PIN]).toEqual({ pin: '5678' });
    expect(bed.condition('Online', A)).toBe('False/Goodbye');
  });

  it('is tried seldom when its own status is refused', async () => {
    await using bed = await disputed();
    bed.kube.refusalOf = (key) => (key === B ? tooLarge() : undefined);
    const before = bed.kube.attempts.get(B) ?? 0;
    bed.kube.scribble(B, { online: true });
    bed.kube.label(B, { floor: '1' });
    await bed.pass(50_000);
    expect((bed.kube.attempts.get(B) ?? 0) - before).toBeLessThan(4);
  });

  it('never gets what stood in the status of that one', async () => {
    await using bed = await disputed();
    bed.kube.writeScript.push(new ApiError(500, { code: 500 }), new ApiError(500, { code: 500 }));
    bed.kube.scribble(A, { online: false, reported: null });
    bed.kube.label(B, { floor: '1' });
    await bed.pass(5000);
    expect(bed.status(A).reported?.[PIN]).toEqual({ pin: '1234' });
    expect(JSON.stringify(bed.status(B))).not.toContain('1234');
  });

  it('does not slow that one down, however often it is changed', async () => {
    await using bed = await disputed();
    for (let seconds = 1; seconds <= 20; seconds += 1) {
      bed.apply({ ...OTHER, desired: rate(seconds) });
      await bed.pass(40);
    }
    bed.says({ online: false, session: 's1' });
    await bed.pass(50);
    expect(bed.condition('Online', A)).toBe('False/Goodbye');
  });

  it('is told that it does when the broker shows nobody what stands there', async () => {
    await using bed = await startTerm();
    bed.broker.isRefusingFilter = () => true;
    bed.apply(OWNER);
    bed.apply({ ...OTHER, namespace: 'tenant-a', name: 'other' });
    await bed.pass(5000);
    expect(bed.condition('Ready', A)).toBe('False/BrokerRefused');
    expect(bed.condition('Stalled', 'tenant-a/other')).toBe('True/DuplicateDeviceId');
  });

  it('gets the id also when a document of someone else stands there as the owner goes', async () => {
    await using bed = await disputed();
    bed.broker.hear('mir/v1alpha/sensor-01/desired', JSON.stringify(stranger()));
    await bed.pass(5000);
    expect(bed.condition('Stalled', A)).toBe('True/ForeignOwner');
    bed.kube.delete(A);
    await bed.pass(120_000);
    expect(bed.condition('Stalled', B)).toBe('True/ForeignOwner');
  });
});

describe('an object that waits for an id which is kept for another namespace', () => {
  it('is tried seldom when its status is refused', async () => {
    await using bed = await disputed();
    bed.kube.delete(A);
    bed.kube.refusalOf = () => tooLarge();
    const before = bed.kube.attempts.get(B) ?? 0;
    await bed.pass(50_000);
    expect((bed.kube.attempts.get(B) ?? 0) - before).toBeLessThan(4);
  });
});

describe('an object that is made anew', () => {
  it('is not held back by what was refused of its predecessor', async () => {
    await using bed = await startTerm([device(OWNER)]);
    await bed.pass(1000);
    bed.kube.refusalOf = () => tooLarge();
    bed.says({ online: true, session: 's1', heartbeat: 0 });
    bed.reports(RATE, { value: { intervalSeconds: 1 } });
    await bed.pass(5000);
    bed.kube.refusalOf = () => undefined;
    // The memory of the id outlives the object: its topics are still being cleared.
    bed.broker.publishDelayMs = 1000;
    bed.kube.delete(A);
    await bed.pass(500);
    bed.apply({ ...OWNER, uid: 'uid-a2' });
    await bed.pass(10_000);
    bed.reports(RATE, { value: { intervalSeconds: 2 } });
    await bed.pass(10_000);
    expect(bed.status(A).reported?.[RATE]).toEqual({ intervalSeconds: 2 });
    expect(bed.condition('Truncated', A)).toBe('absent');
  });
});

function stranger(): object {
  const { owner, ...rest } = document(99, 1, 'uid-of-another');
  return { ...rest, owner: { ...owner, cluster: 'another' } };
}
