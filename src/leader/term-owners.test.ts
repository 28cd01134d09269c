import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../kube/errors.ts';
import { startTerm } from '../../test/fakes/term-bed.ts';
import type { TermBed } from '../../test/fakes/term-bed.ts';
import { RATE, device, document, rate } from '../../test/gen/device.ts';
import { findCondition } from '../api/conditions.ts';

const PIN = 'lock.v1.Pin';
const GRACE = { takeoverGraceSeconds: 60 };
const TENANT_A = {
  name: 'twin',
  namespace: 'tenant-a',
  uid: 'uid-a',
  desired: rate(10),
  created: '2024-11-21T00:00:00Z',
};
const TENANT_B = { name: 'twin', namespace: 'tenant-b', uid: 'uid-b', desired: rate(20) };
const A = 'tenant-a/twin';
const B = 'tenant-b/twin';

const owner = (bed: TermBed): string | undefined => bed.document()?.owner.uid;
const told = (bed: TermBed, key: string): string =>
  findCondition(bed.status(key).conditions, 'Stalled')?.message ?? 'nothing';

/** B owns the device, which has reported a secret; A waits with a duplicate. */
async function disputed(): Promise<TermBed> {
  const bed = await startTerm([device(TENANT_B), device(TENANT_A)], GRACE);
  await bed.pass(1000);
  bed.says({ online: true, session: 's1', encoding: 'json', reports: [PIN] });
  bed.reports(PIN, { value: { pin: '1234' } });
  await bed.pass(1000);
  expect(owner(bed)).toBe('uid-b');
  expect(bed.status(B).reported?.[PIN]).toEqual({ pin: '1234' });
  return bed;
}

describe('an id that objects of two namespaces name', () => {
  it('is told without naming the object that the reader may not see', async () => {
    await using bed = await disputed();
    expect(bed.condition('Stalled', A)).toBe('True/DuplicateDeviceId');
    expect(told(bed, A)).not.toMatch(/tenant-b|twin/);
    expect(told(bed, A)).toContain('another namespace');
  });

  it('stays where it was when its object is deleted and made again', async () => {
    await using bed = await disputed();
    bed.kube.delete(B);
    await bed.pass(5000);
    expect(told(bed, A)).toContain('kept for it');
    bed.apply({ ...TENANT_B, uid: 'uid-b2', created: '2024-12-01T00:00:00Z' });
    await bed.pass(120_000);
    expect(owner(bed)).toBe('uid-b2');
    expect(bed.condition('Online', B)).toBe('True/Birth');
    expect(bed.condition('Stalled', A)).toBe('True/DuplicateDeviceId');
    expect(JSON.stringify(bed.status(A))).not.toContain('1234');
  });

  it('goes to who waits after the grace, with nothing of what the device had said to the former', async () => {
    await using bed = await disputed();
    bed.kube.delete(B);
    await bed.pass(59_000);
    expect(owner(bed)).toBeUndefined();
    expect(bed.broker.keptTopics).toEqual([]);
    await bed.pass(3000);
    expect(owner(bed)).toBe('uid-a');
    expect(bed.condition('Ready', A)).toBe('True/Published');
    expect(JSON.stringify(bed.status(A))).not.toContain('1234');
  });

  it('is cleared before it goes over also when the operator was away meanwhile', async () => {
    await using before = await disputed();
    const object = before.object(A);
    const kept = before.broker.keptTopics.map((topic) => [topic, before.broker.kept(topic) ?? ''] as const);
    await before.end();
    await using bed = await startTerm([], GRACE);
    bed.broker.disconnect();
    for (const [topic, payload] of kept) bed.broker.keep(topic, payload);
    if (object !== undefined) bed.kube.apply(object);
    bed.broker.connect();
    await bed.pass(1000);
    expect(bed.broker.keptTopics).toEqual([]);
    await bed.pass(70_000);
    expect(owner(bed)).toBe('uid-a');
    expect(JSON.stringify(bed.status(A))).not.toContain('1234');
  });

  it('is kept for its namespace also from an object that comes only after the deletion', async () => {
    await using bed = await startTerm([device(TENANT_B)], GRACE);
    await bed.pass(1000);
    bed.kube.delete(B);
    await bed.pass(1000);
    bed.apply(TENANT_A);
    await bed.pass(1000);
    expect(bed.condition('Stalled', A)).toBe('True/DuplicateDeviceId');
    bed.apply({ ...TENANT_B, uid: 'uid-b2' });
    await bed.pass(1000);
    expect(owner(bed)).toBe('uid-b2');
  });

  it('belongs to whom the document at the broker names, however old the other is', async () => {
    await using bed = await startTerm([], GRACE);
    bed.broker.disconnect();
    bed.holds({
      ...document(10, 3, 'uid-a'),
      owner: { cluster: 'c1', namespace: 'tenant-a', name: 'twin', uid: 'uid-a' },
    });
    bed.apply(TENANT_A);
    bed.apply(TENANT_B);
    bed.broker.connect();
    await bed.pass(2000);
    expect(owner(bed)).toBe('uid-a');
    expect(bed.condition('Stalled', B)).toBe('True/DuplicateDeviceId');
    expect(
      bed.kube.writes.filter(({ key }) => key === A).some(({ patch }) => JSON.stringify(patch).includes('Duplicate')),
    ).toBe(false);
  });
});

