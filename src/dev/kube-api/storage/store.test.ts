import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../kube-object.ts';
import { openJournal } from './journal.ts';
import { Store } from './store.ts';

const things = 'things.test.mir';

function thing(name: string, value = 0): KubeObject {
  return { apiVersion: 'test.mir/v1', kind: 'Thing', metadata: { name, namespace: 'x', uid: `uid-${name}` }, value };
}

const keys = (range: Iterable<{ key: string }> | undefined) =>
  range === undefined ? undefined : Array.from(range, ({ key }) => key);

describe('the store', () => {
  it('gives every change a revision of its own, and writes it into the object', () => {
    const store = new Store({ historySize: 10 });
    const first = store.put(things, thing('a'));
    const second = store.put('others', thing('b'));
    expect(second.revision).toBe(first.revision + 1);
    expect(store.get(things, 'x/a')?.metadata.resourceVersion).toBe(String(first.revision));
  });

  it('lists in the order of etcd, from any key, within a namespace', () => {
    const store = new Store({ historySize: 10 });
    for (const name of ['b', 'a', 'c-1', 'c', 'c.d']) store.put(things, thing(name));
    const { range } = { range: (prefix: string, after: string) => keys(store.collection(things).range(prefix, after)) };
    expect(range('x/', '')).toEqual(['x/a', 'x/b', 'x/c', 'x/c-1', 'x/c.d']);
    expect(range('x/', 'x/b')).toEqual(['x/c', 'x/c-1', 'x/c.d']);
    expect(range('y/', '')).toEqual([]);
  });

  it('lists as of an earlier revision: created, changed and deleted since are undone', () => {
    const store = new Store({ historySize: 10 });
    for (const name of ['a', 'b', 'c']) store.put(things, thing(name));
    const { revision } = store;
    store.put(things, thing('aa'));
    store.put(things, thing('b', 2));
    store.put(things, thing('b', 3));
    store.remove(things, thing('c'));
    const collection = store.collection(things);
    const then = Array.from(collection.rangeAt(revision, '', '') ?? [], ({ json }) => JSON.parse(json) as KubeObject);
    expect(then.map(({ metadata, value }) => [metadata.name, value])).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 0],
    ]);
    expect(keys(collection.rangeAt(revision, '', 'x/b'))).toEqual(['x/c']);
    expect(keys(collection.range('', ''))).toEqual(['x/a', 'x/aa', 'x/b']);
  });

  it('remembers a bounded number of changes, and says when one is too old', () => {
    const store = new Store({ historySize: 4 });
    const start = store.revision;
    for (let value = 0; value < 20; value += 1) store.put(things, thing('a', value));
    const collection = store.collection(things);
    expect(collection.changesSince(start)).toBeUndefined();
    expect(collection.changesSince(store.revision - 4)?.map(({ revision }) => revision)).toEqual([18, 19, 20, 21]);
    expect(collection.changesSince(collection.oldestRevision)?.length).toBeLessThanOrEqual(5);
    expect(collection.rangeAt(start, '', '')).toBeUndefined();
  });

  it('calls everything handed out too old once history is expired', () => {
    const store = new Store({ historySize: 10 });
    const { revision } = store.put(things, thing('a'));
    store.expireHistory();
    expect(store.collection(things).changesSince(revision)).toBeUndefined();
    expect(store.collection(things).changesSince(store.revision)).toEqual([]);
  });

  it('goes back to a snapshot under a later revision, ending every watch', () => {
    const store = new Store({ historySize: 10 });
    store.put(things, thing('a', 1));
    const snapshot = store.snapshot();
    const collection = store.collection(things);
    let ended = 0;
    collection.subscribe({ next: () => undefined, end: () => (ended += 1) });
    const late = store.put(things, thing('b')).revision;
    store.put(things, thing('a', 2));
    store.restore(snapshot, store.revision + 1);
    expect(ended).toBe(1);
    expect(store.get(things, 'x/a')?.['value']).toBe(1);
    expect(store.get(things, 'x/b')).toBeUndefined();
    expect(store.revision).toBeGreaterThan(late);
    expect(collection.changesSince(late)).toBeUndefined();
  });

  it('survives a restart with the same revisions and uids', () => {
    const directory = mkdtempSync(join(tmpdir(), 'kube-api-store-'));
    const before = new Store({ historySize: 10, journal: openJournal(directory) });
    before.put(things, { ...thing('a'), metadata: { ...thing('a').metadata, labels: { l: '1' } } });
    before.put(things, thing('b'));
    before.remove(things, thing('b'));
    const { revision } = before;
    const [kept] = [...before.collection(things).range('', '')];
    before.close();
    const after = new Store({ historySize: 10, journal: openJournal(directory) });
    expect(after.revision).toBe(revision);
    expect([...after.collection(things).range('', '')]).toEqual([kept]);
    expect(after.collection(things).changesSince(revision - 1)).toBeUndefined();
    after.close();
    rmSync(directory, { recursive: true });
  });
});
