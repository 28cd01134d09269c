import { beforeEach, describe, expect, it } from '@jest/globals';
import { authorStamp } from '../api/author.ts';
import type { Device } from '../api/device.ts';
import { authorOfStep, SeenSteps } from './steps.ts';

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
/** As `manager` changes it, of whom nobody knows who he is. */
const unstamped = (generation: number, manager: string): Device => {
  const { metadata, ...rest } = changed(generation, '', '');
  const managedFields = [{ manager, operation: 'Update', time: '2026-01-01T00:00:00Z' }];
  return { ...rest, metadata: Object.assign(metadata, { annotations: {}, managedFields }) };
};
const usersAfter = (stamp?: string): string[] =>
  seen.take(KEY).map((step) => authorOfStep(step, stamp === undefined ? {} : { stamp }).author);
/** No room is left to keep apart what is desired meanwhile. */
const fill = (): void => {
  for (let at = 0; at < 200; at += 1) seen.note(`ns/other-${at}`, changed(1, 'x', '1'), 0);
};

describe('the user of a step', () => {
  it.each(['alice', 'CN=alice, O=example', 'a, b, c'])('%s is not believed on the stamp of a former change', (user) => {
    seen.note(KEY, changed(5, user, 'view-1'), 0);
    expect(usersAfter('view-1')).toEqual(['unknown']);
    seen.note(KEY, changed(5, user, 'view-1'), 0);
    expect(usersAfter('view-0')).toEqual([user]);
  });

  it('is each of those for whom there was no room apart, by the whole of his name', () => {
    const users = ['CN=a, O=x', 'CN=b, O=x', 'c', 'd', 'CN=e, O=x'];
    for (const [at, user] of users.entries()) seen.note(KEY, changed(at + 1, user, `view-${at}`), at);
    const steps = seen.take(KEY);
    expect(steps.map((step) => authorOfStep(step).author)).toEqual(['CN=a, O=x', 'CN=b, O=x', 'c', 'd, CN=e, O=x']);
  });

  it('is each of those for whom there is no room apart, also where a record failed', () => {
    for (const [at, user] of ['a', 'b', 'c', 'd'].entries()) seen.note(KEY, changed(at + 1, user, `view-${at}`), at);
    const steps = seen.take(KEY);
    seen.note(KEY, changed(5, 'e', 'view-5'), 5);
    seen.putBack(KEY, steps);
    expect(usersAfter()).toEqual(['a', 'b', 'c', 'd, e']);
  });

  it('is each of those of whose change nothing was kept, also where a record failed', () => {
    fill();
    seen.note(KEY, changed(1, 'alice', '1'), 0);
    const steps = seen.take(KEY);
    seen.note(KEY, changed(2, 'bob', '2'), 1);
    seen.putBack(KEY, steps);
    expect(usersAfter()).toEqual(['alice, bob']);
  });

  it.each<[who: string, changes: readonly Device[], author: string, kind: string]>([
    ['a user', [changed(1, 'alice', '1'), unstamped(2, 'helm')], 'alice, (helm)', 'Unknown'],
    ['a user who came later', [unstamped(1, 'helm'), changed(2, 'alice', '2')], '(helm), alice', 'Unknown'],
    ['nobody but programs', [unstamped(1, 'helm'), unstamped(2, 'flux')], 'helm, flux', 'FieldManager'],
    ['one program', [unstamped(1, 'helm'), unstamped(2, 'helm')], 'helm', 'FieldManager'],
    ['two users', [changed(1, 'alice', '1'), changed(2, 'bob', '2')], 'alice, bob', 'User'],
  ])('is not said to have done what another has, where %s is known', (_, changes, author, authorKind) => {
    fill();
    for (const [at, device] of changes.entries()) seen.note(KEY, device, at);
    expect(seen.take(KEY).map((step) => authorOfStep(step))).toEqual([{ author, authorKind }]);
  });

  it('who is known a moment later is not said to have made the change before his', () => {
    seen.note(KEY, unstamped(1, 'kubectl'), 0);
    seen.note(KEY, unstamped(2, 'kubectl'), 1);
    seen.restamp(KEY, changed(2, 'alice', '2'));
    expect(usersAfter()).toEqual(['(kubectl), alice']);
  });

  it('is said to be one of several where there are too many to name', () => {
    fill();
    for (const [at, user] of ['a', 'b', 'c', 'd', 'e'].entries()) seen.note(KEY, changed(at + 1, user, `v-${at}`), at);
    expect(usersAfter()).toEqual(['unknown, c, d, e']);
  });

  it('is nobody whose change is recorded already', () => {
    fill();
    for (const [at, user] of ['a', 'b', 'c'].entries()) seen.note(KEY, changed(at + 1, user, `v-${at}`), at);
    expect(seen.take(KEY).map((step) => authorOfStep(step, { generation: 2, stamp: 'v-1' }).author)).toEqual(['c']);
  });

  it.each([
    [1, 'unknown, c, d, e'],
    [2, 'c, d, e'],
  ])('is one of several, as long as not all of their changes are recorded: up to %i', (generation, author) => {
    fill();
    for (const [at, user] of ['a', 'b', 'c', 'd', 'e'].entries()) seen.note(KEY, changed(at + 1, user, `v-${at}`), at);
    const recorded = { generation, stamp: `v-${generation - 1}` };
    expect(seen.take(KEY).map((step) => authorOfStep(step, recorded).author)).toEqual([author]);
  });

  it('is nobody who changed the object that had the name before', () => {
    seen.note(KEY, changed(1, 'alice', '1'), 0);
    const steps = seen.take(KEY);
    const { metadata, ...rest } = changed(1, 'bob', '1');
    seen.note(KEY, { ...rest, metadata: { ...metadata, uid: 'u2' } }, 1);
    seen.putBack(KEY, steps);
    expect(usersAfter()).toEqual(['bob']);
  });

  it('may be known a moment after the change', () => {
    seen.note(KEY, changed(1, 'alice', '1'), 0);
    seen.note(KEY, changed(2, 'alice', '1'), 1);
    seen.restamp(KEY, changed(2, 'CN=bob, O=x', '2'));
    expect(usersAfter()).toEqual(['alice', 'CN=bob, O=x']);
  });
});
