import type { RefusedEntry } from './codec.ts';
import type { StoredEntry } from './store.ts';

export interface RefusalNews {
  /** To be rejected, for the first time at their revision. */
  readonly fresh: readonly (readonly [message: string, entry: RefusedEntry])[];
  /** No longer refused. */
  readonly gone: readonly string[];
}

/**
 * What the newest document has that this device's schema cannot read. Not stored: it is read again with the document after a restart
 * (decision 0028).
 */
export class Refusals {
  #entries: ReadonlyMap<string, RefusedEntry> = new Map();

  get(message: string): RefusedEntry | undefined {
    return this.#entries.get(message);
  }

  get names(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Like entries, refusals only go forward: an older document that comes again takes nothing back. */
  take(
    refused: Readonly<Record<string, RefusedEntry>>,
    entryOf: (message: string) => StoredEntry | undefined,
  ): RefusalNews {
    const before = this.#entries;
    const now = Object.entries(refused).filter(([message, entry]) => !isOvertaken(entry, entryOf(message)));
    this.#entries = new Map(now.map(([message, entry]) => [message, newerOf(entry, before.get(message))]));
    return {
      fresh: [...this.#entries].filter(([message, entry]) => !isSame(before.get(message), entry)),
      gone: [...before.keys()].filter((message) => !this.#entries.has(message)),
    };
  }
}

/** What the device has is of the same object, and as new. */
function isOvertaken({ uid, revision }: RefusedEntry, entry: StoredEntry | undefined): boolean {
  return entry?.uid === uid && entry.revision >= revision;
}

function newerOf(entry: RefusedEntry, told: RefusedEntry | undefined): RefusedEntry {
  return told?.uid === entry.uid && told.revision > entry.revision ? told : entry;
}

const isSame = (told: RefusedEntry | undefined, { uid, revision }: RefusedEntry): boolean =>
  told?.uid === uid && told.revision === revision;
