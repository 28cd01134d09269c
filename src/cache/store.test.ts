import { describe, expect, it } from '@jest/globals';
import { readApiJson } from '../api/exact-json.ts';
import { shorthand } from '../base/shorthand.ts';
import { Store } from './store.ts';

interface Thing {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly managedFields?: unknown;
    readonly annotations?: Record<string, string>;
  };
  readonly ids: readonly string[];
}

const thing = (resourceVersion: string, ids: readonly string[] = [], name = 'a', uid = `u-${name}`): Thing => ({
  metadata: { name, namespace: 'n', uid, resourceVersion },
  ids,
});
const newStore = () => new Store<Thing>({ indexes: { ids: ({ ids }) => ids } });
/** What the store makes of its packed text: it holds the object of its last change as it is. */
const unpacked = (store: Store<Thing>, key: string): Thing | undefined => {
  store.upsert(thing('1', [], 'another'));
  store.remove('n/another');
  return store.get(key);
};

describe('Store', () => {
  it.each([
    ['9', '10', 'updated'],
    ['10', '9', undefined],
    ['10', '10', undefined],
    ['18446744073709551615', '18446744073709551616', 'updated'],
  ])('holding version %s, takes version %s as %s', (held, next, change) => {
    const store = newStore();
    store.upsert(thing(held));
    expect(store.upsert(thing(next))).toBe(change);
  });

  it('finds by its index what was updated, by its old value or by a new one', () => {
    const store = newStore();
    store.upsert(thing('1', ['x']));
    store.upsert(thing('2', ['x']));
    expect(store.byIndex('ids', 'x')).toEqual(['n/a']);
    store.upsert(thing('3', ['y']));
    expect([store.byIndex('ids', 'x'), store.byIndex('ids', 'y')]).toEqual([[], ['n/a']]);
    store.remove('n/a');
    expect(store.byIndex('ids', 'y')).toEqual([]);
  });

  it.each([
    ['as it is', undefined],
    ['in shorthand', shorthand(['{"metadata":{"name":"', '","resourceVersion":"'])],
  ])('keeps every digit of what it is given, %s', (_how, short) => {
    const store = new Store<Thing>(short === undefined ? {} : { shorthand: short });
    const text =
      '{"metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"1"},"ids":[],"n":9007199254740993}';
    store.upsert(readApiJson(text) as Thing);
    expect(JSON.stringify(store.get('n/a'))).toBe(text);
    expect(JSON.stringify(unpacked(store, 'n/a'))).toBe(text);
  });

  it('unpacks an object once while it is asked for again and again, and never gives a former one', () => {
    const store = newStore();
    store.upsert(thing('1', ['x']));
    const first = unpacked(store, 'n/a');
    expect(first).toEqual(thing('1', ['x']));
    expect(store.get('n/a')).toBe(first);
    store.upsert(thing('2', ['y']));
    expect(store.get('n/a')).toEqual(thing('2', ['y']));
    store.replace(thing('1', ['x']));
    expect(store.get('n/a')).toEqual(thing('1', ['x']));
    store.remove('n/a');
    expect(store.get('n/a')).toBeUndefined();
  });

  it('lets a LIST go back in history', () => {
    const store = newStore();
    store.upsert(thing('10'));
    expect(store.replace(thing('3'))).toBe('updated');
    expect(store.facts('n/a')?.resourceVersion).toBe('3');
  });

  it('observes only what it holds under the same uid', () => {
    const store = newStore();
    expect(store.observe(thing('1'))).toBeUndefined();
    store.upsert(thing('1'));
    expect(store.observe(thing('2', [], 'a', 'another'))).toBeUndefined();
    expect(store.observe(thing('2'))).toBe('updated');
  });

  it('keeps neither managedFields nor the last-applied annotation', () => {
    const store = newStore();
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'yes' };
    const one = thing('1');
    store.upsert({ ...one, metadata: { ...one.metadata, managedFields: [{}], annotations } });
    const kept = { ...one.metadata, annotations: { mine: 'yes' } };
    expect(store.get('n/a')?.metadata).toEqual(kept);
    expect(unpacked(store, 'n/a')?.metadata).toEqual(kept);
  });

  it('finds one or several keys by index, and none that has gone', () => {
    const store = newStore();
    store.upsert(thing('1', ['x', 'x']));
    expect(store.byIndex('ids', 'x')).toEqual(['n/a']);
    store.upsert(thing('1', ['x'], 'b'));
    store.upsert(thing('1', ['x'], 'c'));
    expect([...store.byIndex('ids', 'x')].sort()).toEqual(['n/a', 'n/b', 'n/c']);
    store.remove('n/b');
    store.upsert(thing('2', ['y']));
    expect(store.byIndex('ids', 'x')).toEqual(['n/c']);
    store.remove('n/c');
    expect(store.byIndex('ids', 'x')).toEqual([]);
    expect(store.byIndex('ids', 'y')).toEqual(['n/a']);
  });

  it('counts the objects of each class through changes, replacements and removals', () => {
    const store = new Store<Thing>({ classOf: ({ ids }) => ids.join() });
    const counts = (): Record<string, number> => Object.fromEntries(store.classes());
    store.upsert(thing('1', ['x'], 'a'));
    store.upsert(thing('2', ['x'], 'b'));
    expect(counts()).toEqual({ x: 2 });
    store.observe(thing('3', ['y'], 'b'));
    store.upsert(thing('2', ['x'], 'b'));
    expect(counts()).toEqual({ x: 1, y: 1 });
    store.replace(thing('1', ['z'], 'b'));
    store.remove('n/a');
    store.remove('n/a');
    expect(counts()).toEqual({ z: 1 });
    store.upsert(thing('9', ['x'], 'a'));
    expect(counts()).toEqual({ x: 1, z: 1 });
  });
});
