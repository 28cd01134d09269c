/** Counts what happens and forgets it steadily: the level tells how often of late. Times in milliseconds on a clock that never goes back. */
export class LeakyLevel {
  readonly #most: number;
  readonly #forgetOneInMs: number;
  #level = 0;
  #at = 0;

  /** `most`: what is above it is not counted, so that the level falls soon after the last of many. */
  constructor(most: number, forgetOneInMs: number) {
    this.#most = most;
    this.#forgetOneInMs = forgetOneInMs;
  }

  note(now: number): void {
    this.#level = Math.min(this.at(now) + 1, this.#most);
  }

  at(now: number): number {
    const level = this.#level - (now - this.#at) / this.#forgetOneInMs;
    // What is left of rounding is nothing.
    this.#level = level < 1e-6 ? 0 : level;
    this.#at = now;
    return this.#level;
  }
}
