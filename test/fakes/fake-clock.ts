import type { Clock } from '../../src/base/clock.ts';

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/** A clock that stands still until `advance`; wall clock and monotonic clock move together. */
export class FakeClock implements Clock {
  #elapsedMs = 0;
  readonly #startedAt: number;
  readonly #timers = new Set<Timer>();

  /** `startedAt` in milliseconds since the epoch. */
  constructor(startedAt = Date.UTC(2026, 0, 1)) {
    this.#startedAt = startedAt;
  }

  now(): number {
    return this.#startedAt + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueAt: this.#elapsedMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Time that a computation takes: it passes, and nothing falls due before the computation is over. */
  spend(ms: number): void {
    this.#elapsedMs += ms;
  }

  /** Fires what falls due within `ms`, in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms;
    await settle();
    for (let timer = this.#next(until); timer !== undefined; timer = this.#next(until)) {
      this.#timers.delete(timer);
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueAt);
      timer.callback();
      await settle();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, until);
    await settle();
  }

  #next(until: number): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= until && (earliest === undefined || timer.dueAt < earliest.dueAt)) earliest = timer;
    }
    return earliest;
  }
}

/** Lets everything that waits only for promises go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
