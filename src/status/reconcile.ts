import { Buffer } from 'node:buffer';
import { devicesPath } from '../api/device.ts';
import type { Device, DeviceKey, DeviceStatus } from '../api/device.ts';
import { OPERATOR_NAME } from '../api/operator-name.ts';
import { factsOf } from '../api/reasons.ts';
import type { Lister } from '../cache/lister.ts';
import type { Clock } from '../base/clock.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiError, isNotFound, isRefused } from '../kube/errors.ts';
import type { Logger } from '../base/log.ts';
import { recallPresence } from '../twin/presence.ts';
import { checkDesired } from '../document/check-desired.ts';
import { parseStanding } from '../document/standing.ts';
import type { StandingDocument } from '../document/standing.ts';
import type { ProtocolLimits } from '../protocol/envelopes.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import type { Report } from '../twin/inbox.ts';
import { typeReport } from './type-report.ts';
import { DeviceMemory } from '../twin/device-memory.ts';
import { heldProblem, publishedGeneration } from '../twin/broker-copy.ts';
import type { EventSink } from '../twin/events.ts';
import { transitionEvents } from './events.ts';
import type { Fleet } from '../twin/fleet.ts';
import { WRITE_PRIORITY } from '../twin/write-class.ts';
import { planStatusWrite } from './patch.ts';
import type { WriteClass } from '../twin/write-class.ts';
import type { StatusWrite } from './patch.ts';
import { computeStatus, withoutReports } from './compute.ts';
import type { ComputedStatus } from './compute.ts';
import { UNTYPED, schemaOf } from '../twin/schema-state.ts';
import { noteAnswer } from './strange.ts';
import type { Typing } from '../twin/schema-state.ts';
import { unansweredInMs } from './unanswered.ts';
import type { Claim, Publication, StatusInput } from './input.ts';
import type { BadInputSink, Wake } from '../twin/wake.ts';
import type { WriteScope } from '../twin/write-refusal.ts';

export interface StatusDeps {
  readonly lister: Lister<Device>;
  readonly fleet: Fleet;
  readonly client: KubeClient;
  readonly limits: ProtocolLimits & { readonly maxMessages: number };
  readonly clock: Clock;
  readonly wake: Wake;
  readonly log: Logger;
  readonly typingOf: (memory: DeviceMemory) => Typing;
  /** Feeds the answer to a write into the cache, so that the next reconcile does not see an older object. */
  readonly observe: (device: Device) => void;
  /** How the broker is: what is not published may be on its way (`up`, `briefly-down`) or stuck (`down`). */
  readonly brokerHealth: () => 'up' | 'briefly-down' | 'down';
  /** Many documents are on their way to their devices. */
  readonly isRollingOut: () => boolean;
  /** Milliseconds between two writes for one device's reported values. */
  readonly reportedIntervalMs: number;
  readonly onWrite: (writeClass: WriteClass, reports: number, oldestReportAt: number | undefined) => void;
  readonly onWriteError: (status: number) => void;
  readonly onEvents: EventSink;
  readonly onBadInput: BadInputSink;
  /** The last heartbeat has been written. */
  readonly onHeartbeatWritten: (deviceId: string) => void;
}

/** A roll-out that lasts for longer does not hide what is Pending. */
const ROLL_OUT_MS = 9000;
/** Each look costs some of what it is to save. */
const ROLL_OUT_LOOK_MS = 3000;

/**
 * Writes what is known of a device into its object's status: one JSON merge patch of what changed, nothing when nothing did.
 * Level-triggered, keyed by object; the only writer of status.
 */
export class StatusReconciler {
  readonly #deps: StatusDeps;
  /** What is remembered of objects that do not own their device id: each pays for its own writes. Bounded by these objects. */
  readonly #bystanders = new Map<DeviceKey, DeviceMemory>();

  constructor(deps: StatusDeps) {
    this.#deps = deps;
  }

