import { Buffer } from 'node:buffer';
import type { Device } from '../api/device.ts';
import type { Lister } from '../cache/lister.ts';
import type { Clock } from '../base/clock.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import { checkDesired } from '../document/check-desired.ts';
import { composeDocument } from '../document/compose.ts';
import type { Composed } from '../document/compose.ts';
import type { Wire } from '../document/encode.ts';
import { isOurs, mayReplace } from '../document/ownership.ts';
import type { Realm } from '../document/ownership.ts';
import { LeakyLevel } from '../base/leaky-level.ts';
import type { Logger } from '../base/log.ts';
import { BrokerError } from '../mqtt/broker.ts';
import type { Broker } from '../mqtt/broker.ts';
import { parseStanding } from '../document/standing.ts';
import type { StandingDocument } from '../document/standing.ts';
import type { ProtocolLimits } from '../protocol/envelopes.ts';
import type { Topics } from '../protocol/topics.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import type { BrokerCopy, PublishProblem } from '../twin/broker-copy.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { Refusals } from './refusals.ts';
import type { IsReservedId } from '../twin/reserved-ids.ts';
import { schemaOf } from '../twin/schema-state.ts';
import type { Typing } from '../twin/schema-state.ts';
import type { Wake } from '../twin/wake.ts';

export interface DesiredDeps {
  readonly lister: Lister<Device>;
  readonly fleet: Fleet;
  readonly broker: Broker;
  readonly topics: Topics;
  readonly realm: Realm;
  readonly limits: ProtocolLimits & { readonly maxMessages: number };
  /** Milliseconds a published change may wait for the device's answer before Pending is worth a write. */
  readonly settleMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly wake: Wake;
  readonly isReserved: IsReservedId;
  readonly typingOf: (memory: DeviceMemory) => Typing;
  /** Looks again at whose the id is; true when it is another object's now, or nobody's: they are woken. */
  readonly refresh: (deviceId: string) => boolean;
  readonly refusals: Pick<Refusals, 'note' | 'accepted'>;
  readonly onPublished: (durationMs: number) => void;
  readonly onPublishError: (kind: string) => void;
  readonly onWithdrawn: (topics: number) => void;
}

/** A device that goes on storing reports keeps its id's document for so many pages, and no longer. */
const MOST_CLEARINGS = 3;
/** What the broker cannot take because of its size is tried again this much later; its limit may have been raised. */
const TOO_LARGE_RETRY_MS = 30_000;

const EXHAUSTED: PublishProblem = {
  reason: 'RevisionsExhausted',
  message:
    'no revision is left for this object that its device would take; delete it and create it again, they begin anew then',
};

/** How long a schema may be on its way before that is worth telling, and before it is looked for again. */
const SCHEMA_RETRY_MS = 2000;
const RESERVED: PublishProblem = {
  reason: 'ReservedDeviceId',
  message:
    'the operator itself is known by this id at the broker: no device may have it; delete the object and choose another id',
};
const SCHEMA_AWAITED: PublishProblem = {
  reason: 'SchemaPending',
  message: 'the device announced a schema that is not here yet; the change is sent when it has been checked against it',
};

/** So many documents at once, and as many a second, are single changes. Above it somebody rolls something out, until a second after the last. */
const SINGLE_CHANGES = 16;
/** How long Pending is not worth a write during a roll-out: the API server's capacity is for whoever makes it, and most devices have answered by then. */
const BULK_SETTLE_MS = 2000;

/**
 * Makes the broker's copy of one device's document what the cluster says: publishes what differs, withdraws what has no object.
 * Level-triggered, keyed by device id; nothing is done before a page has shown what the broker holds.
 */
export class DesiredReconciler {
  readonly #deps: DesiredDeps;
  readonly #published = new LeakyLevel(2 * SINGLE_CHANGES, 1000 / SINGLE_CHANGES);
  /** Since when (monotonic ms) what is desired waits for the schema. */
  readonly #schemaAwaitedSince = new WeakMap<DeviceMemory, number>();
  #publishing = 0;

  constructor(deps: DesiredDeps) {
    this.#deps = deps;
  }

