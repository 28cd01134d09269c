import { backoffMs } from '../base/backoff.ts';
import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';

/**
 * The longest first pause, which doubles with each one in a row up to the longest of all. A server may ask for minutes, and be itself
 * again in a second; one request now and then finds out and burdens nobody.
 */
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 16_000;

/** So long after a pause in which nobody was refused again an overload is over, though nobody had anything to ask. */
const QUIET_MS = 16_000;

/**
 * What the API server asks of everyone when it is overloaded: a pause, after which one request goes ahead and the others wait for how it fares.
 * It ends when the server answers, or when nothing is heard of it for a while: what was to be written may not be wanted any more.
 */
export class Overload {
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  #cancelEnd: (() => void) | undefined;
  #pauses = 0;
  #until = 0;
  #hasProbe = false;
  readonly #waiting = new Set<() => void>();

  /** `onEnd` is told that an overload is over. */
  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** Pauses in a row; 0: all is well. */
  get pauses(): number {
    return this.#pauses;
  }

  /**
   * The server asks to be left alone for `askedMs`. Returns the milliseconds to wait. Answers to what was sent (monotonic ms) before the end
   * of a pause belong to it, however late they come.
   */
  pause(askedMs: number, sentAt: number): number {
    const now = this.#clock.monotonic();
    if (sentAt >= this.#until) {
      this.#pauses += 1;
      this.#until = now + Math.min(askedMs, backoffMs(this.#pauses - 1, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
      this.#planEnd(this.#until + QUIET_MS - now);
    }
    return this.#until - now;
  }

  /** The server has answered what was sent at `sentAt` (monotonic ms) as it does when all is well. */
  answered(sentAt: number): void {
    // Answers to what was sent before the pause say nothing, however late they come.
    if (this.#pauses > 0 && sentAt >= this.#until) this.#end();
  }

  /** Nobody waits any more, and nobody is told. */
  stop(): void {
    this.#cancelEnd?.();
  }

  #planEnd(afterMs: number): void {
    this.#cancelEnd?.();
    this.#cancelEnd = this.#clock.after(afterMs, () => {
      if (this.#hasProbe) this.#planEnd(QUIET_MS);
      else this.#end();
    });
  }

  #end(): void {
    this.#cancelEnd?.();
    this.#pauses = 0;
    this.#wake();
    this.#onEnd();
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