  /** `priority` is the one with which the key came to its turn: what turns out to be less urgent goes back and waits for its own. */
  async reconcile(key: DeviceKey, signal: AbortSignal, priority: number): Promise<Outcome> {
    const { clock } = this.#deps;
    const look = this.#look(key);
    if (look === undefined) return DONE;
    const { device, memory, heard, view, status, scope, refused, write } = look;
    const hasNewName = this.#noteClaimedRevisions(view, memory);
    const after = { ...device, status };
    const ownPriority = write === undefined ? priority : WRITE_PRIORITY[write.writeClass];
    const afterMs = write === undefined ? 0 : this.#waitBefore(write, memory, device);
    if (afterMs > 0 || ownPriority < priority) return { kind: 'requeue', afterMs, priority: ownPriority };
    let answer = {};
    try {
      if (write !== undefined && scope !== 'nothing') answer = await this.#write(view, write, memory, after, signal);
    } catch (error) {
      if (!isRefused(error)) throw error;
      return this.#noteRefusal(look, error);
    }
    this.#concludeHeartbeat(view, memory, after);
    // What was heard was not written, and waits.
    if (scope !== 'whole')
      return { kind: 'requeue', afterMs: memory.status.refusal?.waitMs(clock.monotonic()) ?? 0, ...answer };
    if (write !== undefined) memory.status.noteTaken();
    this.#conclude(view, memory, after);
    // What waits for its schema stays.
    if (view.reports.size > 0) this.#settle(view, memory, heard, refused);
    // Only on news: the desired side wakes this one in turn.
    if ((hasNewName || write !== undefined) && mayNeedReissue(memory, after)) this.#deps.wake.desired(memory.deviceId);
    return { ...this.#lookAgain(memory, status, view.now), ...answer };
  }

  /** Nothing tells that a device has stopped flapping, or does not answer, but the time in which nothing happens. */
  #lookAgain(memory: DeviceMemory, status: DeviceStatus, computedAt: number): Outcome {
    const { clock } = this.#deps;
    const now = clock.monotonic();
    memory.presenceSlot.calmDown(now);
    const { flapping } = memory.presenceSlot;
    if (flapping?.isFlapping(now) === true) {
      return { kind: 'requeue', afterMs: flapping.calmInMs(now), priority: WRITE_PRIORITY.online };
    }
    const afterMs = unansweredInMs(status, computedAt);
    return afterMs === undefined ? DONE : { kind: 'requeue', afterMs, priority: WRITE_PRIORITY.pending };
  }

