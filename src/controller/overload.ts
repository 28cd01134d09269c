import { backoffMs } from '../base/backoff.ts';
import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';

/**
 * The longest first pause, which doubles with each one in a row up to the longest of all. A server may ask for minutes, and be itself
 * again in a second; one request now and then finds out and burdens nobody.
 */
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 16_000;

/** What the API server asks of everyone when it is overloaded: a pause, after which one request goes ahead and the others wait for how it fares. */
export class Overload {
  readonly #clock: Clock;
  #pauses = 0;
  #until = 0;
  #hasProbe = false;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Pauses in a row; 0: all is well. */
  get pauses(): number {
    return this.#pauses;
  }

  /** The server asks to be left alone for `askedMs`. Returns the milliseconds to wait; several answers during one pause are one. */
  pause(askedMs: number): number {
    const now = this.#clock.monotonic();
    if (now >= this.#until) {
      this.#pauses += 1;
      this.#until = now + Math.min(askedMs, backoffMs(this.#pauses - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
    }
    return this.#until - now;
  }

  /** The server has done what it was asked. True when that ends an overload. */
  recover(): boolean {
    // Answers to what was sent before the pause say nothing.
    if (this.#pauses === 0 || this.#clock.monotonic() < this.#until) return false;
    this.#pauses = 0;
    this.#wake();
    return true;
  }

  /** Resolves when work may begin, or when `signal` aborts. True: this work is the probe, and `endProbe` must follow. */
  async enter(signal: AbortSignal): Promise<boolean> {
    while (this.#pauses > 0 && !signal.aborted) {
      const left = this.#until - this.#clock.monotonic();
      if (left > 0) await delay(this.#clock, left, signal);
      else if (this.#hasProbe) await this.#probeEnds(signal);
      else {
        this.#hasProbe = true;
        return true;
      }
    }
    return false;
  }

  endProbe(): void {
    this.#hasProbe = false;
    this.#wake();
  }

  #probeEnds(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
