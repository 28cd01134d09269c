import type { Clock } from '../base/clock.ts';

/** How many keys may be worked on at once: a span within which the number finds itself, or a number when both are the same. */
export interface ConcurrencyRange {
  readonly least: number;
  readonly most: number;
}

/**
 * How many requests may wait in the other side's line on our account. Three would keep it busy when it is alone with us; twice as many
 * hold our share where a busy broker and its devices have the same processors (half as many writes a second without, measured).
 */
const TOO_FEW_IN_LINE = 6;
const TOO_MANY_IN_LINE = 9;
/** The weight of one answer in the short-term latency: about the last ten count. */
const WEIGHT = 0.1;
/** The best latency is forgotten in so many answers, because objects and servers change. */
const BEST_OF_ANSWERS = 2000;
/** Nobody writes to a disk in less; an answer in no time must not make every other one look slow. */
const LEAST_MS = 0.5;
/** Above so many times its best latency the other side is busy with others' work, or with ours. */
const CROWDED = 4;
/** What was felt longer ago says nothing of now. */
const STALE_MS = 1000;

/**
 * The places at the work bench. Their number follows the latency of the other side's answers against its own best, as TCP Vegas does
 * for a network: of the requests in flight the share `1 - best / now` waits in line. One place more while few wait, one less when many
 * do; half as many when the other side says that it is overloaded. Where places are free, or nothing waits for one, the number stays.
 */
export class Concurrency {
  readonly #range: ConcurrencyRange;
  readonly #waiting: (() => void)[] = [];
  readonly #latency = new Latency();
  #places: number;
  #taken = 0;
  #answers = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;

  constructor(range: ConcurrencyRange, clock: Clock) {
    this.#range = range;
    this.#clock = clock;
    this.#places = range.least;
  }

  get count(): number {
    return this.#places;
  }

  get most(): number {
    return this.#range.most;
  }

  /** The other side is several times slower than it can be, as far as was felt a moment ago: what is not urgent had better wait. */
  get isCrowded(): boolean {
    return this.#latency.slowness >= CROWDED && this.#clock.monotonic() - this.#answeredAt < STALE_MS;
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

  /** An answer came after `latencyMs`, while `inFlight` keys were worked on and `backlog` waited. True when the number of places has changed. */
  noteAnswer(latencyMs: number, inFlight: number, backlog: number): boolean {
    this.#latency.note(latencyMs);
    this.#answeredAt = this.#clock.monotonic();
    this.#answers += 1;
    // As many answers as places tell of a latency with this number of places.
    if (this.#answers < this.#places) return false;
    this.#answers = 0;
    return this.#resize(inFlight, backlog);
  }

  halve(): void {
    this.#answers = 0;
    this.#places = Math.max(1, Math.floor(this.#places / 2));
  }

  #resize(inFlight: number, backlog: number): boolean {
    const before = this.#places;
    const { least, most } = this.#range;
    const inLine = inFlight * (1 - 1 / this.#latency.slowness);
    const hasRoom = inLine < TOO_FEW_IN_LINE && inFlight >= before && backlog > before;
    if (inLine > TOO_MANY_IN_LINE) this.#places = Math.max(least, before - 1);
    else if (before < least || hasRoom) this.#places = Math.min(most, before + 1);
    this.#admit();
    return this.#places !== before;
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
    while (this.#taken < this.#places && this.#waiting.length > 0) this.#waiting.shift()?.();
  }
}

/** How long answers take now, and at best. */
class Latency {
  #now = 0;
  #best = Number.POSITIVE_INFINITY;
  /** The best of the answers that are counted now; becomes the best when enough were. */
  #nextBest = Number.POSITIVE_INFINITY;
  #counted = 0;

  /** Times the best, at least 1. */
  get slowness(): number {
    return this.#counted === 0 && this.#now === 0 ? 1 : Math.max(1, this.#now / this.#best);
  }

  note(ms: number): void {
    this.#now = this.#now === 0 ? ms : this.#now + (ms - this.#now) * WEIGHT;
    this.#best = Math.min(this.#best, Math.max(ms, LEAST_MS));
    this.#nextBest = Math.min(this.#nextBest, Math.max(ms, LEAST_MS));
    this.#counted += 1;
    if (this.#counted < BEST_OF_ANSWERS) return;
    this.#best = this.#nextBest;
    this.#nextBest = Number.POSITIVE_INFINITY;
    this.#counted = 0;
  }
}