  /** Told once for each refusal; what comes next carries less, or waits. */
  #noteRefusal({ device, memory, scope }: Look, { message, status }: ApiError): Outcome {
    const { clock, log, onEvents } = this.#deps;
    const now = clock.monotonic();
    memory.status.noteRefused({ message, status }, scope, device.metadata.generation, now);
    const { namespace, name } = device.metadata;
    log.warn(
      { namespace, name, scope, answer: message },
      'the API server refused a status; reports wait until it takes them',
    );
    onEvents(device.metadata, [{ type: 'Warning', reason: 'StatusRefused', message }]);
    return { kind: 'requeue', afterMs: scope === 'whole' ? 0 : (memory.status.refusal?.waitMs(now) ?? 0) };
  }

  /** What is to be written now, if anything; undefined when there is nothing to look at. */
  #look(key: DeviceKey): Look | undefined {
    const { lister, fleet, clock } = this.#deps;
    if (!lister.hasSynced) return undefined;
    const startedAt = clock.monotonic();
    const device = lister.get(key);
    const ofId = device === undefined ? undefined : fleet.get(device.spec.deviceId);
    if (device === undefined || ofId?.owner === key) this.#bystanders.delete(key);
    if (device === undefined) return undefined;
    const memory = ofId?.owner === key ? ofId : this.#bystanderOf(key, device);
    const heard = memory.inbox.peek();
    const { trueStatus } = memory.status;
    const claim = claimOf(key, ofId);
    // The broker's document may say that the id is this object's after all.
    if (claim.kind === 'duplicate' && isUndecided(ofId) && this.#deps.brokerHealth() !== 'down') return undefined;
    const before = trueStatus === undefined ? device : { ...device, status: trueStatus };
    const view = this.#view(claim, before, memory, heard);
    const scope = memory.status.refusal?.scope(device.metadata.generation, startedAt) ?? 'whole';
    const computed = view === undefined ? undefined : computeStatus(view);
    if (view === undefined || computed === undefined) {
      memory.writePace.noteLook('status', startedAt, clock.monotonic());
      return undefined;
    }
    const { refused } = computed;
    const why = memory.status.refusal?.message ?? '';
    const status = scope === 'whole' ? computed.status : withoutReports(view, computed.status, why);
    const write = planStatusWrite(device.status, status);
    if (write === undefined && view.claim.kind === 'owner') memory.status.noteUnchanged();
    memory.writePace.noteLook('status', startedAt, clock.monotonic());
    return { device, memory, heard, view, scope, status, refused, write };
  }

  #bystanderOf(key: DeviceKey, { spec, metadata }: Device): DeviceMemory {
    const known = this.#bystanders.get(key);
    if (known?.ownerUid === metadata.uid) return known;
    const memory = new DeviceMemory(spec.deviceId, undefined);
    memory.takeOwnership({ key, uid: metadata.uid, isDisabled: false, desiredNames: [] });
    this.#bystanders.set(key, memory);
    return memory;
  }

  /** Undefined when the desired side is about to say something: it wakes this one when it has. */
  #view(claim: Claim, device: Device, memory: DeviceMemory, heard: Heard): StatusInput | undefined {
    const { clock, limits, typingOf } = this.#deps;
    const isOwner = claim.kind === 'owner';
    const typing = isOwner ? typingOf(memory) : UNTYPED;
    const publication = isOwner ? this.#publication(device, memory, typing) : NOTHING_PUBLISHED;
    if (publication === undefined) return undefined;
    const schema = schemaOf(typing);
    return {
      device,
      now: clock.now(),
      claim,
      publication,
      typing,
      desired: checkDesired(device.properties?.desired ?? {}, schema, limits.maxNesting),
      presence: isOwner ? memory.presence : recallPresence(device.status, 0),
      isFlapping: isOwner && memory.presenceSlot.flapping?.isFlapping(clock.monotonic()) === true,
      reports: isOwner && typing.kind !== 'pending' ? typeReports(heard, schema, limits.maxPayloadBytes) : NO_REPORTS,
      announced: isOwner && typing.kind !== 'pending' ? memory.inbox.announced : undefined,
      isHeartbeatDue: isOwner && memory.status.isHeartbeatDue,
      maxMessages: limits.maxMessages,
      maxValueBytes: limits.maxPayloadBytes,
    };
  }

  #publication(device: Device, memory: DeviceMemory, typing: Typing): Publication | undefined {
    const { copy } = memory;
    const document = this.#parseOwn(device, copy.standing?.payload, typing);
    const held = heldProblem(copy);
    if (held !== undefined) return { kind: 'held', problem: held, document };
    const isPublished = publishedGeneration(copy) === device.metadata.generation;
    if (isPublished && document !== undefined) return { kind: 'published', document };
    const isNew = device.status?.observedGeneration !== device.metadata.generation;
    // The schema is on its way and decides only how the same is written: whether the device is there is worth telling meanwhile.
    if (!isNew && typing.kind === 'pending' && document !== undefined) return { kind: 'published', document };
    if (!isNew || this.#deps.brokerHealth() !== 'down') return undefined;
    const reason = 'BrokerUnavailable';
    return { kind: 'held', problem: { reason, message: factsOf(reason).says }, document };
  }

  #parseOwn(device: Device, payload: string | undefined, typing: Typing): StandingDocument | undefined {
    if (payload === undefined) return undefined;
    const limits = { ...this.#deps.limits, maxPayloadBytes: Number.POSITIVE_INFINITY };
    const document = parseStanding(Buffer.from(payload, 'latin1'), limits, schemaOf(typing));
    return document?.owner.uid === device.metadata.uid ? document : undefined;
  }

  /** A device that names a higher revision than was issued knows more than we do: its messages may have to be issued anew. */
  #noteClaimedRevisions(view: StatusInput, memory: DeviceMemory): boolean {
    const issued = view.publication.document?.messages ?? {};
    let hasNew = false;
    for (const [name, { envelope }] of view.reports) {
      const { uid, revision } = envelope;
      const known = Math.max(
        issued[name]?.revision ?? Number.POSITIVE_INFINITY,
        memory.revisions.claimed.reports.get(name) ?? 0,
      );
      if (uid !== view.device.metadata.uid || revision === undefined || revision <= known) continue;
      memory.revisions.claimByReport(name, revision);
      hasNew = true;
    }
    return hasNew;
  }

  /** Milliseconds for which `write` is better left undone, because it is soon outdated or too frequent. */
  #waitBefore({ writeClass, patch }: StatusWrite, memory: DeviceMemory, before: Device): number {
    const now = this.#deps.clock.monotonic();
    // A person changed something: that is never paced, and the device's answer to it is usually back before the write would be.
    const isAsked = before.status?.observedGeneration !== before.metadata.generation;
    if (writeClass === 'pending' && isAsked) return this.#settlingMs(memory, now);
    if (isAsked) return 0;
    const isOfPresence = writeClass === 'online' || writeClass === 'heartbeat';
    const flappingMs = isOfPresence ? (memory.presenceSlot.flapping?.waitMs(now) ?? 0) : 0;
    // What a device that flaps reports goes its own way, and takes along whether it is there.
    const pacedAs = flappingMs > 0 && 'reported' in patch ? 'reported' : writeClass;
    const pacedMs = memory.writePace.waitMs(pacedAs, now, this.#deps.reportedIntervalMs);
    if (writeClass === 'pending') return Math.max(pacedMs, this.#settlingMs(memory, now));
    return pacedAs === writeClass ? Math.max(pacedMs, flappingMs) : pacedMs;
  }

  /** How long Pending waits for the device's answer; while a roll-out goes on some more, for the API server is busy with the changes. */
  #settlingMs({ status }: DeviceMemory, now: number): number {
    const leftMs = status.answerAwaitedUntil - now;
    const isExcused = leftMs <= 0 && leftMs > -ROLL_OUT_MS && this.#deps.isRollingOut();
    return isExcused ? ROLL_OUT_LOOK_MS : leftMs;
  }

  /** Says how long the API server took. */
  async #write(
    view: StatusInput,
    write: StatusWrite,
    memory: DeviceMemory,
    after: Device,
    signal: AbortSignal,
  ): Promise<{ answerMs: number }> {
    const { client, clock, observe, onWrite } = this.#deps;
    const { namespace, name, uid } = view.device.metadata;
    const path = `${devicesPath(namespace)}/${name}/status`;
    // The uid is a precondition: a namesake that was created in the meantime must not inherit this status.
    const body = { metadata: { uid }, status: write.patch };
    const startedAt = clock.monotonic();
    memory.status.beginWrite();
    try {
      const query = { fieldManager: OPERATOR_NAME };
      const answer = await client.patch<Device>(path, 'application/merge-patch+json', body, query, signal);
      const answeredAt = clock.monotonic();
      observe(answer);
      memory.writePace.noteLook('answer', answeredAt, clock.monotonic());
      // The id may be another object's by now.
      const isOurs = memory.ownerUid === uid;
      const { metadata, status: stands = {} } = answer;
      if (isOurs && noteAnswer(memory, metadata.resourceVersion, stands, after.status ?? {}))
        this.#deps.wake.status(memory, 'sync');
    } catch (error) {
      // Nothing was written, so nothing is concluded: what was heard may belong to the namesake that the cache is about to tell of.
      if (!isGone(error)) this.#deps.onWriteError(error instanceof ApiError ? error.status : 0);
      throw error;
    } finally {
      memory.status.endWrite();
    }
    const now = clock.monotonic();
    memory.writePace.note(now, this.#deps.reportedIntervalMs, 'reported' in write.patch);
    memory.presenceSlot.flapping?.noteWrite(now);
    onWrite(write.writeClass, view.reports.size, oldestOf(view));
    this.#deps.onEvents(after.metadata, transitionEvents(view.device.status, after.status ?? {}));
    return { answerMs: now - startedAt };
  }

  #concludeHeartbeat(view: StatusInput, memory: DeviceMemory, after: Device): void {
    if (view.claim.kind !== 'owner') return;
    const { onHeartbeatWritten } = this.#deps;
    if (after.status?.lastHeartbeat !== view.device.status?.lastHeartbeat || view.isHeartbeatDue) {
      memory.status.noteHeartbeatWritten();
      onHeartbeatWritten(memory.deviceId);
    }
  }

  /** What the view held beside reports is in the status now. */
  #conclude(view: StatusInput, memory: DeviceMemory, after: Device): void {
    if (view.claim.kind !== 'owner') return;
    const { wake } = this.#deps;
    memory.inbox.noteCutDown(view.announced);
    for (const name of droppedNames(view, after)) wake.clear(memory, name);
  }

  /** What was heard is in the status now, or refused. */
  #settle(view: StatusInput, memory: DeviceMemory, heard: Heard, refused: readonly string[]): void {
    const { onBadInput } = this.#deps;
    memory.inbox.settle(heard);
    for (const name of refused) {
      onBadInput('TooManyMessages', `reported/${name}: the twin holds ${view.maxMessages} messages already`, memory);
    }
    for (const [name, { problem }] of view.reports) {
      if (problem === undefined) continue;
      onBadInput(problem.reason, `reported/${name} of ${memory.deviceId}: ${problem.message}`, memory);
    }
  }
}

