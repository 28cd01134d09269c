/** How many keys may be worked on at once: a number, or a span within which the number finds itself. */
export interface ConcurrencyRange {
  readonly least: number;
  readonly most: number;
}

/** So many turns must end well, for each place there is, before there is one more. */
const TURNS_A_PLACE = 16;

/**
 * The places at the work bench. One more whenever the work goes well and more waits than is under way; half as many at once when
 * the other side says that it is overloaded. Without a backlog the number stays, because it would show nothing.
 */
export class Concurrency {
  readonly #range: ConcurrencyRange;
  readonly #waiting: (() => void)[] = [];
  #places: number;
  #taken = 0;
  #wentWell = 0;

  constructor(range: ConcurrencyRange) {
    this.#range = range;
    this.#places = range.least;
  }

  get count(): number {
    return this.#places;
  }

  /** Resolves when there is a place, or when `signal` aborts: everyone is let go then. Each one must `leave`. */
  enter(signal: AbortSignal): Promise<void> {
    if (this.#taken >= this.#places && !signal.aborted) return this.#turnOf(signal);
    this.#taken += 1;
    return Promise.resolve();
  }

  leave(): void {
    this.#taken -= 1;
    this.#admit();
  }

  /** True when that made one more place. */
  noteSuccess(backlog: number): boolean {
    if (backlog <= this.#places || this.#places >= this.#range.most) return false;
    this.#wentWell += 1;
    if (this.#wentWell < TURNS_A_PLACE * this.#places) return false;
    this.#wentWell = 0;
    this.#places += 1;
    this.#admit();
    return true;
  }

  halve(): void {
    this.#wentWell = 0;
    this.#places = Math.max(1, Math.floor(this.#places / 2));
  }

  #turnOf(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const admit = (): void => {
        signal.removeEventListener('abort', admit);
        this.#taken += 1;
        resolve();
      };
      signal.addEventListener('abort', admit, { once: true });
      this.#waiting.push(admit);
    });
  }

  #admit(): void {
    if (this.#taken < this.#places) this.#waiting.shift()?.();
  }
}
