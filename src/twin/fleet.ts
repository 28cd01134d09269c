import type { Device, DeviceKey, DeviceStatus } from '../api/device.ts';
import type { Lister } from '../cache/lister.ts';
import { knownRevision } from '../downstream/compose.ts';
import { onReconnect } from '../liveness/presence.ts';
import type { Attendance } from './attendance.ts';
import { DEVICE_ID_INDEX, ownerOfId } from './claims.ts';
import { DeviceMemory, NOTHING_NAMED } from './device-memory.ts';

export interface Refreshed {
  readonly memory: DeviceMemory | undefined;
  /** The id went to another object, or to none: what was learnt for the former one says nothing. */
  readonly isNewOwner: boolean;
  /** The retained state of the device has to be read for this object: its reports, and what stands at the broker. */
  readonly mustRead: boolean;
}

/** The memories of all device ids, and who owns each id. Bounded by the objects in the cluster plus withdrawals under way. */
export class Fleet {
  readonly #memories = new Map<string, DeviceMemory>();
  readonly #lister: Lister<Device>;
  readonly #attendance: Attendance;

  constructor(lister: Lister<Device>, attendance: Attendance) {
    this.#lister = lister;
    this.#attendance = attendance;
  }

  get size(): number {
    return this.#memories.size;
  }

  get(deviceId: string): DeviceMemory | undefined {
    return this.#memories.get(deviceId);
  }

  all(): IterableIterator<DeviceMemory> {
    return this.#memories.values();
  }

  /** A memory for an id without an object, whose document is to be withdrawn. */
  adopt(deviceId: string): DeviceMemory {
    const known = this.#memories.get(deviceId);
    if (known !== undefined) return known;
    return this.#remember(deviceId, undefined);
  }

  #remember(deviceId: string, status: DeviceStatus | undefined): DeviceMemory {
    const attendance = this.#attendance;
    const memory = new DeviceMemory(deviceId, status, attendance.reading, (changed) => attendance.note(changed));
    this.#memories.set(deviceId, memory);
    return memory;
  }

  forget(deviceId: string): void {
    const memory = this.#memories.get(deviceId);
    if (memory !== undefined) this.#attendance.forget(memory);
    this.#memories.delete(deviceId);
  }

  /** Every object that names the id, the owner or not. */
  claimants(deviceId: string): readonly DeviceKey[] {
    return this.#lister.byIndex(DEVICE_ID_INDEX, deviceId);
  }

  /** Brings the memory of `deviceId` up to date with the objects that name it. */
  refresh(deviceId: string): Refreshed {
    const owner = ownerOfId(this.#lister, deviceId);
    const device = owner === undefined ? undefined : this.#lister.get(owner);
    const before = this.#memories.get(deviceId);
    if (before === undefined && device === undefined) return { memory: undefined, isNewOwner: false, mustRead: false };
    const memory = before ?? this.#remember(deviceId, device?.status);
    const isNewOwner = memory.ownerUid !== (device?.metadata.uid ?? '');
    if (isNewOwner) forgetOwner(memory);
    if (device === undefined) memory.orphanedReports ??= new Set();
    const isEnabled = memory.isDisabled && device?.spec.disabled !== true;
    if (isEnabled || memory.owner === undefined) listenAnew(memory);
    memory.owner = device === undefined ? undefined : owner;
    memory.ownerUid = device?.metadata.uid ?? '';
    if (device !== undefined) {
      memory.seenRevision = Math.max(memory.seenRevision, device.metadata.generation, knownRevision(device, undefined));
    }
    memory.isDisabled = device?.spec.disabled === true;
    if (isEnabled) memory.presence = onReconnect(memory.presence, this.#attendance.reading);
    else this.#attendance.note(memory);
    memory.desiredNames = Object.keys(device?.properties?.desired ?? {});
    return { memory, isNewOwner, mustRead: before === undefined || isNewOwner || isEnabled };
  }
}

/** What was said while nobody listened is only in the retained state, and newer than what was heard before. */
function listenAnew(memory: DeviceMemory): void {
  memory.isBelieving = true;
  memory.window = undefined;
}

/** What is about the object goes; what the device itself said, and how often it may cause a write, stays true for the next one. */
function forgetOwner(memory: DeviceMemory): void {
  memory.named = NOTHING_NAMED;
  memory.seenRevision = 0;
  memory.copy.expresses = undefined;
  memory.copy.problem = undefined;
  memory.copy.foreignOwner = undefined;
  memory.orphanedReports = undefined;
}
