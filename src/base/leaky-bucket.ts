/**
 * Counts what happens and forgets it steadily. Its level tells how often something has happened of late; with `take` it allows so much at
 * once and then so much a second. Times in milliseconds on a clock that never goes back.
 */
export class LeakyBucket {
  readonly #most: number;
  readonly #perSecond: number;
  #level = 0;
  #at = 0;

  /** `most`: what is above it is not counted, so that the level falls soon after the last of many. */
  constructor(most: number, perSecond: number) {
    this.#most = most;
    this.#perSecond = perSecond;
  }

  /** What has happened and is not forgotten. */
  level(now: number): number {
    const level = this.#level - ((now - this.#at) / 1000) * this.#perSecond;
    // What is left of rounding is nothing.
    this.#level = level < ROUNDING ? 0 : level;
    this.#at = now;
    return this.#level;
  }

  note(now: number): void {
    this.#level = Math.min(this.level(now) + 1, this.#most);
  }

  /** Whether one more is allowed. */
  has(now: number): boolean {
    return this.level(now) + 1 <= this.#most + ROUNDING;
  }

  /** Notes one more if it is allowed; true when it was. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.note(now);
    return true;
  }

  /** How much of it is allowed, from 0 to 1. */
  share(now: number): number {
    return this.#most === 0 ? 0 : 1 - this.level(now) / this.#most;
  }
}

const ROUNDING = 1e-6;