  /** Documents that wait for the broker's answer. */
  get publishing(): number {
    return this.#publishing;
  }

  /** Documents go out faster than single changes do, or did a second ago. */
  get isRollingOut(): boolean {
    return this.#published.at(this.#deps.clock.monotonic()) > SINGLE_CHANGES;
  }

  async reconcile(deviceId: string): Promise<Outcome> {
    const { fleet, lister, broker, clock } = this.#deps;
    const startedAt = clock.monotonic();
    const memory = fleet.get(deviceId);
    // The end of the page, of the LIST and of an outage each wake everyone they concern.
    if (memory === undefined) this.#deps.refresh(deviceId);
    if (memory === undefined || !memory.copy.isRead || !lister.hasSynced || !broker.connected) return DONE;
    const typing = this.#deps.typingOf(memory);
    const copy = this.#parseCopy(memory.copy, typing);
    if (this.#learnHolder(memory, copy)) return DONE;
    const device = memory.owner === undefined ? undefined : lister.get(memory.owner);
    memory.pace.noteLook('desired', startedAt, clock.monotonic());
    if (device === undefined) return this.#withdraw(memory, copy);
    if (this.#deps.isReserved(deviceId)) return this.#hold(memory, RESERVED);
    return this.#claim(memory, copy) ? this.#bring(memory, device, copy, typing) : DONE;
  }

  /** What stands at the broker when it is first read says whose the id is, better than the age of objects. True: not who we thought. */
  #learnHolder(memory: DeviceMemory, copy: StandingDocument | undefined): boolean {
    if (memory.holder !== undefined) return false;
    const holder = copy !== undefined && isOurs(copy.owner, this.#deps.realm) ? copy.owner : undefined;
    if (holder !== undefined) memory.noteHolder({ namespace: holder.namespace, uid: holder.uid });
    const isUndisputed = this.#deps.fleet.claimants(memory.deviceId).length < 2;
    if (isUndisputed && (holder === undefined || holder.uid === memory.ownerUid)) return false;
    return this.#deps.refresh(memory.deviceId);
  }

  #parseCopy({ standing }: BrokerCopy, typing: Typing): StandingDocument | undefined {
    if (standing === undefined) return undefined;
    const limits = { ...this.#deps.limits, maxPayloadBytes: Number.POSITIVE_INFINITY };
    return parseStanding(Buffer.from(standing.payload, 'latin1'), limits, schemaOf(typing));
  }

  /** False when the document belongs to someone else's object: it is left alone, and the status says so. */
  #claim(memory: DeviceMemory, copy: StandingDocument | undefined): boolean {
    const foreign = copy === undefined || mayReplace(copy.owner, this.#deps.realm) ? undefined : copy.owner;
    const { conclusion } = memory.copy;
    const isKnown = conclusion?.kind === 'foreign' && conclusion.owner.uid === foreign?.uid;
    if (foreign !== undefined && !isKnown) {
      this.#deps.log.warn(
        { deviceId: memory.deviceId, owner: foreign },
        'the document at the broker belongs to an object of someone else',
      );
    }
    advanceCopy(memory, { kind: 'claimed', foreign }, this.#deps.wake);
    return foreign === undefined;
  }

  async #bring(
    memory: DeviceMemory,
    device: Device,
    copy: StandingDocument | undefined,
    typing: Typing,
  ): Promise<Outcome> {
    const { clock, realm } = this.#deps;
    memory.noteHolder({ namespace: device.metadata.namespace, uid: device.metadata.uid });
    if (typing.kind === 'pending') return this.#awaitSchema(memory, device, typing.problem);
    this.#schemaAwaitedSince.delete(memory);
    const wire = { encoding: memory.presence.encoding, schema: schemaOf(typing) };
    const unsendable = findUnwritable(device, wire, typing);
    if (unsendable !== undefined) return this.#hold(memory, unsendable);
    const desired = checkDesired(device.properties?.desired ?? {}, wire.schema, this.#deps.limits.maxNesting);
    const input = {
      device,
      desired,
      wire,
      copy,
      cluster: realm.cluster,
      named: memory.revisions.named,
      now: clock.now(),
    };
    const composed = composeDocument(input);
    const problem = this.#findProblem(memory, composed);
    if (problem !== undefined) return this.#hold(memory, problem);
    if (composed.payload.toString('latin1') !== memory.copy.standing?.payload) {
      const outcome = await this.#publish(memory, composed);
      if (outcome !== undefined) return outcome;
    }
    return this.#conclude(memory, device);
  }

  /** Whoever learns more of the schema wakes us; a change that has waited for it for long is told. */
  #awaitSchema(memory: DeviceMemory, device: Device, problem: PublishProblem | undefined): Outcome {
    const now = this.#deps.clock.monotonic();
    const since = this.#schemaAwaitedSince.get(memory) ?? now;
    this.#schemaAwaitedSince.set(memory, since);
    const isChanged = device.status?.observedGeneration !== device.metadata.generation;
    const isLong = now - since >= SCHEMA_RETRY_MS;
    if (problem !== undefined || (isChanged && isLong)) this.#hold(memory, problem ?? SCHEMA_AWAITED);
    return { kind: 'requeue', afterMs: SCHEMA_RETRY_MS };
  }

  #findProblem(memory: DeviceMemory, { payload, messages, stuck, isExhausted }: Composed): PublishProblem | undefined {
    const { limits, broker } = this.#deps;
    if (isExhausted) return EXHAUSTED;
    if (stuck !== undefined) {
      const message = `${stuck} does not fit, and its former value cannot be written as the device reads it: correct it, or remove it from desired`;
      return { reason: 'Invalid', message };
    }
    const bytes = payload.length;
    const deviceLimit = memory.presence.maxBytes;
    if (messages.length > limits.maxMessages) {
      return {
        reason: 'TooManyMessages',
        message: `${messages.length} desired messages, the limit is ${limits.maxMessages} (--max-messages-per-device)`,
      };
    }
    if (bytes > limits.maxPayloadBytes) {
      return {
        reason: 'TooLarge',
        message: `the document has ${bytes} bytes, the limit is ${limits.maxPayloadBytes} (--max-document-bytes)`,
      };
    }
    if (deviceLimit !== undefined && bytes > deviceLimit) {
      return {
        reason: 'TooLargeForDevice',
        message: `the document has ${bytes} bytes, the device announced that it takes ${deviceLimit}`,
      };
    }
    if (broker.limits?.retainAvailable === false) {
      return {
        reason: 'NotRetained',
        message: 'the broker does not keep retained messages; enable them at the broker',
      };
    }
    return undefined;
  }

