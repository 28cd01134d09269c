import { beforeEach, describe, expect, it } from '@jest/globals';
import { authorStamp } from '../api/author.ts';
import type { Device } from '../api/device.ts';
import { SeenSteps, userOf } from './steps.ts';

const KEY = 'ns/a';
let seen: SeenSteps;
beforeEach(() => {
  seen = new SeenSteps();
});

const changed = (generation: number, user: string, stamp: string): Device => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  metadata: {
    name: 'a',
    namespace: 'ns',
    uid: 'u',
    resourceVersion: String(generation),
    creationTimestamp: '2026-01-01T00:00:00Z',
    generation,
    annotations: authorStamp(user, stamp),
  },
  spec: { deviceId: 'd' },
});
const usersAfter = (known: string | undefined): (string | undefined)[] =>
  seen.take(KEY).map((step) => userOf(step, known));

describe('the user of a step', () => {
  it.each(['alice', 'CN=alice, O=example', 'a, b, c'])('%s is not believed on the stamp of a former change', (user) => {
    seen.note(KEY, changed(5, user, 'view-1'), 0);
    expect(usersAfter('view-1')).toEqual([undefined]);
    seen.note(KEY, changed(5, user, 'view-1'), 0);
    expect(usersAfter('view-0')).toEqual([user]);
  });

  it('is each of those for whom there was no room apart, by the whole of his name', () => {
    const users = ['CN=a, O=x', 'CN=b, O=x', 'c', 'd', 'CN=e, O=x'];
    for (const [at, user] of users.entries()) seen.note(KEY, changed(at + 1, user, `view-${at}`), at);
    const steps = seen.take(KEY);
    expect(steps.map((step) => userOf(step, undefined))).toEqual(['CN=a, O=x', 'CN=b, O=x', 'c', 'd, CN=e, O=x']);
  });

  it('is each of those for whom there is no room apart, also where a record failed', () => {
    for (const [at, user] of ['a', 'b', 'c', 'd'].entries()) seen.note(KEY, changed(at + 1, user, `view-${at}`), at);
    const steps = seen.take(KEY);
    seen.note(KEY, changed(5, 'e', 'view-5'), 5);
    seen.putBack(KEY, steps);
    expect(usersAfter(undefined)).toEqual(['a', 'b', 'c', 'd, e']);
  });

  it('is each of those of whose change nothing was kept, also where a record failed', () => {
    for (let at = 0; at < 200; at += 1) seen.note(`ns/other-${at}`, changed(1, 'x', '1'), 0);
    seen.note(KEY, changed(1, 'alice', '1'), 0);
    const steps = seen.take(KEY);
    seen.note(KEY, changed(2, 'bob', '2'), 1);
    seen.putBack(KEY, steps);
    expect(usersAfter(undefined)).toEqual(['alice, bob']);
  });

  it('is nobody who changed the object that had the name before', () => {
    seen.note(KEY, changed(1, 'alice', '1'), 0);
    const steps = seen.take(KEY);
    const { metadata, ...rest } = changed(1, 'bob', '1');
    seen.note(KEY, { ...rest, metadata: { ...metadata, uid: 'u2' } }, 1);
    seen.putBack(KEY, steps);
    expect(usersAfter(undefined)).toEqual(['bob']);
  });

  it('may be known a moment after the change', () => {
    seen.note(KEY, changed(1, 'alice', '1'), 0);
    seen.note(KEY, changed(2, 'alice', '1'), 1);
    seen.restamp(KEY, changed(2, 'CN=bob, O=x', '2'));
    expect(usersAfter(undefined)).toEqual(['alice', 'CN=bob, O=x']);
  });
});
