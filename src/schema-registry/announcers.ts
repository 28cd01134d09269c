import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { Wake } from '../twin/wake.ts';

/** The devices, as those who announce schemas and can be asked for them. */
export class Announcers {
  readonly #fleet: Fleet;
  readonly #wake: Wake;

  constructor(fleet: Fleet, wake: Wake) {
    this.#fleet = fleet;
    this.#wake = wake;
  }

  isKnown(deviceId: string): boolean {
    return this.#fleet.get(deviceId) !== undefined;
  }

  /** The device, there or not, announced `hash` last. */
  announces(deviceId: string, hash: string): boolean {
    return this.#fleet.get(deviceId)?.schemaHash === hash;
  }

  /** The device is there to be asked, and still announces `hash`. */
  canAsk(deviceId: string, hash: string): boolean {
    const memory = this.#fleet.get(deviceId);
    return memory?.owner !== undefined && !memory.isDisabled && memory.presence.online && memory.schemaHash === hash;
  }

  ask(deviceId: string): void {
    this.#wake.ask(deviceId, 'schema');
  }

  *of(hash: string): Generator<DeviceMemory> {
    for (const memory of this.#fleet.all()) if (memory.schemaHash === hash) yield memory;
  }

  /** Those that announced any schema. */
  *all(): Generator<DeviceMemory> {
    for (const memory of this.#fleet.all()) if (memory.schemaHash !== undefined) yield memory;
  }
}