  #hold(memory: DeviceMemory, problem: PublishProblem): Outcome {
    advanceCopy(memory, { kind: 'held', problem }, this.#deps.wake);
    return DONE;
  }

  /** Undefined when the broker has acknowledged the document. */
  async #publish(memory: DeviceMemory, composed: Composed): Promise<Outcome | undefined> {
    const { broker, topics, clock, wake } = this.#deps;
    const startedAt = clock.monotonic();
    advanceCopy(memory, { kind: 'publishBegan', payload: composed.payload.toString('latin1') }, wake);
    this.#publishing += 1;
    try {
      await broker.publish(topics.desired(memory.deviceId), composed.payload, { retain: true, qos: 1 });
    } catch (error) {
      advanceCopy(memory, { kind: 'publishFailed' }, wake);
      return this.#failPublish(memory, error);
    } finally {
      this.#publishing -= 1;
    }
    this.#deps.refusals.accepted(memory.deviceId);
    this.#deps.onPublished(clock.monotonic() - startedAt);
    advanceCopy(memory, { kind: 'publishAcked', isStoreProven: broker.findings.isStoreProven }, wake);
    memory.revisions.noteKnown(composed.seenRevision);
    memory.revisions.noteReissued(composed.reissued);
    memory.status.awaitAnswer(clock.monotonic() + this.#settleMs(memory, clock.monotonic()));
    return undefined;
  }

  /** Changes go first: a status write costs the API server more than a change, and the answers to a bulk change save as many writes. */
  #settleMs({ presence }: DeviceMemory, now: number): number {
    this.#published.note(now);
    if (this.#published.at(now) > SINGLE_CHANGES) return BULK_SETTLE_MS;
    return presence.online ? this.#deps.settleMs : 0;
  }

