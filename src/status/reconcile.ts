import { devicesPath } from '../api/device.ts';
import type { Device, DeviceKey, DeviceStatus } from '../api/device.ts';
import { OPERATOR_NAME } from '../api/operator-name.ts';
import type { Runtime } from '../base/runtime.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiError, isNotFound, isRefused } from '../kube/errors.ts';
import type { ProtocolLimits } from '../protocol/envelopes.ts';
import { DeviceMemory } from '../twin/device-memory.ts';
import type { TwinObserver } from '../twin/observer.ts';
import type { Twins } from '../twin/twins.ts';
import type { Wake } from '../twin/wake.ts';
import { WRITE_PRIORITY } from '../twin/write-class.ts';
import type { WriteScope } from '../twin/write-refusal.ts';
import { computeStatus, withoutReports } from './compute.ts';
import { transitionEvents } from './events.ts';
import { Gatherer, claimOf } from './gather.ts';
import type { Heard } from './gather.ts';
import type { StatusInput } from './input.ts';
import { planStatusWrite, planWithHeartbeat } from './patch.ts';
import type { PlannedStatus, StatusWrite } from './patch.ts';
import { unansweredInMs } from './unanswered.ts';
import { waitBefore } from './wait-before.ts';

export interface StatusRules {
  readonly limits: ProtocolLimits & { readonly maxMessages: number };
  /** Milliseconds between two writes for one device's reported values. */
  readonly reportedIntervalMs: number;
}

export interface StatusDeps {
  readonly twins: Twins;
  readonly client: KubeClient;
  readonly rules: StatusRules;
  readonly runtime: Runtime;
  readonly wake: Wake;
  readonly liveness: {
    /** What is not published may be on its way, or, when the broker is down, stuck. */
    readonly outage: { readonly health: 'up' | 'briefly-down' | 'down' };
    /** Devices whose last heartbeat is not in their status. */
    readonly heartbeats: { remove(deviceId: string): void };
  };
  readonly observer: TwinObserver;
  /** Many documents are on their way to their devices, or not. */
  readonly publisher: { readonly isRollingOut: boolean };
}

/**
 * Writes what is known of a device into its object's status: one JSON merge patch of what changed, nothing when nothing did.
 * Level-triggered, keyed by object; the only writer of status.
 */
export class StatusReconciler {
  readonly #deps: StatusDeps;
  readonly #gatherer: Gatherer;
  /** What is remembered of objects that do not own their device id: each pays for its own writes (decision 0059). Bounded by these objects. */
  readonly #bystanders = new Map<DeviceKey, DeviceMemory>();

  constructor(deps: StatusDeps) {
    this.#deps = deps;
    this.#gatherer = new Gatherer(deps);
  }

  /** `priority` is the one with which the key came to its turn: what turns out to be less urgent goes back and waits for its own. */
  async reconcile(key: DeviceKey, signal: AbortSignal, priority: number): Promise<Outcome> {
    const look = this.#look(key);
    if (look === undefined) return DONE;
    const hasNewClaim = noteClaimedRevisions(look);
    const waits = this.#waits(look, priority);
    if (waits !== undefined) return waits;
    if (look.write === undefined || look.scope === 'nothing') return this.#conclude(look, hasNewClaim);
    const { clock } = this.#deps.runtime;
    const startedAt = clock.monotonic();
    let refusal: ApiError | undefined;
    try {
      await this.#write(look, look.write, signal);
    } catch (error) {
      if (!isRefused(error)) throw error;
      refusal = error;
    }
    // A refusal is an answer too.
    const answerMs = clock.monotonic() - startedAt;
    const outcome = refusal === undefined ? this.#conclude(look, hasNewClaim) : this.#noteRefusal(look, refusal);
    return { ...outcome, answerMs };
  }

  #waits({ write, memory, device }: Look, priority: number): Outcome | undefined {
    if (write === undefined) return undefined;
    const ownPriority = WRITE_PRIORITY[write.writeClass];
    const afterMs = waitBefore(write, memory, device, this.#deps);
    const isDue = afterMs <= 0 && ownPriority >= priority;
    return isDue ? undefined : { kind: 'requeue', afterMs, priority: ownPriority };
  }

