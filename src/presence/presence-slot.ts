import { Flapping } from './flapping.ts';
import type { Presence } from './presence.ts';

/** Where the presence of one device is kept, with what follows from its changes. Times in monotonic milliseconds. */
export class PresenceSlot {
  #presence: Presence;
  #flapping: Flapping | undefined;
  #lookSlot: number | undefined;
  #isCounted = false;

  constructor(presence: Presence) {
    this.#presence = presence;
  }

  get presence(): Presence {
    return this.#presence;
  }

  /** Present once the device has come or gone, until it has been calm for a while. */
  get flapping(): Pick<Flapping, 'isFlapping' | 'waitMs' | 'calmInMs'> | undefined {
    return this.#flapping;
  }

  /** The slot of the next look at the presence; infinite: none is planned. */
  get lookSlot(): number {
    return this.#lookSlot ?? Number.POSITIVE_INFINITY;
  }

  /** The device is counted as online. */
  get isCounted(): boolean {
    return this.#isCounted;
  }

  replace(presence: Presence): void {
    this.#presence = presence;
  }

  /** The same, for what the device did: coming, going and starting anew too often is flapping. */
  change(presence: Presence, now: number): void {
    const before = this.#presence;
    this.#presence = presence;
    if (before.online === presence.online && before.session === presence.session) return;
    this.#flapping ??= new Flapping();
    this.#flapping.noteChange(now);
  }

  /** The presence has been written. */
  noteWrite(now: number): void {
    this.#flapping?.noteWrite(now);
  }

  calmDown(now: number): void {
    if (this.#flapping?.calmInMs(now) === 0) this.#flapping = undefined;
  }

  planLook(slot: number): void {
    this.#lookSlot = Number.isFinite(slot) ? slot : undefined;
  }

  count(isOnline: boolean): void {
    this.#isCounted = isOnline;
  }
}
