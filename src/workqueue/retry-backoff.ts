import { backoffMs, spread } from '../base/backoff.ts';

export interface BackoffOptions {
  /** Milliseconds before the first retry. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

const DEFAULTS: BackoffOptions = { baseMs: 5, maxMs: 60_000, random: Math.random };

/** How long a key that failed waits: doubling from `baseMs` to `maxMs`, with up to half of it taken off at random. */
export class RetryBackoff {
  readonly #options: BackoffOptions;
  /** Bounded by the keys whose last turn failed. */
  readonly #failures = new Map<string, number>();

  constructor(options: Partial<BackoffOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  nextMs(key: string): number {
    const { baseMs, maxMs, random } = this.#options;
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    return spread(backoffMs(failures, baseMs, maxMs), random);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }
}
