import type { Device, DeviceKey, DeviceStatus } from '../api/device.ts';
import type { Lister } from '../cache/lister.ts';
import { knownRevision } from '../document/compose.ts';
import { onReconnect } from '../presence/presence.ts';
import type { Presence } from '../presence/presence.ts';
import { DEVICE_ID_INDEX, ownerOfId } from './claims.ts';
import type { Holder } from './claims.ts';
import type { Departed } from './departed.ts';
import { DeviceMemory, NOBODY } from './device-memory.ts';
import type { Ownership, PresenceObserver } from './device-memory.ts';

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
  readonly #presence: PresenceObserver;
  readonly #departed: Departed;

  constructor(lister: Lister<Device>, presence: PresenceObserver, departed: Departed) {
    this.#lister = lister;
    this.#presence = presence;
    this.#departed = departed;
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
    const memory = new DeviceMemory(deviceId, status, this.#presence);
    this.#memories.set(deviceId, memory);
    return memory;
  }

  /** A memory for an id whose object has come: with what its device said to the one before, which nobody stored. */
  #welcome({ spec, status }: Device): DeviceMemory {
    const memory = this.#remember(spec.deviceId, status);
    memory.noteHolder(this.#reservation(spec.deviceId));
    const departure = this.#departed.take(spec.deviceId);
    if (departure !== undefined) memory.stateGap.noteCleared();
    // Its predecessor may have gone under a former leader, with what its device had stored; or that leader had no time to ask for it again.
    else if ((status?.observedGeneration ?? -1) < 0 || status?.session !== undefined) memory.stateGap.noteUnwatched();
    if (departure?.presence === undefined) return memory;
    memory.replacePresence(notYetHeard(onReconnect(departure.presence, this.#presence.reading)));
    memory.noteSchema(departure.schemaHash);
    return memory;
  }

  forget(deviceId: string): void {
    const memory = this.#memories.get(deviceId);
    if (memory !== undefined) this.#presence.forget(memory);
    this.#memories.delete(deviceId);
  }

  /** The object of the id is gone, and its topics are cleared: what may be needed for the next one is kept apart. */
  depart(memory: DeviceMemory): void {
    this.#departed.note(memory);
    this.forget(memory.deviceId);
  }

  /** A device without an object has announced itself, or left. */
  heardAway(deviceId: string): void {
    this.#departed.heardAway(deviceId);
    this.#memories.get(deviceId)?.noteHeardAway();
  }

  /** Milliseconds for which the id is kept for another namespace than `namespace`. */
  reservedMs(deviceId: string, namespace: string): number {
    return this.#departed.namespaceOf(deviceId) === namespace ? 0 : this.#departed.reservedMs(deviceId);
  }

  #holderOf(deviceId: string): Holder | undefined {
    const memory = this.#memories.get(deviceId);
    return memory === undefined ? this.#reservation(deviceId) : memory.holder;
  }

  #reservation(deviceId: string): Holder | undefined {
    const namespace = this.#departed.namespaceOf(deviceId);
    return namespace === undefined ? undefined : { namespace, uid: '' };
  }

  /** Every object that names the id, the owner or not. */
  claimants(deviceId: string): readonly DeviceKey[] {
    return this.#lister.byIndex(DEVICE_ID_INDEX, deviceId);
  }

  /** Brings the memory of `deviceId` up to date with the objects that name it. */
  refresh(deviceId: string): Refreshed {
    const owner = ownerOfId(this.#lister, deviceId, this.#holderOf(deviceId));
    const device = owner === undefined ? undefined : this.#lister.get(owner);
    const before = this.#memories.get(deviceId);
    if (before === undefined && device === undefined) return { memory: undefined, isNewOwner: false, mustRead: false };
    const memory = before ?? (device === undefined ? this.adopt(deviceId) : this.#welcome(device));
    const ownership = ownershipOf(owner, device);
    const isNewOwner = memory.ownerUid !== ownership.uid;
    if (isNewOwner && before !== undefined) {
      memory.stateGap.noteCleared();
      memory.replacePresence(notYetHeard(memory.presence));
    }
    const isEnabled = memory.isDisabled && !ownership.isDisabled;
    if (isEnabled || memory.owner === undefined) listenAnew(memory);
    memory.takeOwnership(ownership);
    if (device !== undefined) {
      memory.status.noteStatus(device.status);
      memory.revisions.noteKnown(Math.max(device.metadata.generation, knownRevision(device, undefined)));
    }
    if (isEnabled) memory.replacePresence(onReconnect(memory.presence, this.#presence.reading));
    return { memory, isNewOwner, mustRead: before === undefined || isNewOwner || isEnabled };
  }
}

function ownershipOf(owner: DeviceKey | undefined, device: Device | undefined): Ownership {
  if (device === undefined) return NOBODY;
  const { metadata, spec, properties } = device;
  const desiredNames = Object.keys(properties?.desired ?? {});
  return { key: owner, uid: metadata.uid, isDisabled: spec.disabled === true, desiredNames };
}

/** A twin shows no heartbeat that is older than itself. */
function notYetHeard(presence: Presence): Presence {
  return { ...presence, lastHeartbeat: undefined };
}

/** What was said while nobody listened is only in the retained state, and newer than what was heard before. */
function listenAnew({ retained }: DeviceMemory): void {
  retained.believe();
  retained.closeWindow();
}
