/** What etcd is to a kube-apiserver: every object under one rising revision. Synchronous, so a read and a write cannot be torn apart. */
import { readApiJson } from '../../../api/exact-json.ts';
import { keyOf } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import { Collection } from './collection.ts';
import type { Stored } from './collection.ts';
import type { Entry, Journal } from './journal.ts';

/** Everything that is stored, at one moment. Opaque to its holder. */
export interface Snapshot {
  readonly revision: number;
  readonly entries: readonly Entry[];
}

export interface StoreOptions {
  /** Changes remembered for each resource. */
  readonly historySize: number;
  /** Absent: in memory only. */
  readonly journal?: Journal;
}

export class Store {
  readonly #historySize: number;
  readonly #journal: Journal | undefined;
  readonly #collections = new Map<string, Collection>();
  #revision = 1;

  constructor({ historySize, journal }: StoreOptions) {
    this.#historySize = historySize;
    this.#journal = journal;
    const loaded = journal?.load();
    if (loaded !== undefined) this.#replaceAll(loaded.entries, loaded.revision);
  }

  get revision(): number {
    return this.#revision;
  }

  collection(resource: string): Collection {
    const known = this.#collections.get(resource);
    if (known !== undefined) return known;
    const created = new Collection(this.#historySize, this.#revision);
    this.#collections.set(resource, created);
    return created;
  }

  get(resource: string, key: string): KubeObject | undefined {
    const stored = this.collection(resource).get(key);
    return stored === undefined ? undefined : parseStored(stored);
  }

  /** Stores a new state under a new revision, which is written into it. */
  put(resource: string, object: KubeObject): Stored {
    const collection = this.collection(resource);
    const revision = this.#revision + 1;
    const stored = serialize(object, revision);
    const previous = collection.get(stored.key);
    this.#journal?.put({ resource, ...stored });
    this.#revision = revision;
    collection.apply({
      type: previous === undefined ? 'ADDED' : 'MODIFIED',
      revision,
      stored,
      ...(previous === undefined ? {} : { previous }),
    });
    return stored;
  }

  /** Removes the object of this name; `last` is the state that watchers see go. */
  remove(resource: string, last: KubeObject): Stored {
    const collection = this.collection(resource);
    const revision = this.#revision + 1;
    const stored = serialize(last, revision);
    const previous = collection.get(stored.key);
    if (previous === undefined) return stored;
    this.#journal?.remove(resource, stored.key, revision);
    this.#revision = revision;
    collection.apply({ type: 'DELETED', revision, stored, previous });
    return stored;
  }

  snapshot(): Snapshot {
    const entries = [...this.#collections].flatMap(([resource, collection]) =>
      [...collection.range('', '')].map((stored) => ({ resource, ...stored })),
    );
    return { revision: this.#revision, entries };
  }

  /** Goes back to a snapshot's objects under `revision`; every watch ends, every earlier revision is gone. */
  restore({ entries }: Snapshot, revision: number): void {
    this.#journal?.replaceAll(entries, revision);
    this.#replaceAll(entries, revision);
  }

  /** Forgets how everything came to be: whatever revision was handed out before is too old now. */
  expireHistory(): void {
    this.#revision += 1;
    this.#journal?.advance(this.#revision);
    for (const collection of this.#collections.values()) collection.forget(this.#revision);
  }

  close(): void {
    for (const collection of this.#collections.values()) collection.endWatches();
    this.#journal?.close();
  }

  #replaceAll(entries: readonly Entry[], revision: number): void {
    this.#revision = revision;
    const byResource = Map.groupBy(entries, ({ resource }) => resource);
    for (const resource of byResource.keys()) this.collection(resource);
    for (const [resource, collection] of this.#collections) {
      const items = (byResource.get(resource) ?? []).map(({ key, json, revision }) => ({
        key,
        json,
        revision,
        labels: labelsOf(json),
      }));
      collection.replace(items, revision);
    }
  }
}

/** The object in a stored state: the caller's own copy. */
export function parseStored({ json }: Pick<Stored, 'json'>): KubeObject {
  return readApiJson(json) as KubeObject;
}

function serialize(object: KubeObject, revision: number): Stored {
  const { apiVersion, kind, metadata, ...rest } = object;
  const stamped = { ...metadata, resourceVersion: String(revision) };
  return {
    key: keyOf(metadata.namespace, metadata.name ?? ''),
    revision,
    json: JSON.stringify({ apiVersion, kind, metadata: stamped, ...rest }),
    labels: metadata.labels ?? {},
  };
}

function labelsOf(json: string): Record<string, string> {
  return parseStored({ json }).metadata.labels ?? {};
}
