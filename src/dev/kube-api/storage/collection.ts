/** All objects of one resource, in etcd's order, with a bounded memory of how they changed. */

/** One stored state of an object. Text, not a tree: a fifth of the memory, and lists and watches send it as it is. */
export interface Stored {
  readonly key: string;
  readonly revision: number;
  /** Begins with `{"apiVersion":…,"kind":…,"metadata":`. */
  readonly json: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  /** The new state; of a deleted object the last one, under the revision of its deletion. */
  readonly stored: Stored;
  readonly previous?: Stored;
}

export interface Watcher {
  next(change: Change): void;
  /** The collection was replaced or closed: nothing more will come. */
  end(): void;
}

export class Collection {
  readonly #historySize: number;
  readonly #items = new Map<string, Stored>();
  readonly #watchers = new Set<Watcher>();
  #keys: string[] = [];
  #history: Change[] = [];
  /** Changes up to and including this revision are forgotten. */
  #forgotten: number;

  constructor(historySize: number, revision: number) {
    this.#historySize = historySize;
    this.#forgotten = revision;
  }

  get size(): number {
    return this.#items.size;
  }

  get(key: string): Stored | undefined {
    return this.#items.get(key);
  }

  /** The earliest revision that can still be listed or watched from. */
  get oldestRevision(): number {
    return this.#forgotten;
  }

  apply(change: Change): void {
    const { key } = change.stored;
    if (change.type === 'DELETED') {
      this.#items.delete(key);
      this.#keys.splice(firstAtLeast(this.#keys, key), 1);
    } else {
      if (!this.#items.has(key)) this.#insertKey(key);
      this.#items.set(key, change.stored);
    }
    this.#remember(change);
    for (const watcher of this.#watchers) watcher.next(change);
  }

  /** Puts what was loaded or restored in place of everything; watches end and older revisions are gone. */
  replace(items: readonly Stored[], revision: number): void {
    this.#items.clear();
    for (const stored of items) this.#items.set(stored.key, stored);
    this.#keys = [...this.#items.keys()].sort(byCodeUnit);
    this.forget(revision);
    this.endWatches();
  }

  forget(revision: number): void {
    this.#history = [];
    this.#forgotten = revision;
  }

  endWatches(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher.end();
  }

  subscribe(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Changes after `revision`, oldest first; undefined when they are no longer all known. */
  changesSince(revision: number): readonly Change[] | undefined {
    if (revision < this.#forgotten) return undefined;
    return this.#history.slice(this.#firstChangeAfter(revision));
  }

  /** States under `prefix` that sort after `startAfter`, as they are now. */
  *range(prefix: string, startAfter: string): Generator<Stored> {
    const keys = this.#keys;
    for (let index = firstAtLeast(keys, startAfter > prefix ? startAfter : prefix); index < keys.length; index += 1) {
      const key = keys[index] ?? '';
      if (!key.startsWith(prefix)) return;
      const stored = key === startAfter ? undefined : this.#items.get(key);
      if (stored !== undefined) yield stored;
    }
  }

  /** The same as of an earlier revision, found by undoing what changed since; undefined when that is forgotten. */
  rangeAt(revision: number, prefix: string, startAfter: string): Iterable<Stored> | undefined {
    const since = this.changesSince(revision);
    if (since === undefined) return undefined;
    if (since.length === 0) return this.range(prefix, startAfter);
    const then = new Map<string, Stored | undefined>();
    for (const { stored, previous } of since.toReversed()) then.set(stored.key, previous);
    const unchanged = [...this.range(prefix, startAfter)].filter(({ key }) => !then.has(key));
    const undone = [...then.values()].filter((stored) => stored !== undefined);
    const inRange = undone.filter(({ key }) => key.startsWith(prefix) && key > startAfter);
    return [...unchanged, ...inRange].sort((a, b) => byCodeUnit(a.key, b.key));
  }

  #insertKey(key: string): void {
    const last = this.#keys.at(-1);
    if (last === undefined || key > last) this.#keys.push(key);
    else this.#keys.splice(firstAtLeast(this.#keys, key), 0, key);
  }

  #remember(change: Change): void {
    this.#history.push(change);
    // A quarter more than promised before anything moves, so that the cost of moving is spread.
    if (this.#history.length <= this.#historySize * 1.25) return;
    const dropped = this.#history.splice(0, this.#history.length - this.#historySize);
    this.#forgotten = dropped.at(-1)?.revision ?? this.#forgotten;
  }

  #firstChangeAfter(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#history[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function firstAtLeast(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
