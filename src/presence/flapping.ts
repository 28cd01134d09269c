import { LeakyBucket } from '../base/leaky-bucket.ts';

/** More than so many comings and goings above one in `CALM_MS` are flapping; it ends when none is left. */
const TOO_MANY = 10;
const CALM_MS = 5000;
/** How often the state of a device that flaps is written: whoever looks sees that it flaps, and no one can follow it (decision 0042). */
const WRITE_EVERY_MS = 10_000;

/** How often one device has come and gone of late. Times in monotonic milliseconds. */
export class Flapping {
  readonly #changes = new LeakyBucket(TOO_MANY + 1, 1000 / CALM_MS);
  #isFlapping = false;
  #writtenAt = Number.NEGATIVE_INFINITY;

  noteChange(now: number): void {
    this.#changes.note(now);
    if (this.#changes.level(now) > TOO_MANY) this.#isFlapping = true;
  }

  noteWrite(now: number): void {
    this.#writtenAt = now;
  }

  isFlapping(now: number): boolean {
    if (this.#changes.level(now) === 0) this.#isFlapping = false;
    return this.#isFlapping;
  }

  /** Milliseconds until its state may be written again; 0 for a device that does not flap. */
  waitMs(now: number): number {
    return this.isFlapping(now) ? Math.max(0, this.#writtenAt + WRITE_EVERY_MS - now) : 0;
  }

  /** Milliseconds after which nothing is left of its comings and goings if none follows. */
  calmInMs(now: number): number {
    return Math.ceil(this.#changes.level(now) * CALM_MS);
  }
}
