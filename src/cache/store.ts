import { hasLongNumeral, readApiJson } from '../api/exact-json.ts';
import { LAST_APPLIED } from '../api/last-applied.ts';
import type { Cached, EntryFacts, Lister } from './lister.ts';
import type { Shorthand } from '../base/shorthand.ts';
import { Tally } from './tally.ts';

/** Index name → the values under which an object is found. */
export type IndexFunctions<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** What a change did to the store. */
export type StoreChange = 'added' | 'updated' | 'deleted';

interface Entry {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** The object as JSON, shortened: a sixth of what it costs as an object, and nothing for the garbage collector to walk. */
  readonly packed: string;
  /** There may be numbers in it that JSON.parse would change; found out once, because objects are unpacked often. */
  readonly hasLongNumeral: boolean;
  /** Values of the indexes, in their order; a single value of a single index as it stands, for arrays cost 100 bytes. */
  readonly indexed: Indexed;
  /** Its class, where the store counts classes. */
  readonly counted: ReturnType<Tally['add']> | undefined;
}

type Indexed = string | readonly (readonly string[])[];

export interface StoreOptions<T> {
  readonly indexes?: IndexFunctions<T>;
  /** Names the class of an object; classes should be few, because each costs a record. */
  readonly classOf?: (object: T) => string;
  readonly shorthand?: Shorthand;
}

/**
 * The objects of one kind by `namespace/name`, packed, with indexes; and how many there are of each class.
 */
export class Store<T extends Cached> implements Lister<T> {
  readonly #entries = new Map<string, Entry>();
  readonly #indexNames: readonly string[];
  readonly #indexFunctions: readonly ((object: T) => readonly string[])[];
  /** Per index: value → its key, or a Set of keys where there are several. Almost every value has one, and a Set costs 200 bytes. */
  readonly #indexes: readonly Map<string, string | Set<string>>[];
  readonly #classOf: ((object: T) => string) | undefined;
  readonly #classes = new Tally();
  readonly #shorthand: Shorthand | undefined;
  /** The object that was packed or unpacked last: who takes in a change asks for it again at once. */
  #last: { readonly entry: Entry; readonly object: T } | undefined;
  #hasSynced = false;

  constructor({ indexes = {}, classOf, shorthand }: StoreOptions<T> = {}) {
    this.#classOf = classOf;
    this.#shorthand = shorthand;
    this.#indexNames = Object.keys(indexes);
    this.#indexFunctions = Object.values(indexes);
    this.#indexes = this.#indexNames.map(() => new Map());
  }

  get size(): number {
    return this.#entries.size;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  markSynced(): void {
    this.#hasSynced = true;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#last?.entry !== entry) this.#last = { entry, object: this.#unpack(entry) };
    return this.#last.object;
  }

  /** What is held now, to be unpacked later, and once; undefined: nothing. */
  keep(key: string): (() => T) | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    let object: T | undefined;
    return () => (object ??= this.#unpack(entry));
  }

  #unpack({ packed, hasLongNumeral: isExact }: Entry): T {
    const json = this.#shorthand?.lengthen(packed) ?? packed;
    return (isExact ? readApiJson(json) : JSON.parse(json)) as T;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  facts(key: string): EntryFacts | undefined {
    return this.#entries.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** Class → how many objects belong to it; classes without an object are left out. Counted as objects change, not here. */
  classes(): IterableIterator<readonly [name: string, count: number]> {
    return this.#classes.counts();
  }

  byIndex(index: string, value: string): readonly string[] {
    const found = this.#indexes[this.#indexNames.indexOf(index)]?.get(value);
    if (found === undefined) return [];
    return typeof found === 'string' ? [found] : [...found];
  }

  /** Takes in what a watch says; undefined when it is not newer than what is held. */
  upsert(object: T): StoreChange | undefined {
    const before = this.#entries.get(keyOf(object));
    const { uid, resourceVersion } = object.metadata;
    if (before?.uid === uid && !isNewer(resourceVersion, before.resourceVersion)) return undefined;
    return this.replace(object);
  }

  /** Takes in what a LIST says, older or not: a cluster restored from a backup goes back. Undefined when nothing differs. */
  replace(object: T): StoreChange | undefined {
    const key = keyOf(object);
    const before = this.#entries.get(key);
    const { uid, resourceVersion } = object.metadata;
    if (before?.uid === uid && before.resourceVersion === resourceVersion) return undefined;
    this.#put(key, object, before);
    return before === undefined ? 'added' : 'updated';
  }

  /** Takes in the answer to a write of our own: only for an object that is held, so that none comes back from the dead. */
  observe(object: T): StoreChange | undefined {
    return this.#entries.get(keyOf(object))?.uid === object.metadata.uid ? this.upsert(object) : undefined;
  }

  remove(key: string): StoreChange | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#last?.entry === entry) this.#last = undefined;
    this.#forget(key, entry);
    this.#entries.delete(key);
    return 'deleted';
  }

