import type { Device, DeviceKey } from '../api/device.ts';
import { Breath } from '../base/breath.ts';
import type { Subscriber } from '../cache/informer.ts';
import type { Lister } from '../cache/lister.ts';
import type { Change } from '../cache/reflector.ts';
import { advanceCopy } from './advance-copy.ts';
import { namespaceOf } from './claims.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { Fleet } from './fleet.ts';
import { RefreshRequests } from './refresh-requests.ts';
import type { Wake } from './wake.ts';

interface ObjectIntakeDeps {
  readonly lister: Lister<Device>;
  readonly fleet: Fleet;
  readonly broker: { readonly connected: boolean };
  readonly wake: Wake;
}

/** Takes what the cluster says of objects into the memory of the device that they name, and wakes who has to look at it. */
export class ObjectIntake implements Subscriber<Device> {
  readonly #deps: ObjectIntakeDeps;
  readonly #signal: AbortSignal;
  readonly #refreshes = new RefreshRequests();

  /** `signal` ends what takes several turns of the event loop. */
  constructor(deps: ObjectIntakeDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  onChange(change: Change<Device>): void {
    const { kind, key, object, isGenerationMoved, source } = change;
    const { fleet, wake } = this.#deps;
    const { spec, metadata } = object;
    const { memory, isNewOwner, mustRead } = fleet.refresh(spec.deviceId);
    if (kind === 'deleted') this.#refreshes.forget(key);
    else this.#askAgain(key, object, kind === 'updated');
    if (memory === undefined) return this.#keepWaiting(key, spec.deviceId);
    if (change.isStatusMoved === true && key === memory.owner)
      memory.status.noteStrange({ formerStatus: change.formerly?.().status, version: metadata.resourceVersion });
    // In a cluster that was restored from a backup, the status has lost what the device has reported since.
    if (mustRead || source === 'list') this.#readAnew(memory);
    if (isGenerationMoved) {
      advanceCopy(memory, { kind: 'desiredChanged' }, wake);
      wake.changed(spec.deviceId);
    }
    this.#wakeStatus(isNewOwner ? fleet.claimants(spec.deviceId) : [key], memory, isGenerationMoved);
  }

  /** The answer to a write of our own may bring what somebody asked for a moment before. */
  onWritten(key: DeviceKey, object: Device): void {
    const memory = this.#deps.fleet.get(object.spec.deviceId);
    if (memory?.owner === key) memory.status.noteStatus(object.status);
    this.#askAgain(key, object, true);
  }

  /** A device that is away reports when it comes back. */
  #askAgain(key: DeviceKey, object: Device, isUpdate: boolean): void {
    if (!this.#refreshes.isNew(key, object, isUpdate)) return;
    const { fleet, wake } = this.#deps;
    const { deviceId } = object.spec;
    const memory = fleet.get(deviceId);
    if (memory?.owner === key && !memory.isDisabled) wake.ask(deviceId, 'reported');
  }

  /**
   * From now on absence means absence, and what waited for that goes on. Of many devices a few at a time, so that sockets are read and
   * the Lease is renewed meanwhile: who comes by then is looked at because it came, or once more here.
   */
  async onSynced(): Promise<void> {
    const { fleet, wake } = this.#deps;
    const breath = new Breath();
    for (const memory of fleet.all()) {
      wake.changed(memory.deviceId);
      this.#wakeStatus(fleet.claimants(memory.deviceId), memory, true);
      const turn = breath.due();
      if (turn !== undefined) await turn;
      if (this.#signal.aborted) return;
    }
  }

  /** A new connection: what the broker acknowledged on the former one it may have lost, and what was said meanwhile only it has. */
  onConnected(): void {
    const { fleet, wake } = this.#deps;
    for (const memory of fleet.all()) {
      memory.retained.believe();
      advanceCopy(memory, { kind: 'reconnected' }, wake);
    }
  }

  /** Looks again at whose the id is, with nothing changed in the cluster; true when it is another object's now, or nobody's. */
  refreshOwner(deviceId: string): boolean {
    const { fleet, wake } = this.#deps;
    const { memory, isNewOwner } = fleet.refresh(deviceId);
    const claimants = fleet.claimants(deviceId);
    if (memory === undefined) for (const key of claimants) this.#keepWaiting(key, deviceId);
    if (memory === undefined) return false;
    if (isNewOwner) this.#readAnew(memory);
    for (const key of claimants) wake.object(key, 'sync');
    return isNewOwner;
  }

  /** The id is kept for a namespace that has no object for it just now; or the object is gone, and what is remembered of it goes too. */
  #keepWaiting(key: DeviceKey, deviceId: string): void {
    const { lister, fleet, wake } = this.#deps;
    const waitMs = fleet.reservedMs(deviceId, namespaceOf(key));
    if (waitMs > 0 && lister.has(key)) wake.changed(deviceId, waitMs);
    wake.object(key, 'sync');
  }

  #readAnew(memory: DeviceMemory): void {
    advanceCopy(memory, { kind: 'outdated' }, this.#deps.wake);
  }

  /** The desired side wakes the owner's status itself when a change is published, or cannot be. */
  #wakeStatus(keys: readonly DeviceKey[], memory: DeviceMemory, isDesiredMoved: boolean): void {
    const { broker, wake } = this.#deps;
    const isLeftToDesired = isDesiredMoved && broker.connected;
    for (const key of keys) {
      if (isLeftToDesired && key === memory.owner) continue;
      wake.object(key, isDesiredMoved ? 'sync' : 'heartbeat');
    }
  }
}
