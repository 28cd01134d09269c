import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';

export interface RefusalsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What the broker refused of this device is to be tried again; false: there is nothing to try any more. */
  readonly retry: (deviceId: string) => boolean;
}

const FIRST_TRY_MS = 1000;
/** So long after its end a refusal that concerns everyone may go unnoticed. */
const LAST_TRY_MS = 4000;
/** What is refused of many for reasons of their own ends for each by itself, and is looked for at this pace. */
const EVERYONE_MS = 30_000;

/**
 * Device ids of which the broker refused something with a reason code. Whether that concerns one (its topic) or all (a quota, access
 * rules) no code says: so one of them is tried again early, in turn, and the first that is accepted wakes all.
 */
export class Refusals {
  readonly #deps: RefusalsDeps;
  readonly #signal: AbortSignal;
  /** In the order in which they are tried. Bounded by the number of devices. */
  readonly #waiting = new Set<string>();
  #delayMs = FIRST_TRY_MS;
  /** Monotonic milliseconds. */
  #triedEveryoneAt = 0;
  #cancel: (() => void) | undefined;

  constructor(deps: RefusalsDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.clear(), { once: true });
  }

  note(deviceId: string, reason: string): void {
    if (this.#waiting.size === 0) {
      this.#delayMs = FIRST_TRY_MS;
      this.#triedEveryoneAt = this.#deps.clock.monotonic();
      this.#deps.log.warn({ deviceId, reason }, 'the broker refuses what the operator asks for');
    }
    this.#waiting.delete(deviceId);
    this.#waiting.add(deviceId);
    this.#schedule();
  }

  /** The broker took what it had refused of this device, or of none: then this says nothing. */
  accepted(deviceId: string): void {
    if (!this.#waiting.delete(deviceId)) return;
    const others = [...this.#waiting];
    this.clear();
    this.#deps.log.info({ deviceId, others: others.length }, 'the broker takes again what it refused');
    for (const other of others) this.#deps.retry(other);
  }

  /** The connection is gone: after the next one everything is asked for again. */
  clear(): void {
    this.#waiting.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    if (this.#signal.aborted || this.#waiting.size === 0) return;
    this.#cancel ??= this.#deps.clock.after(this.#delayMs, () => {
      this.#cancel = undefined;
      this.#delayMs = Math.min(this.#delayMs * 2, LAST_TRY_MS);
      this.#try();
    });
  }

  #try(): void {
    const now = this.#deps.clock.monotonic();
    const isEveryonesTurn = now - this.#triedEveryoneAt >= EVERYONE_MS;
    if (isEveryonesTurn) this.#triedEveryoneAt = now;
    for (const deviceId of [...this.#waiting].slice(0, isEveryonesTurn ? undefined : 1)) {
      this.#waiting.delete(deviceId);
      if (this.#deps.retry(deviceId)) this.#waiting.add(deviceId);
    }
    this.#schedule();
  }
}