  /** What was to be written stands in the status, or nothing was to be written. */
  #conclude(look: Look, hasNewClaim: boolean): Outcome {
    const { memory, input, status, scope, write } = look;
    const { runtime, wake } = this.#deps;
    this.#concludeHeartbeat(look);
    // What was heard was not written, and waits.
    if (scope !== 'whole')
      return { kind: 'requeue', afterMs: memory.status.refusal?.waitMs(runtime.clock.monotonic()) ?? 0 };
    if (write !== undefined) memory.status.noteTaken();
    if (input.claim.kind === 'owner') {
      memory.inbox.noteCutDown(input.announced);
      for (const name of droppedNames(input, status)) wake.clear(memory, name);
    }
    // What waits for its schema stays.
    if (input.reports.size > 0) this.#noteCarried(look);
    // Only on news: the desired side wakes this one in turn.
    if ((hasNewClaim || write !== undefined) && mayNeedReissue(memory, status)) wake.desired(memory.deviceId);
    return this.#lookAgain(memory, status, input.now);
  }

  /** Nothing tells that a device has stopped flapping, or does not answer, but the time in which nothing happens. */
  #lookAgain(memory: DeviceMemory, status: DeviceStatus, computedAt: number): Outcome {
    const now = this.#deps.runtime.clock.monotonic();
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
    const { runtime, observer } = this.#deps;
    const now = runtime.clock.monotonic();
    memory.status.noteRefused({ message, status }, scope, device.metadata.generation, now);
    const { namespace, name } = device.metadata;
    runtime.log.warn(
      { namespace, name, scope, answer: message },
      'the API server refused a status; reports wait until it takes them',
    );
    observer.happened(device.metadata, [{ type: 'Warning', reason: 'StatusRefused', message }]);
    return { kind: 'requeue', afterMs: scope === 'whole' ? 0 : (memory.status.refusal?.waitMs(now) ?? 0) };
  }

  /** What is to be written now, if anything; undefined when there is nothing to look at. */
  #look(key: DeviceKey): Look | undefined {
    const { twins, runtime } = this.#deps;
    const { clock } = runtime;
    const { lister } = twins.devices;
    if (!lister.hasSynced) return undefined;
    const startedAt = clock.monotonic();
    const device = lister.get(key);
    const ofId = device === undefined ? undefined : twins.fleet.get(device.spec.deviceId);
    if (device === undefined || ofId?.owner === key) this.#bystanders.delete(key);
    if (device === undefined) return undefined;
    const memory = ofId?.owner === key ? ofId : this.#bystanderOf(key, device);
    const heard = memory.inbox.peek();
    const { trueStatus } = memory.status;
    const claim = claimOf(key, ofId);
    // The broker's document may say that the id is this object's after all.
    if (claim.kind === 'duplicate' && this.#gatherer.isUndecided(ofId)) return undefined;
    const before = trueStatus === undefined ? device : { ...device, status: trueStatus };
    const input = this.#gatherer.gather(claim, before, memory, heard);
    if (input === undefined) {
      memory.writePace.noteLook('status', startedAt, clock.monotonic());
      return undefined;
    }
    const scope = memory.status.refusal?.scope(device.metadata.generation, startedAt) ?? 'whole';
    const computed = computeStatus(input);
    const { refused, heartbeat } = computed;
    const why = memory.status.refusal?.message ?? '';
    const meant = scope === 'whole' ? computed.status : withoutReports(input, computed.status, why);
    const isHeartbeatDue = claim.kind === 'owner' && memory.status.isHeartbeatDue;
    const planned = planWithHeartbeat(device.status, meant, heartbeat, isHeartbeatDue);
    if (planned.write === undefined && claim.kind === 'owner') memory.status.noteUnchanged();
    memory.writePace.noteLook('status', startedAt, clock.monotonic());
    return { device, memory, heard, input, scope, refused, isHeartbeatDue, ...planned };
  }

  #bystanderOf(key: DeviceKey, { spec, metadata }: Device): DeviceMemory {
    const known = this.#bystanders.get(key);
    if (known?.ownerUid === metadata.uid) return known;
    const memory = new DeviceMemory(spec.deviceId, undefined);
    memory.takeOwnership({ key, uid: metadata.uid, isDisabled: false, desiredNames: [] });
    this.#bystanders.set(key, memory);
    return memory;
  }

  async #write({ input, memory, status }: Look, write: StatusWrite, signal: AbortSignal): Promise<void> {
    const { client, twins, rules, runtime, observer } = this.#deps;
    const { clock } = runtime;
    const { namespace, name, uid } = input.device.metadata;
    const path = `${devicesPath(namespace)}/${name}/status`;
    // The uid is a precondition: a namesake that was created in the meantime must not inherit this status.
    const body = { metadata: { uid }, status: write.patch };
    memory.status.beginWrite();
    try {
      const query = { fieldManager: OPERATOR_NAME };
      const answer = await client.patch<Device>(path, 'application/merge-patch+json', body, query, signal);
      const answeredAt = clock.monotonic();
      twins.devices.wrote(answer);
      memory.writePace.noteLook('answer', answeredAt, clock.monotonic());
      // The id may be another object's by now.
      const isOurs = memory.ownerUid === uid;
      const { metadata, status: stands = {} } = answer;
      const isOther = planStatusWrite(stands, status) !== undefined;
      if (isOurs && memory.status.noteAnswer(metadata.resourceVersion, status, isOther))
        this.#deps.wake.status(memory, 'sync');
    } catch (error) {
      // Nothing was written, so nothing is concluded: what was heard may belong to the namesake that the cache is about to tell of.
      if (!isGone(error)) observer.statusWriteFailed(error instanceof ApiError ? error.status : 0);
      throw error;
    } finally {
      memory.status.endWrite();
    }
    const now = clock.monotonic();
    memory.writePace.note(now, rules.reportedIntervalMs, 'reported' in write.patch);
    memory.presenceSlot.noteWrite(now);
    observer.statusWritten(write.writeClass, input.reports.size, lagOf(input, clock.now()));
    observer.happened(input.device.metadata, transitionEvents(input.device.status, status));
  }

  #concludeHeartbeat({ input, memory, status, isHeartbeatDue }: Look): void {
    if (input.claim.kind !== 'owner') return;
    if (!isHeartbeatDue && status.lastHeartbeat === input.device.status?.lastHeartbeat) return;
    memory.status.noteHeartbeatWritten();
    this.#deps.liveness.heartbeats.remove(memory.deviceId);
  }

  /** What was heard is in the status now, or refused. */
  #noteCarried({ input, memory, heard, refused }: Look): void {
    const { observer } = this.#deps;
    memory.inbox.noteCarried(heard);
    for (const name of refused) {
      observer.refused(
        'TooManyMessages',
        `reported/${name}: the twin holds ${input.maxMessages} messages already`,
        memory,
      );
    }
    for (const [name, { problem }] of input.reports) {
      if (problem === undefined) continue;
      observer.refused(problem.reason, `reported/${name} of ${memory.deviceId}: ${problem.message}`, memory);
    }
  }
}

