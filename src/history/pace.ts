import { backoffMs } from '../base/backoff.ts';
import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';

/** While others wait for the API server or the broker, histories have so little of it that nobody notices, and go on all the same. */
const PATIENCE_MS = 500;
const LOOK_AGAIN_MS = 25;
/** Changes that come one by one leave gaps in which nothing waits; a history written there would hold up the next one. */
const QUIET_MS = 250;
/** A CRD or a right that is missing was installed a moment ago, and is not known everywhere; or comes from a person. */
const UNAVAILABLE_MIN_MS = 5000;
const UNAVAILABLE_MAX_MS = 60_000;

/** When the next history may be read and written: the least urgent of all that the operator does. */
export class HistoryPace {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #isCalm: () => boolean;
  /** Monotonic milliseconds. */
  #nextAt = 0;
  #goesOnAt = 0;
  #quietAt = 0;
  /** Attempts that failed one after the other. */
  #failures = 0;

  constructor(clock: Clock, perSecond: number, isCalm: () => boolean) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#isCalm = isCalm;
  }

  /** Histories can be read and written, as far as is known. */
  get isAvailable(): boolean {
    return this.#failures === 0;
  }

  /** Resolves when it is time, or when `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#isDue()) await delay(this.#clock, this.#waitMs(), signal);
    const now = this.#clock.monotonic();
    this.#nextAt = now + 1000 / this.#perSecond;
    this.#goesOnAt = now + PATIENCE_MS;
  }

  /** Somebody has changed a device just now. */
  noteChange(): void {
    this.#quietAt = this.#clock.monotonic() + QUIET_MS;
  }

  /** True when that is news. */
  noteUnavailable(): boolean {
    this.#nextAt = this.#clock.monotonic() + backoffMs(this.#failures, UNAVAILABLE_MIN_MS, UNAVAILABLE_MAX_MS);
    this.#failures += 1;
    return this.#failures === 1;
  }

  noteAvailable(): void {
    this.#failures = 0;
  }

  #isDue(): boolean {
    const now = this.#clock.monotonic();
    if (now < this.#nextAt) return false;
    return now >= this.#goesOnAt || (now >= this.#quietAt && this.#isCalm());
  }

  #waitMs(): number {
    const ms = this.#nextAt - this.#clock.monotonic();
    return ms > 0 ? ms : LOOK_AGAIN_MS;
  }
}
