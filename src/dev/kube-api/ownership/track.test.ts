import { describe, expect, it } from '@jest/globals';
import { DEDUCED } from '../../structured-merge/merge-type.ts';
import type { Json } from '../crd/index.ts';
import type { ManagedFieldsEntry } from './entries.ts';
import { trackApply, trackUpdate } from './track.ts';
import type { Write } from './track.ts';

const write = (manager: string, second = 0, subresource?: string): Write => ({
  manager,
  subresource,
  rules: { apiVersion: 'v1', ignored: [], typeOf: () => DEDUCED },
  time: `2026-01-01T00:00:0${second}Z`,
});
const update = (manager: string, live: Json, next: Json, more: object = {}, second = 0) =>
  trackUpdate(write(manager, second), { live, next, stored: undefined, sent: undefined, isCreate: false, ...more });
const named = (entries: readonly ManagedFieldsEntry[] = []) =>
  entries.map(({ manager, operation, time }) => `${operation} ${manager} ${time?.slice(17, 19)}`);

describe('managedFields', () => {
  it('are begun by a create, and say who, how, when and what', () => {
    expect(update('one', {}, { metadata: { name: 'x', uid: 'u' }, a: 1 }, { isCreate: true })).toEqual([
      {
        manager: 'one',
        operation: 'Update',
        apiVersion: 'v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:a': {} },
      },
    ]);
  });

  it('are not begun again by an update', () => {
    expect(update('one', { a: 1 }, { a: 2 })).toBeUndefined();
  });

  it('keep a time until the manager changes something', () => {
    const stored = update('one', {}, { a: 1 }, { isCreate: true });
    expect(named(update('one', { a: 1 }, { a: 1 }, { stored }, 5))).toEqual(['Update one 00']);
    expect(named(update('one', { a: 1 }, { a: 2 }, { stored }, 5))).toEqual(['Update one 05']);
  });

  it('show who applies first, then who wrote earlier', () => {
    const first = update('z', {}, { a: 1 }, { isCreate: true });
    const second = update('b', { a: 1 }, { a: 1, b: 1 }, { stored: first }, 2);
    const third = update('a', { a: 1, b: 1 }, { a: 1, b: 1, c: 1 }, { stored: second }, 2);
    const { managedFields } = trackApply(write('y', 9), {
      live: { a: 1, b: 1, c: 1 },
      empty: {},
      stored: third,
      config: { d: 1 },
      force: false,
    });
    expect(named(managedFields)).toEqual(['Apply y 09', 'Update z 00', 'Update a 02', 'Update b 02']);
  });

  it('hold what is older than ten updates under one name', () => {
    let stored: ManagedFieldsEntry[] | undefined;
    let live: { [name: string]: Json } = {};
    for (let n = 0; n < 14; n += 1) {
      const next = { ...live, [`f${n}`]: 1 };
      stored = update(`m${n}`, live, next, { stored, isCreate: n === 0 }, Math.floor(n / 2));
      live = next;
    }
    expect(stored?.length).toBe(10);
    const ancient = stored?.find(({ manager }) => manager === 'ancient-changes');
    expect(Object.keys(ancient?.fieldsV1 ?? {})).toEqual(['f:f0', 'f:f1', 'f:f2', 'f:f3', 'f:f4']);
  });

  it('give what was there before the first apply to a manager of its own', () => {
    const application = { live: { a: 1, b: 1 }, empty: {}, stored: undefined, force: false };
    const { managedFields } = trackApply(write('one'), { ...application, config: { a: 1 } });
    expect(named(managedFields)).toEqual(['Apply one undefined', 'Update before-first-apply 00']);
  });

  it.each([
    ['an empty entry', [{}], undefined],
    ['an empty list', [], undefined],
    ['an entry that cannot be read', [{ manager: 'x' }], ['Update one 00']],
  ])('are cleared or kept: %s', (_, sent, expected) => {
    const stored = update('one', {}, { a: 1 }, { isCreate: true });
    const after = update('two', { a: 1 }, { a: 1 }, { stored, sent });
    expect(after === undefined ? undefined : named(after)).toEqual(expected);
  });
});