  #failPublish(memory: DeviceMemory, error: unknown): Outcome {
    if (!(error instanceof BrokerError)) throw error;
    this.#deps.onPublishError(error.kind);
    // Cut off: nobody knows whether the broker has it. The page after the reconnect tells.
    if (error.kind === 'transient') return this.#deps.broker.connected ? { kind: 'requeue', afterMs: 1000 } : DONE;
    if (error.kind === 'tooLarge') {
      this.#hold(memory, { reason: 'TooLarge', message: error.message });
      return { kind: 'requeue', afterMs: TOO_LARGE_RETRY_MS };
    }
    this.#deps.refusals.note(memory.deviceId, error.message);
    return this.#hold(memory, { reason: 'BrokerRefused', message: error.message });
  }

  #conclude(memory: DeviceMemory, { metadata }: Device): Outcome {
    const { clock, wake } = this.#deps;
    const tellAfterMs = Math.max(0, memory.status.answerAwaitedUntil - clock.monotonic());
    if (memory.ownerUid === metadata.uid)
      advanceCopy(memory, { kind: 'matched', generation: metadata.generation, tellAfterMs }, wake);
    return DONE;
  }

  /**
   * Clears every retained topic of an id whose object is gone, after a page has shown which there are. The document goes last: while
   * it stands, a withdrawal that was cut short is found and finished after the next connect. It goes only when a page has shown no
   * report beside it, because some brokers look up what they store after the end of a page.
   */
  async #withdraw(memory: DeviceMemory, copy: StandingDocument | undefined): Promise<Outcome> {
    const { topics, realm } = this.#deps;
    const id = memory.deviceId;
    if (copy !== undefined && !isOurs(copy.owner, realm)) return this.#depart(memory);
    const { withdrawal } = memory;
    if (withdrawal === undefined) return DONE;
    const { reports, clearings } = withdrawal;
    const isShownBare = clearings > 0 && reports.length === 0;
    const isLast = isShownBare || clearings === MOST_CLEARINGS;
    const failed = await this.#clear(memory, isLast ? [topics.desired(id)] : [...reports, topics.state(id)]);
    if (failed !== undefined) return failed;
    if (memory.owner !== undefined) this.#reread(memory);
    else if (isLast) this.#depart(memory);
    else {
      withdrawal.noteCleared();
      advanceCopy(memory, { kind: 'outdated' }, this.#deps.wake);
    }
    return DONE;
  }

  /** Whoever waits for the id in another namespace gets its turn. */
  #depart(memory: DeviceMemory): Outcome {
    this.#deps.fleet.depart(memory);
    this.#deps.refresh(memory.deviceId);
    return DONE;
  }

  /** Undefined when the broker has acknowledged all of it. */
  async #clear(memory: DeviceMemory, retained: readonly string[]): Promise<Outcome | undefined> {
    try {
      for (const topic of retained) await this.#deps.broker.publish(topic, '', { retain: true, qos: 1 });
    } catch (error) {
      return this.#failPublish(memory, error);
    }
    this.#deps.refusals.accepted(memory.deviceId);
    this.#deps.onWithdrawn(retained.length);
    return undefined;
  }

  /** An object came for the id while its predecessor's topics were being cleared. */
  #reread(memory: DeviceMemory): void {
    memory.retained.noteGap('cleared');
    advanceCopy(memory, { kind: 'withdrawn' }, this.#deps.wake);
  }
}

/** Protobuf without a schema cannot be written. */
function findUnwritable({ properties }: Device, wire: Wire, typing: Typing): PublishProblem | undefined {
  const isEmpty = Object.keys(properties?.desired ?? {}).length === 0;
  if (wire.encoding !== 'protobuf' || wire.schema !== undefined || isEmpty) return undefined;
  const { reason, message } = typing.kind === 'unusable' ? typing : NONE_ANNOUNCED;
  return { reason, message: `the device wants protobuf, and there is no schema to write it with: ${message}` };
}

const NONE_ANNOUNCED = { reason: 'SchemaUnavailable', message: 'it announced none' } as const;
