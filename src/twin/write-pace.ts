import type { WriteClass } from './status-patch.ts';

/** Decisions and arrivals of one device that are written at once within an interval; one that flaps waits like the chatty. */
const BURST = 5;

/**
 * How often one device may cause a status write. Values: one an interval, the first at once. What is more urgent: a few an
 * interval, so that a device which flaps cannot take the writes of all others. Times in monotonic milliseconds.
 */
export class WritePace {
  #reportedAt = Number.NEGATIVE_INFINITY;
  #intervalBeganAt = Number.NEGATIVE_INFINITY;
  #writes = 0;

  waitMs(writeClass: WriteClass, now: number, intervalMs: number): number {
    switch (writeClass) {
      case 'heartbeat':
        return 0;
      case 'reported':
        return Math.max(0, this.#reportedAt + intervalMs - now);
      case 'online':
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