  #put(key: string, object: T, before: Entry | undefined): void {
    const { uid, resourceVersion } = object.metadata;
    const generation = 'generation' in object.metadata ? Number(object.metadata.generation) : 0;
    const indexed = this.#indexed(object);
    const isIndexed = before !== undefined && isSame(before.indexed, indexed);
    if (before !== undefined) this.#forget(key, before, isIndexed);
    const kept = withoutServersOwn(object);
    const json = JSON.stringify(kept);
    const entry = {
      // Whoever remembers the object has this very text.
      uid: before?.uid === uid ? before.uid : uid,
      resourceVersion,
      generation,
      packed: this.#shorthand?.shorten(json) ?? json,
      hasLongNumeral: hasLongNumeral(json),
      indexed: isIndexed ? before.indexed : indexed,
      counted: this.#classOf === undefined ? undefined : this.#classes.add(this.#classOf(object)),
    };
    this.#entries.set(key, entry);
    this.#last = { entry, object: kept };
    if (isIndexed) return;
    for (const [at, values] of listed(indexed).entries()) {
      for (const value of values) this.#index(at, value, key);
    }
  }

  #indexed(object: T): Indexed {
    const indexed = this.#indexFunctions.map((index) => index(object));
    const [values] = indexed;
    return indexed.length === 1 && values?.length === 1 ? (values[0] ?? indexed) : indexed;
  }

  #index(at: number, value: string, key: string): void {
    const index = this.#indexes[at];
    const present = index?.get(value);
    if (present === undefined) index?.set(value, key);
    else if (present instanceof Set) present.add(key);
    else if (present !== key) index?.set(value, new Set([present, key]));
  }

  #forget(key: string, { indexed, counted }: Entry, isStillIndexed = false): void {
    if (counted !== undefined) this.#classes.remove(counted);
    if (isStillIndexed) return;
    for (const [at, values] of listed(indexed).entries()) {
      const index = this.#indexes[at];
      for (const value of values) {
        const present = index?.get(value);
        if (present === key) index?.delete(value);
        else if (present instanceof Set) {
          present.delete(key);
          const [last] = present;
          if (present.size === 1 && last !== undefined) index?.set(value, last);
        }
      }
    }
  }
}

const listed = (indexed: Indexed): readonly (readonly string[])[] =>
  typeof indexed === 'string' ? [[indexed]] : indexed;

/** Of several values it is not asked: few kinds have them. */
const isSame = (a: Indexed, b: Indexed): boolean => a === b && typeof a === 'string';

export function keyOf({ metadata: { namespace, name } }: Cached): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Without what only the API server and kubectl use, which is often half of an object. */
function withoutServersOwn<T extends Cached>(object: T): T {
  const { managedFields: _managedFields, annotations, ...metadata } = object.metadata as Metadata;
  const { [LAST_APPLIED]: _lastApplied, ...kept } = annotations ?? {};
  const hasAnnotations = Object.keys(kept).length > 0;
  return { ...object, metadata: { ...metadata, ...(hasAnnotations ? { annotations: kept } : {}) } };
}

type Metadata = Cached['metadata'] & {
  readonly managedFields?: unknown;
  readonly annotations?: Readonly<Record<string, string>>;
};

/**
 * Resource versions are integers of any length that grow, within one history of a cluster: Kubernetes promises it since 1.35 (KEP-5504),
 * and before it they were etcd's revisions, which do so too.
 */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
