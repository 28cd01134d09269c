import { describe, expect, it } from '@jest/globals';
import type { Json } from '../kube-api/crd/types.ts';
import { afterApply, afterUpdate, ApplyConflictError, UnservedVersionError } from './owners.ts';
import type { Owners, Rules } from './owners.ts';
import { printPath } from './path-element.ts';
import { TYPE } from './testing/every-kind.ts';

const RULES: Rules = {
  apiVersion: 'v1',
  ignored: ['f:status'],
  typeOf(apiVersion) {
    if (apiVersion === 'v1' || apiVersion === 'v2') return TYPE;
    throw new UnservedVersionError(apiVersion);
  },
};

interface State {
  readonly object: Json;
  readonly owners: Owners;
}
const NOTHING: State = { object: {}, owners: new Map() };
const apply = ({ object, owners }: State, manager: string, spec: Json, force = false): State =>
  afterApply(object, { spec }, owners, manager, RULES, force);
const update = ({ object, owners }: State, manager: string, spec: Json): State => ({
  object: { spec },
  owners: afterUpdate(object, { spec }, owners, manager, RULES),
});
const specOf = ({ object }: State): Json => (object as { spec?: Json }).spec ?? null;
const ownedBy = ({ owners }: State, manager: string) => owners.get(manager)?.fields['f:spec'];
const conflictsOf = (act: () => unknown): string[] => {
  try {
    act();
  } catch (error) {
    if (error instanceof ApplyConflictError) {
      return error.conflicts.map(({ manager, path }) => `${manager} ${printPath(path)}`);
    }
    throw error;
  }
  return [];
};

describe('who applies', () => {
  it('owns what it says, and takes away what it says no more', () => {
    const both = apply(NOTHING, 'one', { a: '1', b: '2' });
    const one = apply(both, 'one', { a: '1' });
    expect(specOf(one)).toEqual({ a: '1' });
    expect(ownedBy(one, 'one')).toEqual({ 'f:a': {} });
  });

  it('leaves what another one owns too', () => {
    const shared = apply(apply(NOTHING, 'one', { a: '1' }), 'two', { a: '1' });
    const given = apply(shared, 'one', { b: 'x' });
    expect(specOf(given)).toEqual({ a: '1', b: 'x' });
    expect(specOf(apply(given, 'two', {}))).toEqual({ b: 'x' });
  });

  it('is refused what others own with another value, but by force', () => {
    const state = update(apply(NOTHING, 'one', { a: '1', parts: [{ name: 'x', size: 1 }] }), 'two', {
      a: '1',
      b: '2',
      parts: [{ name: 'x', size: 1 }],
    });
    const wanted = { a: 'z', b: 'z', parts: [{ name: 'x', size: 2 }] };
    expect(conflictsOf(() => apply(state, 'three', wanted))).toEqual([
      'one .spec.a',
      'one .spec.parts[name="x"].size',
      'two .spec.b',
    ]);
    const forced = apply(state, 'three', wanted, true);
    expect(specOf(forced)).toEqual(wanted);
    expect(forced.owners.has('two')).toBe(false);
    expect(ownedBy(forced, 'one')).toEqual({ 'f:parts': { 'k:{"name":"x"}': { '.': {}, 'f:name': {} } } });
  });

  it('is refused nothing where the values are equal', () => {
    const state = update(NOTHING, 'one', { a: '1' });
    expect(conflictsOf(() => apply(state, 'two', { a: '1' }))).toEqual([]);
  });

  it('does not touch what an update wrote beside it', () => {
    const state = update(apply(NOTHING, 'one', { map: { a: '1' } }), 'two', { map: { a: '1', b: '2' } });
    expect(specOf(apply(state, 'one', {}))).toEqual({ map: { b: '2' } });
  });

  it.each([
    [
      ['a', 'b', 'c'],
      ['c', 'x', 'a'],
      ['b', 'c', 'x', 'a'],
    ],
    [
      ['a', 'b'],
      ['b', 'a'],
      ['b', 'a'],
    ],
    [
      ['a', 'b', 'c'],
      ['n', 'b', 'm'],
      ['a', 'n', 'b', 'c', 'm'],
    ],
    [[], ['b', 'a'], ['b', 'a']],
    [
      ['a', 'b', 'c', 'd'],
      ['d', 'x', 'b'],
      ['a', 'c', 'd', 'x', 'b'],
    ],
  ])('has its items in its order: %j and %j are %j', (live, applied, expected) => {
    const state = update(NOTHING, 'one', { set: live });
    expect(specOf(apply(state, 'two', { set: applied }))).toEqual({ set: expected });
  });

  it('owns a whole as one', () => {
    const state = apply(NOTHING, 'one', { whole: { x: '1', y: '2' } });
    expect(ownedBy(state, 'one')).toEqual({ 'f:whole': {} });
    expect(conflictsOf(() => apply(state, 'two', { whole: { x: '1' } }))).toEqual(['one .spec.whole']);
    expect(specOf(apply(state, 'one', { whole: { x: '3' } }))).toEqual({ whole: { x: '3' } });
  });

  it('keeps its fields through another version', () => {
    const state = apply(NOTHING, 'one', { a: '1', b: '2' });
    const rules = { ...RULES, apiVersion: 'v2' };
    const { object, owners } = afterApply(state.object, { spec: { a: '1' } }, state.owners, 'one', rules, false);
    expect(object).toEqual({ spec: { a: '1' } });
    expect(owners.get('one')?.apiVersion).toBe('v2');
  });
});

describe('who updates', () => {
  it('owns what it changed, and nobody else does', () => {
    const state = update(apply(NOTHING, 'one', { a: '1', b: '2' }), 'two', { a: '1', b: '3' });
    expect(ownedBy(state, 'one')).toEqual({ 'f:a': {} });
    expect(ownedBy(state, 'two')).toEqual({ 'f:b': {} });
  });

  it('takes from all what it removes', () => {
    const state = update(apply(NOTHING, 'one', { a: '1', b: '2' }), 'two', { a: '1' });
    expect(ownedBy(state, 'one')).toEqual({ 'f:a': {} });
    expect(state.owners.has('two')).toBe(false);
  });

  it('owns containers that it makes, and nothing that its request does not write', () => {
    const owners = afterUpdate({}, { spec: { map: { a: '1' } }, status: { x: 1 } }, new Map(), 'one', RULES);
    expect(owners.get('one')?.fields).toEqual({ 'f:spec': { '.': {}, 'f:map': { '.': {}, 'f:a': {} } } });
  });

  it('finds fields of what has become a whole to be the whole', () => {
    const fields = { 'f:spec': { 'f:whole': { 'f:x': {} } } };
    const owners: Owners = new Map([['old', { fields, apiVersion: 'v1', isApplied: false }]]);
    const live = { spec: { whole: { x: '1' } } };
    const after = afterUpdate(live, { spec: { whole: { x: '1' }, a: '2' } }, owners, 'one', RULES);
    expect(after.get('old')?.fields).toEqual({ 'f:spec': { 'f:whole': {} } });
  });

  it('cannot tell whose the fields of a version are that is not served', () => {
    const owners: Owners = new Map([['old', { fields: { 'f:spec': {} }, apiVersion: 'v0', isApplied: false }]]);
    expect(() => afterUpdate({}, { spec: {} }, owners, 'one', RULES)).toThrow(UnservedVersionError);
  });
});
