/** Histories under people, clocks and servers that do not do what is expected of them. */
import { describe, expect, it } from '@jest/globals';
import { TermBed } from '../../test/fakes/term-bed.ts';
import { RATE, rate } from '../../test/gen/device.ts';
import { authorStamp } from '../api/author.ts';
import { readApiJson } from '../api/exact-json.ts';
import type { DeviceHistory } from '../api/history.ts';
import type { Properties } from '../api/device.ts';
import type { Config } from '../config/load.ts';
import { ApiError } from '../kube/errors.ts';
import { KEY, NOON, by, changesOf, linesOf, started } from './testing/recorded.ts';

describe('a change', () => {
  it('of two authors whose record was not answered is not recorded backwards', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.kube.histories.writeScript.push('answer-lost');
    bed.apply(by('bob', 2, 20));
    bed.apply(by('carol', 3, 30));
    await bed.pass(1999);
    const { requests } = bed.kube.histories;
    while (!requests.some((one) => one.startsWith('PUT'))) await bed.pass(1);
    bed.apply(by('dave', 4, 40));
    await bed.pass(30_000);
    expect(linesOf(bed)).toEqual([
      '4 dave: 30 → 40 (Pending)',
      '3 carol: 20 → 30 (Superseded)',
      '2 bob: 60 → 20 (Superseded)',
      '1 alice: - → 60 (Superseded)',
    ]);
  });

  it('of a disabled device waits for it, and says nothing that is not so', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.apply(by('alice', 2, 60, { disabled: true }));
    await bed.pass(5000);
    bed.apply(by('bob', 3, 30, { disabled: true }));
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual([
      '3 bob: 60 → 30 (Pending)',
      '2 alice: - → - (InSync)',
      '1 alice: - → 60 (Superseded)',
    ]);
  });

  it('of a device that another object has is not in sync because the value before it was', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(100);
    const { owner, messages } = bed.document() ?? {};
    const { revision, value } = messages?.[RATE] ?? {};
    bed.reports(RATE, { uid: owner?.uid ?? '', revision: revision ?? 0, status: 'applied', value: value as never });
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (InSync)']);
    bed.apply({ name: 'older', uid: 'uid-0', created: '2020-01-01T00:00:00Z' });
    await bed.pass(1000);
    bed.apply(by('bob', 2, 30));
    await bed.pass(10_000);
    expect(bed.condition('Stalled')).toBe('True/DuplicateDeviceId');
    expect(linesOf(bed)[0]).toBe('2 bob: 60 → 30 (Pending)');
  });

  it('that comes while the history is read is its own, and takes nothing from the one before', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.apply(by('bob', 2, 20));
    bed.kube.histories.onNextGet = () => bed.apply(by('carol', 3, 30));
    await bed.pass(10_000);
    expect(linesOf(bed).slice(0, 2)).toEqual(['3 carol: 20 → 30 (Pending)', '2 bob: 60 → 20 (Superseded)']);
  });

  it('of a number that JavaScript does not have keeps its digits', async () => {
    const exact = (text: string): Properties => readApiJson(`{"${RATE}":{"n":${text}}}`) as Properties;
    await using bed = await started([{ desired: exact('9007199254740993') }]);
    await bed.pass(5000);
    bed.apply({ desired: exact('9007199254740995') });
    await bed.pass(5000);
    expect(JSON.stringify(changesOf(bed)[0]?.messages)).toBe(
      `{"${RATE}":{"before":{"n":9007199254740993},"after":{"n":9007199254740995}}}`,
    );
  });

  it('that is as the one before again is not of the object of that name that was there before', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.apply(by('bob', 2, 20));
    bed.kube.pauseWatch();
    bed.kube.delete(KEY);
    bed.apply(by('carol', 1, 70, { uid: 'uid-2' }));
    bed.apply(by('carol', 2, 80, { uid: 'uid-2' }));
    bed.kube.expireWatch();
    bed.kube.resumeWatch();
    await bed.pass(30_000);
    expect(linesOf(bed)).toEqual(['2 carol: - → 80 (Pending)']);
  });
});

