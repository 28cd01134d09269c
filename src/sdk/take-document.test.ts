import { describe, expect, it } from '@jest/globals';
import type { DesiredDocument } from '../protocol/envelopes.ts';
import type { Entries, StoredEntry } from './store.ts';
import { takeDocument } from './take-document.ts';
import { entry } from './testing/cloud.ts';

const A = 'a.A';
const B = 'b.B';

function document(messages: DesiredDocument['messages'], uid = 'u1', disabled = false): DesiredDocument {
  return { version: 1, owner: { cluster: 'c', namespace: 'n', name: 'd', uid }, disabled, messages };
}

const stored = (revision: number, value: StoredEntry['value'], more: Partial<StoredEntry> = {}): StoredEntry => ({
  uid: 'u1',
  revision,
  value,
  decision: 'applied',
  ...more,
});

describe('takeDocument', () => {
  const before: Entries = new Map([[A, stored(5, { x: 1 })]]);

  it.each([
    ['a name it has not', new Map(), document({ [A]: entry(1, { x: 1 }) }), { changed: [A] }],
    ['a greater revision', before, document({ [A]: entry(6, { x: 2 }) }), { changed: [A] }],
    ['the same revision', before, document({ [A]: entry(5, { x: 2 }) }), {}],
    ['a smaller revision', before, document({ [A]: entry(4, { x: 2 }) }), {}],
    ['a smaller revision of another object', before, document({ [A]: entry(1, { x: 2 }) }, 'u2'), { changed: [A] }],
    ['a greater revision of an equal value', before, document({ [A]: entry(6, { x: 1 }) }), { confirmed: [A] }],
    ['an equal value of another object', before, document({ [A]: entry(1, { x: 1 }) }, 'u2'), { confirmed: [A] }],
    ['no longer the name it has', before, document({ [B]: entry(1, {}) }), { changed: [B], withdrawn: [A] }],
    ['nothing at all', before, document({}), { withdrawn: [A] }],
    ['nothing because it is disabled', before, document({}, 'u1', true), {}],
  ])('given %s', (_, entries, given, expected) => {
    const taken = takeDocument(entries as Entries, given);
    const { changed, confirmed, withdrawn } = taken;
    expect({ changed, confirmed, withdrawn }).toEqual({ changed: [], confirmed: [], withdrawn: [], ...expected });
    const isUntouched = Object.keys(expected).length === 0;
    expect(taken.changes.size === 0).toBe(isUntouched);
  });

  it('keeps the decision on a value that is only confirmed, and forgets that on one that is changed', () => {
    const rejected = new Map([[A, stored(5, { x: 1 }, { decision: 'rejected', reason: 'no' })]]);
    const confirmed = takeDocument(rejected, document({ [A]: entry(6, { x: 1 }) })).changes.get(A);
    expect(confirmed).toEqual(stored(6, { x: 1 }, { decision: 'rejected', reason: 'no' }));
    const changed = takeDocument(rejected, document({ [A]: entry(6, { x: 2 }) })).changes.get(A);
    expect(changed).toEqual({ uid: 'u1', revision: 6, value: { x: 2 }, decision: 'accepted' });
  });
});
