import type { WriteClass } from './write-class.ts';

/** Decisions and arrivals of one device that are written at once within an interval; one that flaps waits like the chatty. */
const BURST = 5;

/** A look at a twin is followed by so many times its own length of rest: no device takes more than a tenth of a core. */
const REST_FACTOR = 9;
const MAX_REST_MS = 1000;
/** A look as short as this needs no rest: how many there are in a second, the gates bound. */
const SHORT_MS = 2;

/** The kinds of work that grow with the twin. */
export type LookKind = 'status' | 'desired' | 'answer';

/**
 * How often one device may cause a look at its twin, and a status write. Looks: what they cost grows with the twin, which the device
 * fills, so each is followed by a rest in proportion (decision 0031). Values: one an interval, the first at once. What is more urgent: a few an
 * interval, so that a device which flaps cannot take the writes of all others. Times in monotonic milliseconds.
 */
export class WritePace {
  // Undefined, not infinite, until they are needed: a field that holds a fraction costs 16 bytes more, in each of a fleet.
  #reportedAt: number | undefined;
  #intervalBeganAt: number | undefined;
  #writes = 0;
  #restsUntil: number | undefined;
  /** Milliseconds of the last look of each kind, where it was a long one: most twins never have any. */
  #longLooks: Map<LookKind, number> | undefined;

  /** Milliseconds before the device may cause another look. */
  restMs(now: number): number {
    return Math.max(0, (this.#restsUntil ?? now) - now);
  }

  /** One long look is chance (the garbage collector, a busy machine); two of a kind in a row are the twin. */
  noteLook(kind: LookKind, startedAt: number, now: number): void {
    const tookMs = now - startedAt;
    const beforeMs = this.#longLooks?.get(kind) ?? 0;
    if (tookMs < SHORT_MS) this.#longLooks?.delete(kind);
    else (this.#longLooks ??= new Map()).set(kind, tookMs);
    const restMs = Math.min(MAX_REST_MS, Math.min(tookMs, beforeMs) * REST_FACTOR);
    if (restMs > 0) this.#restsUntil = Math.max(this.#restsUntil ?? now, now + restMs);
  }

  waitMs(writeClass: WriteClass, now: number, intervalMs: number): number {
    switch (writeClass) {
      case 'heartbeat':
        return 0;
      case 'reported':
        return leftOf(this.#reportedAt, intervalMs, now);
      case 'online':
      case 'pending':
      case 'sync':
        return this.#writes < BURST ? 0 : leftOf(this.#intervalBeganAt, intervalMs, now);
    }
  }

  note(now: number, intervalMs: number, hasReported: boolean): void {
    if (hasReported) this.#reportedAt = now;
    if (leftOf(this.#intervalBeganAt, intervalMs, now) === 0) {
      this.#intervalBeganAt = now;
      this.#writes = 0;
    }
    this.#writes += 1;
  }
}

/** Milliseconds of the interval that are left; none of one that never began. */
const leftOf = (beganAt: number | undefined, intervalMs: number, now: number): number =>
  beganAt === undefined ? 0 : Math.max(0, beganAt + intervalMs - now);
