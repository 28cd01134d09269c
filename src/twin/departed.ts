import type { Clock } from '../base/clock.ts';
import type { Presence } from '../presence/presence.ts';
import type { DeviceMemory } from './device-memory.ts';

interface Departure {
  /** The namespace whose object held the id, and may have it back until then (monotonic ms). */
  readonly namespace: string;
  readonly reservedUntil: number;
  /** What the device, connected when its object went, had said of itself; undefined: it has spoken since, and its words stand stored. */
  presence: Presence | undefined;
  readonly schemaHash: string | undefined;
}

/** Departures kept; the oldest goes first, and with it no more than the grace of its id. */
const MAX_DEPARTURES = 10_000;

/**
 * What outlives an object for the next one of its device id. A device does not notice that its object was deleted and made again: what
 * it said of itself is still true, though it stands nowhere any more. And its former namespace has the id back for a while, so that an
 * object which is replaced does not lose its device to someone who waited for that in another namespace.
 */
export class Departed {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #departures = new Map<string, Departure>();

  constructor(clock: Clock, graceMs: number) {
    this.#clock = clock;
    this.#graceMs = graceMs;
  }

  /** The object of the id is gone, and its topics are cleared. */
  note({ deviceId, holder, presence, schemaHash, isHeardAway }: DeviceMemory): void {
    if (holder === undefined) return;
    this.#departures.delete(deviceId);
    this.#departures.set(deviceId, {
      namespace: holder.namespace,
      reservedUntil: this.#clock.monotonic() + this.#graceMs,
      presence: presence.online && presence.hasBirth && !isHeardAway ? presence : undefined,
      schemaHash,
    });
    const [oldest] = this.#departures.keys();
    if (this.#departures.size > MAX_DEPARTURES && oldest !== undefined) this.#departures.delete(oldest);
  }

  /** The device has announced itself, or left, while nobody had an object for it. */
  heardAway(deviceId: string): void {
    const departure = this.#departures.get(deviceId);
    if (departure !== undefined) departure.presence = undefined;
  }

  /** The namespace that has the id back before all others; undefined: none has. */
  namespaceOf(deviceId: string): string | undefined {
    return this.reservedMs(deviceId) > 0 ? this.#departures.get(deviceId)?.namespace : undefined;
  }

  /** Milliseconds for which the id is kept for its former namespace. */
  reservedMs(deviceId: string): number {
    return Math.max(0, (this.#departures.get(deviceId)?.reservedUntil ?? 0) - this.#clock.monotonic());
  }

  /** Another object has come for the id. */
  take(deviceId: string): Departure | undefined {
    const departure = this.#departures.get(deviceId);
    this.#departures.delete(deviceId);
    return departure;
  }
}