describe('an author', () => {
  it('with a name of any length costs no more than a name', async () => {
    await using bed = await started([]);
    for (let at = 1; at <= 6; at += 1) {
      bed.apply({ desired: rate(at), annotations: authorStamp('x'.repeat(100_000), `view-${at}`) });
      await bed.pass(5000);
    }
    expect(JSON.stringify(bed.history()).length).toBeLessThan(10_000);
    expect(changesOf(bed)[0]?.author).toMatch(/^x{255}…$/);
    expect(changesOf(bed)[0]?.authorKind).toBe('User');
    bed.apply({ desired: rate(7), annotations: authorStamp('mallory', 'z'.repeat(100_000)), manager: ['helm', NOON] });
    await bed.pass(5000);
    expect(linesOf(bed)[0]).toBe('7 helm: 6 → 7 (Pending)');
    expect(JSON.stringify(bed.history()).length).toBeLessThan(10_000);
  });

  it('is not said to have made the change of somebody else for which there was no room', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    for (const [at, user] of ['b', 'c', 'd', 'e'].entries()) bed.apply(by(user, at + 2, at + 2));
    bed.apply({ desired: rate(6), annotations: authorStamp('e', '5'), manager: ['helm', NOON] });
    await bed.pass(5000);
    expect(linesOf(bed)[0]).toBe('6 e, (helm): 4 → 6 (Pending)');
    expect(changesOf(bed)[0]?.authorKind).toBe('Unknown');
  });

  it('may have a comma in his name', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.apply({ desired: rate(30), annotations: authorStamp('CN=Smith, John', 'view-1') });
    await bed.pass(5000);
    // Nobody stamps this one.
    bed.apply({ desired: rate(20), annotations: authorStamp('CN=Smith, John', 'view-1'), manager: ['helm', NOON] });
    await bed.pass(5000);
    expect(linesOf(bed).slice(0, 2)).toEqual(['3 helm: 30 → 20 (Pending)', '2 CN=Smith, John: 60 → 30 (Superseded)']);
  });

  it.each([
    ['a moment', 5000],
    ['no time', 0],
  ])('of a device without a history is not the author of what somebody else changes after %s', async (_, ms) => {
    await using bed = await started([]);
    // Nothing is desired yet, so that nothing is recorded.
    bed.apply({ annotations: authorStamp('alice', 'view-1') });
    await bed.pass(ms);
    bed.apply({ desired: rate(30), annotations: authorStamp('alice', 'view-1'), manager: ['helm', NOON] });
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['2 helm: - → 30 (Pending)']);
  });

  it('of a device without a history is known where he was seen to stamp it', async () => {
    await using bed = await started([]);
    bed.apply({});
    await bed.pass(5000);
    bed.apply({ desired: rate(30), annotations: authorStamp('alice', 'view-1') });
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['2 alice: - → 30 (Pending)']);
  });

  it.each([
    ['watched', false],
    ['listed after it', true],
  ])('whose change was in a history that is gone is not believed of the next one, %s', async (_, isListed) => {
    await using bed = await started([]);
    bed.apply({});
    await bed.pass(5000);
    bed.apply({ desired: rate(60), annotations: authorStamp('alice', 'view-1') });
    await bed.pass(5000);
    bed.kube.histories.remove(KEY);
    if (isListed) bed.kube.pauseWatch();
    bed.apply({ desired: rate(30), annotations: authorStamp('alice', 'view-1'), manager: ['helm', NOON] });
    if (isListed) bed.kube.expireWatch();
    if (isListed) bed.kube.resumeWatch();
    await bed.pass(30_000);
    expect(linesOf(bed)).toEqual(['3 helm: - → 30 (Pending)']);
  });

  it('is not the field manager who wrote before, where a value is only taken away', async () => {
    await using bed = await started([{ desired: rate(60), manager: ['flux', NOON] }]);
    await bed.pass(60_000);
    // An API server moves the time of a manager who sets fields, and knows nobody who only removes some.
    bed.apply({ desired: {}, manager: ['flux', NOON] });
    await bed.pass(5000);
    expect(linesOf(bed)[0]).toBe('2 unknown: 60 → - (InSync)');
    bed.apply({ desired: rate(30), manager: ['helm', '2026-01-01T13:00:00Z'] });
    await bed.pass(5000);
    // Nor one from before, where who wrote last owns nothing any more.
    bed.apply({ desired: {}, manager: ['flux', NOON] });
    await bed.pass(5000);
    expect(linesOf(bed).slice(0, 2)).toEqual(['4 unknown: 30 → - (InSync)', '3 helm: - → 30 (Superseded)']);
  });
});