/** One look at a twin: what is known, what its status should be, and what is to be written for it. */
interface Look extends PlannedStatus {
  readonly device: Device;
  readonly memory: DeviceMemory;
  readonly heard: Heard;
  readonly input: StatusInput;
  readonly scope: WriteScope;
  /** Reported message names that did not fit the limit. */
  readonly refused: readonly string[];
  readonly isHeartbeatDue: boolean;
}

/** A device that names a higher revision than was issued knows more than we do: its messages may have to be issued anew. */
function noteClaimedRevisions({ input, memory }: Look): boolean {
  const issued = input.publication.document?.messages ?? {};
  let hasNew = false;
  for (const [name, { envelope }] of input.reports) {
    const { uid, revision } = envelope;
    const known = Math.max(
      issued[name]?.revision ?? Number.POSITIVE_INFINITY,
      memory.revisions.claimed.reports.get(name) ?? 0,
    );
    if (uid !== input.device.metadata.uid || revision === undefined || revision <= known) continue;
    memory.revisions.claimByReport(name, revision);
    hasNew = true;
  }
  return hasNew;
}

function mayNeedReissue({ revisions }: DeviceMemory, { sync = {} }: DeviceStatus): boolean {
  const { claimed } = revisions;
  if (claimed.birth === 0 && claimed.reports.size === 0) return false;
  return Object.values(sync).some(({ state }) => state !== 'InSync');
}

/** The object is gone, or another one has its name: no fault of anyone, and the cache knows it soon. */
function isGone(error: unknown): boolean {
  return isNotFound(error) || (error instanceof ApiError && error.status === 409 && /uid/i.test(error.message));
}

/** Milliseconds for which the oldest report has waited; undefined: there is none. */
function lagOf({ reports }: StatusInput, now: number): number | undefined {
  if (reports.size === 0) return undefined;
  const oldest = Math.min(...[...reports.values()].map(({ receivedAt }) => receivedAt));
  return Math.max(0, now - oldest);
}

/** What is left out for want of room is not dropped: the broker keeps it until there is room. */
function droppedNames(input: StatusInput, { reported = {}, properties }: DeviceStatus): string[] {
  const kept = { ...properties?.reported, ...reported };
  return Object.keys(input.device.status?.reported ?? {}).filter((name) => !Object.hasOwn(kept, name));
}
