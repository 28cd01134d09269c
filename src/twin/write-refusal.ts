import { backoffMs } from '../base/backoff.ts';

/** Milliseconds until a refused status is tried again as a whole, doubling up to the second. */
const FIRST_MS = 60_000;
const MOST_MS = 3_600_000;
/** A right that is missing, or a webhook's opinion: whoever mends it changes no device, and waits for them all (decision 0064). */
const MOST_FORBIDDEN_MS = 300_000;

/** What the next write may carry: all, only what never comes from reports, or nothing at all. */
export type WriteScope = 'whole' | 'essential' | 'nothing';

/**
 * A status that the API server does not take. The same write would be refused again and again, so what must not stand still (conditions,
 * online, generation) is written without what was reported, and the whole is tried again later, or at once when a person has changed
 * the object. Times in monotonic milliseconds.
 */
export class WriteRefusal {
  #message = '';
  #generation = -1;
  #refusals = 0;
  #isEssentialRefused = false;
  #until = Number.NEGATIVE_INFINITY;

  get message(): string {
    return this.#message;
  }

  scope(generation: number, now: number): WriteScope {
    if (generation !== this.#generation || now >= this.#until) return 'whole';
    return this.#isEssentialRefused ? 'nothing' : 'essential';
  }

  waitMs(now: number): number {
    return Math.max(0, this.#until - now);
  }

  note(
    { message, status }: { readonly message: string; readonly status: number },
    scope: WriteScope,
    generation: number,
    now: number,
  ): void {
    this.#isEssentialRefused = scope === 'essential';
    this.#message = message;
    this.#generation = generation;
    if (scope === 'essential') return;
    const mostMs = status === 403 ? MOST_FORBIDDEN_MS : MOST_MS;
    this.#until = now + backoffMs(this.#refusals, FIRST_MS, mostMs);
    this.#refusals += 1;
  }
}
