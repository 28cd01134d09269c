import type { Clock } from '../../base/clock.ts';
import { delay } from '../../base/clock.ts';

/** Milliseconds of work that are owed before anybody rests; short enough to be nobody's trouble. */
const SLACK_MS = 20;

/**
 * Keeps the view to a share of the process's one thread, which the operator's own work needs first. Work is done in small pieces; each is
 * paid for with rest, unless the thread has had rest enough since.
 */
export class Share {
  readonly #clock: Clock;
  readonly #share: number;
  /** When all work done so far is paid for. */
  #paidAt = 0;

  /** `share`: the part of the time that work may take while there is always more of it, above 0 and below 1. */
  constructor(clock: Clock, share: number) {
    this.#clock = clock;
    this.#share = share;
  }

  /** Does a piece of work that waits for nothing. */
  work<T>(piece: () => T): T {
    const startedAt = this.#clock.monotonic();
    try {
      return piece();
    } finally {
      const now = this.#clock.monotonic();
      this.#paidAt = Math.max(this.#paidAt, startedAt) + (now - startedAt) / this.#share;
    }
  }

  /** Work that was done elsewhere: what a request costs before and after it is read. */
  charge(ms: number): void {
    this.#paidAt = Math.max(this.#paidAt, this.#clock.monotonic()) + ms / this.#share;
  }

  /** What to wait for before the next piece; undefined: nothing. */
  rest(signal: AbortSignal): Promise<void> | undefined {
    const owedMs = this.#paidAt - this.#clock.monotonic();
    return owedMs > SLACK_MS ? delay(this.#clock, owedMs, signal) : undefined;
  }
}
