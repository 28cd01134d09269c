import type { Clock } from '../base/clock.ts';

/**
 * Counts the milliseconds in which the operator was connected and reading.
 *
 * It advances by ticks and never by more than a tick and a half at once: a process that was frozen for a minute wakes up with its
 * timers due and its socket unread, and must not take that minute for a minute of silence.
 */
export class ReadingClock {
  readonly #clock: Clock;
  readonly #tickMs: number;
  #reading = 0;
  #tickedAt: number;
  #isReading = false;

  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#tickedAt = clock.monotonic();
  }

  get reading(): number {
    return this.#reading;
  }

  /** Monotonic milliseconds up to which `reading` has counted. From here on it grows no faster than that clock. */
  get tickedAt(): number {
    return this.#tickedAt;
  }

  set isReading(isReading: boolean) {
    this.#isReading = isReading;
    this.#tickedAt = this.#clock.monotonic();
  }

  /** Advances to now; call it about every `tickMs`. */
  tick(): void {
    const now = this.#clock.monotonic();
    if (this.#isReading) this.#reading += Math.min(now - this.#tickedAt, this.#tickMs * 1.5);
    this.#tickedAt = now;
  }
}