interface Look extends ComputedStatus {
  readonly device: Device;
  readonly memory: DeviceMemory;
  readonly heard: Heard;
  readonly view: StatusInput;
  readonly scope: WriteScope;
  readonly write: StatusWrite | undefined;
}

/** Reports as they wait in the inbox. */
type Heard = ReadonlyMap<string, Report>;

function typeReports(heard: Heard, schema: DeviceSchema | undefined, maxBytes: number): StatusInput['reports'] {
  const typed = [...heard].map(([name, { envelope, receivedAt }]) => {
    return [name, { ...typeReport(name, envelope, schema, maxBytes), receivedAt }] as const;
  });
  return new Map(typed);
}

/** Of an object that does not speak for its device id. */
const NOTHING_PUBLISHED: Publication = { kind: 'none', document: undefined };

const NO_REPORTS: StatusInput['reports'] = new Map();

/** `memory` is that of the device id; an id that is kept for another namespace has none. */
function claimOf(key: DeviceKey, memory: DeviceMemory | undefined): Claim {
  if (memory?.owner !== key) return { kind: 'duplicate', winner: memory?.owner };
  const { conclusion } = memory.copy;
  return conclusion?.kind === 'foreign' ? conclusion : { kind: 'owner' };
}

/** Whose the id is, is guessed by age: what stands at the broker has not been read yet, and is not refused either. */
function isUndecided(memory: DeviceMemory | undefined): boolean {
  if (memory?.owner === undefined || memory.copy.isRead) return false;
  return memory.holder === undefined && heldProblem(memory.copy) === undefined;
}

function mayNeedReissue({ revisions }: DeviceMemory, { status }: Device): boolean {
  const { claimed } = revisions;
  if (claimed.birth === 0 && claimed.reports.size === 0) return false;
  return Object.values(status?.sync ?? {}).some(({ state }) => state !== 'InSync');
}

/** The object is gone, or another one has its name: no fault of anyone, and the cache knows it soon. */
function isGone(error: unknown): boolean {
  return isNotFound(error) || (error instanceof ApiError && error.status === 409 && /uid/i.test(error.message));
}

function oldestOf(view: StatusInput): number | undefined {
  if (view.reports.size === 0) return undefined;
  return Math.min(...[...view.reports.values()].map(({ receivedAt }) => receivedAt));
}

/** What is left out for want of room is not dropped: the broker keeps it until there is room. */
function droppedNames(view: StatusInput, after: Device): string[] {
  const { reported = {}, properties } = after.status ?? {};
  const kept = { ...properties?.reported, ...reported };
  return Object.keys(view.device.status?.reported ?? {}).filter((name) => !Object.hasOwn(kept, name));
}