const OF_A = { cluster: 'c1', namespace: 'tenant-a', name: 'twin', uid: 'uid-a' };

describe('a document of another namespace, whose object the cache lacks', () => {
  it('is asked for by name before it is withdrawn, and listed again', async () => {
    await using bed = await startTerm([], GRACE);
    bed.broker.disconnect();
    bed.holds({ ...document(10, 3, 'uid-a'), owner: OF_A });
    bed.apply(TENANT_B);
    await bed.pass(100);
    bed.kube.pauseWatch();
    bed.apply(TENANT_A);
    bed.broker.connect();
    await bed.pass(5000);
    expect(bed.broker.published.filter(({ payload }) => payload === '')).toEqual([]);
    expect(owner(bed)).toBe('uid-a');
    expect(bed.condition('Stalled', B)).toBe('True/DuplicateDeviceId');
  });
});

describe('an object that is asked for by name while the API server is overloaded', () => {
  it('holds up no document of others', async () => {
    await using bed = await startTerm([], GRACE);
    bed.broker.disconnect();
    bed.holds({ ...document(10, 3, 'uid-former'), owner: { ...OF_A, uid: 'uid-former' } });
    bed.apply(TENANT_A);
    bed.broker.isRefusingTopic = () => true;
    bed.broker.connect();
    await bed.pass(500);
    bed.kube.readScript.push(new ApiError(429, { code: 429 }, 60_000));
    bed.kube.delete(A);
    bed.broker.isRefusingTopic = () => false;
    await bed.until(() => bed.kube.readScript.length === 0, 60_000);
    bed.apply({ name: 'other', uid: 'uid-other', deviceId: 'other-1', desired: rate(60) });
    await bed.pass(200);
    expect(bed.documents('other-1')).toHaveLength(1);
  });
});

describe('two objects of one second in one namespace', () => {
  it.each(['uid-1', 'uid-2'])('share the id as before, whichever uid is the smaller: %s', async (uid) => {
    await using bed = await startTerm([], GRACE);
    bed.broker.disconnect();
    bed.holds(document(10, 3, uid));
    for (const one of ['uid-1', 'uid-2']) bed.apply({ name: `twin-of-${one}`, uid: one, desired: rate(10) });
    bed.broker.connect();
    await bed.pass(2000);
    expect(owner(bed)).toBe(uid);
    const [winner, loser] = uid === 'uid-1' ? ['uid-1', 'uid-2'] : ['uid-2', 'uid-1'];
    expect(bed.condition('Ready', `default/twin-of-${winner}`)).toBe('True/Published');
    expect(told(bed, `default/twin-of-${loser}`)).toContain(`default/twin-of-${winner}`);
    const writes = bed.kube.writes.filter(({ key }) => key === `default/twin-of-${winner}`);
    expect(JSON.stringify(writes)).not.toContain('Duplicate');
  });

  it('leave it to the one that lives when the other comes later with a smaller uid', async () => {
    await using bed = await startTerm([device({ name: 'first', uid: 'uid-9', desired: rate(10) })], GRACE);
    await bed.pass(1000);
    bed.apply({ name: 'second', uid: 'uid-1', desired: rate(20) });
    await bed.pass(1000);
    expect(owner(bed)).toBe('uid-9');
    expect(bed.document()?.messages[RATE]?.value).toEqual({ intervalSeconds: 10 });
  });
});

it('names no object of a stranger whose document stands at the broker', async () => {
  await using bed = await startTerm();
  bed.broker.disconnect();
  bed.holds({ ...document(5, 9), owner: { cluster: 'c2', namespace: 'secret', name: 'hidden', uid: 'uid-x' } });
  bed.apply({ desired: rate(10) });
  bed.broker.connect();
  await bed.pass(2000);
  expect(bed.condition('Stalled')).toBe('True/ForeignOwner');
  expect(JSON.stringify(bed.status())).not.toMatch(/secret|hidden|uid-x/);
});
