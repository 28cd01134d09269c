import type { Clock } from '../base/clock.ts';

/** Checks in which an answer may be missing; a process that was frozen makes one check of any time. */
const CHECKS = 5;

/**
 * Notices answers that never come. Brokers with a full queue for a client drop PUBACKs and SUBACKs too (mosquitto 2.0 beyond
 * `max_queued_messages` packets, and goes on answering pings), and what waits for them would wait for as long as the connection.
 */
export class AnswerWatch {
  readonly #clock: Clock;
  readonly #checkMs: number;
  /** What is to happen without an answer → the check at which it was asked for. In order of asking; bounded by the publish window and the pages in flight. */
  readonly #expected = new Map<() => void, number>();
  #checks = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#checkMs = timeoutMs / CHECKS;
  }

  /** Calls `onOverdue` once, unless the function that it returns is called before the time is over. */
  expect(onOverdue: () => void): () => void {
    const entry = (): void => onOverdue();
    this.#expected.set(entry, this.#checks);
    this.#cancel ??= this.#clock.after(this.#checkMs, () => this.#check());
    return () => this.#expected.delete(entry);
  }

  stop(): void {
    this.#expected.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #check(): void {
    this.#checks += 1;
    this.#cancel = undefined;
    for (const [entry, askedAt] of this.#expected) {
      if (this.#checks - askedAt <= CHECKS) break;
      this.#expected.delete(entry);
      entry();
    }
    if (this.#expected.size > 0) this.#cancel ??= this.#clock.after(this.#checkMs, () => this.#check());
  }
}
