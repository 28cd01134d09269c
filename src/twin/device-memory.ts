import type { DeviceKey, DeviceStatus } from '../api/device.ts';
import type { NamedRevisions } from '../document/compose.ts';
import { UNREAD, step } from './broker-copy.ts';
import type { BrokerCopy, CopyEffect, CopyEvent } from './broker-copy.ts';
import type { Flapping } from './flapping.ts';
import { recallPresence } from './presence.ts';
import type { Presence } from './presence.ts';
import { Inbox } from './inbox.ts';
import type { Holder } from './claims.ts';
import type { ReadWindow } from './read-window.ts';
import type { RevisionBudget } from './revision-budget.ts';
import { WritePace } from './write-pace.ts';
import type { WriteRefusal } from './write-refusal.ts';

/** `cleared`: its topics were, with its former object; `unwatched`: its object came while nobody led, and may have had a predecessor. */
export type StateGap = 'none' | 'cleared' | 'unwatched';

/**
 * All that the leader remembers of one device id, between the cluster's side and the device's. Lost without harm: everything here
 * is read again from the broker and the object's status.
 */
export class DeviceMemory {
  readonly deviceId: string;
  readonly inbox = new Inbox();
  #copy: BrokerCopy = UNREAD;
  #presence: Presence;
  readonly #onPresence: (memory: DeviceMemory) => void;
  /** Kept by the presenceWatch: the slot of the next look at the presence, and whether the device is counted as online. */
  lookSlot = Number.POSITIVE_INFINITY;
  isCounted = false;
  /** `sha256:…` of the schema that the device announced or sent; undefined: it has none, and its messages are plain JSON. */
  schemaHash: string | undefined;
  /** Namespace/name of the object that owns the id; undefined: none does any more, and the broker's copy is to be withdrawn. */
  owner: DeviceKey | undefined;
  ownerUid = '';
  /** Whose object the broker's document named, or ours named since; undefined: not known yet, or a stranger's. */
  holder: Holder | undefined;
  /** Why nothing may stand stored of a device that is connected; read or asked for, it is `none`. */
  stateGap: StateGap = 'none';
  /** The device has spoken while it had no object. */
  isHeardAway = false;
  /** Names of the messages that the owner desires. */
  desiredNames: readonly string[] = [];
  isDisabled = false;
  /** The state topic is read for the first time since the last connect: retained state is believed. */
  isBelieving = true;

  /** Since when (monotonic ms) what is desired waits for the schema; undefined: it does not. */
  schemaAwaitedSince: number | undefined;
  named: NamedRevisions = NOTHING_NAMED;
  /** The greatest revision of the owner's uid that anyone knows of; what is far above it is implausible. */
  seenRevision = 0;
  /** Undefined while the device has named no revision above it. */
  revisionBudget: RevisionBudget | undefined;
  /** Message names that a new session's birth announced and the twin has not been cut down to yet. */
  announced: readonly string[] | undefined;
  /**
   * Messages whose stored reports we cleared in this session. One that is seen stored again is cleared again; an empty live one is
   * our own, which not every broker keeps back. Bounded by the reports that were stored.
   */
  cleared: Set<string> | undefined;
  /** A status write is under way. */
  isWriting = false;
  /** Resource version of a status that came meanwhile: the echo of our write, or somebody else's. */
  strangeVersion: string | undefined;
  /** What the status was before somebody else wrote one; undefined: the one in the cache is ours. */
  trueStatus: DeviceStatus | undefined;
  /** The last write was answered with another status than it meant: the next one mends it. */
  isMending = false;
  /** Until then (monotonic ms) a published change may wait for the device's answer before Pending is worth a write. */
  settleUntil = 0;
  readonly pace = new WritePace();
  /** Present once the device has come or gone, until it has been calm for a while. */
  flapping: Flapping | undefined;
  /** Present from a status that the API server refused to the next that it took as a whole. */
  refusal: WriteRefusal | undefined;
  /** A heartbeat's turn has come to be written by itself. */
  isHeartbeatDue = false;
  /** Present while stored messages of the device may arrive. */
  window: ReadWindow | undefined;
  /** Retained report topics seen while the id has no object, to be cleared with it. */
  orphanedReports: Set<string> | undefined;
  /** How often they were cleared since the object went. */
  clearings = 0;

  constructor(
    deviceId: string,
    status: DeviceStatus | undefined,
    reading: number,
    onPresence: (memory: DeviceMemory) => void = () => undefined,
  ) {
    this.deviceId = deviceId;
    this.#onPresence = onPresence;
    this.#presence = recallPresence(status, reading);
    this.schemaHash = status?.schema?.hash;
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

  get presence(): Presence {
    return this.#presence;
  }

  /** Whoever sets it, the presenceWatch hears of it: nobody's silence is overlooked. */
  set presence(presence: Presence) {
    this.#presence = presence;
    this.#onPresence(this);
  }
}

export const NOTHING_NAMED: NamedRevisions = { birth: 0, reports: new Map(), reissued: new Set() };
