import { isNewer } from './store.ts';
import type { EntryFacts } from './lister.ts';

/**
 * What writes of our own were answered with while a LIST is read. All pages of a LIST show one moment, and it takes seconds to read them:
 * these objects are newer than what it shows of them. The watch goes on from that moment, so an object that was set back to it would get our
 * own write as news, as if somebody else had made it (decision 0069). Bounded by the objects that are held.
 */
export class AnsweredMeanwhile {
  #keys: Set<string> | undefined;
  #newestKept: string | undefined;

  /** The newest version that the LIST was not let go back behind. */
  get newestKept(): string | undefined {
    return this.#newestKept;
  }

  begin(): void {
    this.#keys = new Set();
    this.#newestKept = undefined;
  }

  end(): void {
    this.#keys = undefined;
  }

  note(key: string): void {
    this.#keys?.add(key);
  }

  /** Whether what is held under `key` is kept, because it is newer than what the LIST shows under it. */
  keeps(key: string, held: EntryFacts | undefined, shown: Pick<EntryFacts, 'uid' | 'resourceVersion'>): boolean {
    if (held === undefined || held.uid !== shown.uid || this.#keys?.has(key) !== true) return false;
    if (!isNewer(held.resourceVersion, shown.resourceVersion)) return false;
    if (this.#newestKept === undefined || isNewer(held.resourceVersion, this.#newestKept))
      this.#newestKept = held.resourceVersion;
    return true;
  }
}
