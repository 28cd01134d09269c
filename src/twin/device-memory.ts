import type { DeviceKey, DeviceStatus } from '../api/device.ts';
import { UNREAD, step } from '../document/broker-copy.ts';
import type { BrokerCopy, CopyEffect, CopyEvent } from '../document/broker-copy.ts';
import type { Holder } from './claims.ts';
import { Inbox } from './inbox.ts';
import { recallPresence } from '../presence/presence.ts';
import type { Presence } from '../presence/presence.ts';
import { PresenceSlot } from '../presence/presence-slot.ts';
import { RetainedState } from './retained-state.ts';
import { Revisions } from './revisions.ts';
import { StateGap } from './state-gap.ts';
import { StatusMemory } from './status-memory.ts';
import { Withdrawal } from './withdrawal.ts';
import { WritePace } from './write-pace.ts';

/** The object that has the device id, as far as messages and documents are concerned. */
export interface Ownership {
  /** Namespace/name; undefined: no object has the id any more, and the broker's copy is to be withdrawn. */
  readonly key: DeviceKey | undefined;
  readonly uid: string;
  readonly isDisabled: boolean;
  /** Names of the messages that the object desires. */
  readonly desiredNames: readonly string[];
}

/** Who watches what presence becomes with time. */
export interface PresenceObserver {
  /** Milliseconds of reading the broker; see ReadingClock. */
  readonly reading: number;
  /** The presence of the device may have changed, or whether it is disabled. */
  note(memory: DeviceMemory): void;
  forget(memory: DeviceMemory): void;
}

export const NOBODY: Ownership = { key: undefined, uid: '', isDisabled: false, desiredNames: [] };

/**
 * All that the leader remembers of one device id, between the cluster's side and the device's, in slices that change only by their own
 * methods. Lost without harm: everything here is read again from the broker and the object's status.
 */
export class DeviceMemory {
  readonly deviceId: string;
  readonly inbox = new Inbox();
  readonly retained = new RetainedState();
  readonly stateGap = new StateGap();
  readonly revisions = new Revisions();
  readonly status = new StatusMemory();
  readonly writePace = new WritePace();
  readonly presenceSlot: PresenceSlot;
  readonly #observer: PresenceObserver | undefined;
  #copy: BrokerCopy = UNREAD;
  #ownership = NOBODY;
  #holder: Holder | undefined;
  #withdrawal: Withdrawal | undefined;
  #schemaHash: string | undefined;
  #isHeardAway = false;

  constructor(deviceId: string, status: DeviceStatus | undefined, observer?: PresenceObserver) {
    this.deviceId = deviceId;
    this.#observer = observer;
    this.presenceSlot = new PresenceSlot(recallPresence(status, observer?.reading ?? 0));
    this.#schemaHash = status?.schema?.hash;
  }

  get owner(): DeviceKey | undefined {
    return this.#ownership.key;
  }

  get ownerUid(): string {
    return this.#ownership.uid;
  }

  get isDisabled(): boolean {
    return this.#ownership.isDisabled;
  }

  get desiredNames(): readonly string[] {
    return this.#ownership.desiredNames;
  }

  /** Whose object the broker's document named, or ours named since; undefined: not known yet, or a stranger's. */
  get holder(): Holder | undefined {
    return this.#holder;
  }

  /** `sha256:…` of the schema that the device announced or sent; undefined: it has none, and its messages are plain JSON. */
  get schemaHash(): string | undefined {
    return this.#schemaHash;
  }

  /** The device has spoken while it had no object. */
  get isHeardAway(): boolean {
    return this.#isHeardAway;
  }

  /** Present while no object has the id. */
  get withdrawal(): Withdrawal | undefined {
    return this.#withdrawal;
  }

  get presence(): Presence {
    return this.presenceSlot.presence;
  }

  get copy(): BrokerCopy {
    return this.#copy;
  }

  /** The only way to change the copy; what it returns is to be carried out: call `advanceCopy` instead. */
  stepCopy(event: CopyEvent): readonly CopyEffect[] {
    const { copy, effects } = step(this.#copy, event);
    this.#copy = copy;
    return effects;
  }

  /** What happened to the device itself, at `now` (monotonic ms); whoever watches hears of it, so that nobody's silence is overlooked. */
  changePresence(presence: Presence, now: number): void {
    this.presenceSlot.change(presence, now);
    this.#observer?.note(this);
  }

  /** What is known of the device otherwise, and no doing of its own. */
  replacePresence(presence: Presence): void {
    this.presenceSlot.replace(presence);
    this.#observer?.note(this);
  }

  /** The id is this object's now. What is about another one goes; what the device itself said, and how often it may cause a write, stays true. */
  takeOwnership(ownership: Ownership): void {
    if (ownership.uid !== this.#ownership.uid) this.#forgetOwner();
    if (ownership.key === undefined) this.beginWithdrawal(this.#ownership.uid);
    else this.#isHeardAway = false;
    this.#ownership = ownership;
    this.#observer?.note(this);
  }

  #forgetOwner(): void {
    this.stepCopy({ kind: 'ownerChanged' });
    this.revisions.forgetOwner();
    this.status.forgetOwner();
    this.#withdrawal = undefined;
  }

  /** `goneUid`: of the object whose end is known. */
  beginWithdrawal(goneUid: string): void {
    this.#withdrawal ??= new Withdrawal();
    this.#withdrawal.noteGone(goneUid);
  }

  noteHolder(holder: Holder | undefined): void {
    this.#holder = holder;
  }

  noteSchema(hash: string | undefined): void {
    this.#schemaHash = hash;
  }

  noteHeardAway(): void {
    this.#isHeardAway = true;
  }
}
