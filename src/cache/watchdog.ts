import type { Clock } from '../base/clock.ts';

/** Aborts its signal when it has not been fed for a while. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #controller = new AbortController();
  #fedAt: number;
  #cancel: () => void;

  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#fedAt = clock.monotonic();
    this.#cancel = clock.after(afterMs, () => this.#look());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  feed(): void {
    this.#fedAt = this.#clock.monotonic();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const leftMs = this.#afterMs - (this.#clock.monotonic() - this.#fedAt);
    if (leftMs <= 0) this.#controller.abort();
    else this.#cancel = this.#clock.after(leftMs, () => this.#look());
  }
}