describe('a history that a person has edited', () => {
  const edits: readonly (readonly [string, (history: DeviceHistory) => unknown])[] = [
    ['has lost all that it said', ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata })],
    [
      'has changes without an outcome',
      (one) => ({ ...one, changes: one.changes.map((change) => ({ ...change, outcome: undefined })) }),
    ],
    ['has changes without anything', (one) => ({ ...one, changes: [{}] })],
    ['has messages that are none', (one) => ({ ...one, changes: [{ ...one.changes[0], messages: { [RATE]: null } }] })],
    ['says that nothing was recorded', (one) => ({ ...one, recorded: undefined })],
    ['is told to be of another device', (one) => ({ ...one, device: { uid: 'other', deviceId: 'x', generation: 9 } })],
    ['is ahead of its device', (one) => ({ ...one, device: { ...one.device, generation: 99 } })],
  ];

  it.each(edits)('goes on where it %s', async (_, edit) => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.kube.histories.edit(KEY, edit);
    bed.apply(by('bob', 2, 30));
    await bed.pass(30_000);
    expect(changesOf(bed)[0]).toMatchObject({ revision: 2, author: 'bob', outcome: { state: 'Pending' } });
    bed.apply(by('carol', 3, 20));
    await bed.pass(30_000);
    expect(linesOf(bed)[0]).toBe('3 carol: 30 → 20 (Pending)');
  });

  it('keeps what people have added to its metadata', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    const mine = { labels: { team: 'a' }, finalizers: ['example.com/backup'] };
    bed.kube.histories.edit(KEY, (one) => ({ ...one, metadata: { ...one.metadata, ...mine } }));
    bed.apply(by('bob', 2, 30));
    await bed.pass(5000);
    expect(bed.history()?.metadata).toMatchObject(mine);
    expect(changesOf(bed)).toHaveLength(2);
  });

  it('begins anew where it was deleted', async () => {
    await using bed = await started([by('alice', 1, 60)]);
    await bed.pass(5000);
    bed.kube.histories.remove(KEY);
    bed.apply(by('bob', 2, 30));
    await bed.pass(5000);
    expect(linesOf(bed)).toEqual(['2 bob: - → 30 (Pending)']);
  });
});

describe('whether a history stays', () => {
  it('follows the option, also for those that were written before', async () => {
    const first = await started([by('alice', 1, 60)]);
    await first.pass(5000);
    await first.end();
    await using bed = await continued(first.kube, { historyKeepDeleted: true });
    await bed.pass(10_000);
    expect(bed.history()?.metadata.ownerReferences ?? []).toEqual([]);
    await bed.end();
    await using back = await continued(bed.kube, { historyKeepDeleted: false });
    await back.pass(10_000);
    expect(back.history()?.metadata.ownerReferences).toHaveLength(1);
  });
});

describe('a server that has no histories', () => {
  it('is not hidden by new devices of which nothing is desired', async () => {
    await using bed = await started([]);
    bed.kube.histories.isServed = false;
    bed.apply(by('alice', 1, 60));
    await bed.pass(5000);
    for (let at = 0; at < 20; at += 1) {
      bed.apply({ name: `new-${at}`, uid: `new-${at}`, deviceId: `new-${at}` });
      await bed.pass(5000);
    }
    const { values } = await bed.metrics.reconciles.get();
    const results = values.filter(({ labels }) => labels['controller'] === 'history');
    expect(results.map(({ labels }) => labels['result'])).toEqual(['requeue_after']);
  });

  it('is found out after a start, whichever device comes first', async () => {
    const first = await started([{ name: 'a', uid: 'a', deviceId: 'a' }]);
    first.apply(by('alice', 1, 60));
    first.kube.histories.isServed = false;
    await first.end();
    await using bed = await continued(first.kube, {});
    await bed.pass(60_000);
    const { values } = await bed.metrics.reconciles.get();
    const results = values.filter(({ labels }) => labels['controller'] === 'history');
    expect(results.map(({ labels }) => labels['result'])).toEqual(['requeue_after']);
  });
});

describe('a server that refuses', () => {
  it.each([
    [
      'a namespace that ends',
      new ApiError(403, {
        code: 403,
        reason: 'Forbidden',
        message: 'unable to create new content in namespace default because it is being terminated',
      }),
    ],
    ['a quota', new ApiError(403, { code: 403, reason: 'Forbidden', message: 'exceeded quota: objects' })],
    ['a policy', new ApiError(422, { code: 422, reason: 'Invalid', message: 'denied by the policy of the house' })],
    ['an overload', new ApiError(429, { code: 429, reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } })],
  ])('because of %s is asked again, and holds up no other device', async (_, refusal) => {
    const other = { name: 'other', uid: 'uid-o', deviceId: 'o' };
    await using bed = await started([]);
    bed.kube.histories.writeScript.push(refusal, refusal);
    bed.apply(by('alice', 1, 60));
    await bed.pass(10);
    bed.apply(by('bob', 1, 30, other));
    await bed.pass(8000);
    expect(bed.history('default/other')).toBeDefined();
    await bed.pass(60_000);
    expect(linesOf(bed)).toEqual(['1 alice: - → 60 (Pending)']);
  });
});

/** Another term at the same API server. */
async function continued(kube: TermBed['kube'], config: Partial<Config>): Promise<TermBed> {
  const bed = new TermBed({ historyLimit: 5, ...config }, kube);
  bed.broker.connect();
  await bed.pass(0);
  return bed;
}
