/** Read side of a cache that a reflector keeps equal to the API server. */

/** The metadata every cached object has. */
export interface Cached {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

/** What is known of an object without unpacking it. */
export interface EntryFacts {
  readonly uid: string;
  readonly resourceVersion: string;
  /** `metadata.generation`; 0 for kinds that have none. */
  readonly generation: number;
}

export interface Lister<T extends Cached> {
  /** The object under `namespace/name` (`name` alone when cluster-scoped), as it was taken in: nobody may change it. */
  get(key: string): T | undefined;
  has(key: string): boolean;
  facts(key: string): EntryFacts | undefined;
  keys(): IterableIterator<string>;
  readonly size: number;
  /** Keys of the objects whose index function named `value`, in no order. */
  byIndex(index: string, value: string): readonly string[];
  /** True once the first LIST is complete: absence means absence from then on. */
  readonly hasSynced: boolean;
}
