import { Misfit } from './misfit.ts';

/** Levels of messages within messages, on the way in and out; what is deeper is refused before the stack is. */
const MAX_DEPTH = 64;
/**
 * Characters that reading a message may add to what was sent: names of fields that have their default, and names of enum values. A list
 * of ten thousand empty messages is twenty kilobytes on the wire, and a schema may give each of them thousands of fields (decision 0030).
 */
const MAX_ADDED = 131_072;

/** One value on its way through its message: how deep it is, and how much has been added to it. */
export class Walk {
  /** Fields without presence that are not there are filled in. */
  readonly defaults: boolean;
  #depth = 1;
  #added = 0;

  constructor(defaults: boolean) {
    this.defaults = defaults;
  }

  /** Runs `step` one level deeper. Throws Misfit where there are too many. */
  within<T>(step: () => T): T {
    if (this.#depth >= MAX_DEPTH) throw Misfit.because(`nests deeper than ${MAX_DEPTH} levels`);
    this.#depth += 1;
    const found = step();
    this.#depth -= 1;
    return found;
  }

  /** Counts characters that nobody sent. Throws Misfit where they are too many. */
  add(characters: number): void {
    this.#added += characters;
    if (this.#added <= MAX_ADDED) return;
    throw Misfit.because(`grows by more than ${MAX_ADDED} characters of defaults and enum names; send fewer elements`);
  }
}
