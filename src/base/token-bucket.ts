/** So much at once, and then so much a second. Times in milliseconds on a clock that never goes back. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledAt: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /** True when there is a token. */
  has(now: number): boolean {
    return this.share(now) * this.#burst >= 1;
  }

  /** How full it is, from 0 to 1. */
  share(now: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    return this.#tokens / this.#burst;
  }

  /** True when there is a token, which is then gone. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.#tokens -= 1;
    return true;
  }
}
