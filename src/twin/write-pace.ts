import type { WriteClass } from './status-patch.ts';

/** Decisions and arrivals of one device that are written at once within an interval; one that flaps waits like the chatty. */
const BURST = 5;

/** A look at a twin is followed by so many times its own length of rest: no device takes more than a tenth of a core. */
const REST_FACTOR = 9;
/** A pause of the garbage collector in the middle of a look must not keep a device waiting for long. */
const MAX_REST_MS = 1000;

/**
 * How often one device may cause a look at its twin, and a status write. Looks: what they cost grows with the twin, which the device
 * fills, so each is followed by a rest in proportion. Values: one an interval, the first at once. What is more urgent: a few an
 * interval, so that a device which flaps cannot take the writes of all others. Times in monotonic milliseconds.
 */
export class WritePace {
  #reportedAt = Number.NEGATIVE_INFINITY;
  #intervalBeganAt = Number.NEGATIVE_INFINITY;
  #writes = 0;
  #restsUntil = Number.NEGATIVE_INFINITY;

  /** Milliseconds before the device may cause another look. */
  restMs(now: number): number {
    return Math.max(0, this.#restsUntil - now);
  }

  noteLook(startedAt: number, now: number): void {
    this.#restsUntil = Math.max(this.#restsUntil, now + Math.min(MAX_REST_MS, (now - startedAt) * REST_FACTOR));
  }

  waitMs(writeClass: WriteClass, now: number, intervalMs: number): number {
    switch (writeClass) {
      case 'heartbeat':
        return 0;
      case 'reported':
        return Math.max(0, this.#reportedAt + intervalMs - now);
      case 'online':
      case 'pending':
      case 'sync':
        return this.#writes < BURST ? 0 : Math.max(0, this.#intervalBeganAt + intervalMs - now);
    }
  }

  note(now: number, intervalMs: number, hasReported: boolean): void {
    if (hasReported) this.#reportedAt = now;
    if (now - this.#intervalBeganAt >= intervalMs) {
      this.#intervalBeganAt = now;
      this.#writes = 0;
    }
    this.#writes += 1;
  }
}
