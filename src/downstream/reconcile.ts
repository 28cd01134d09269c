import { Buffer } from 'node:buffer';
import type { Device } from '../api/device.ts';
import type { Runtime } from '../base/runtime.ts';
import { DONE } from '../controller/outcome.ts';
import type { Outcome } from '../controller/outcome.ts';
import { copyBytes, copyText } from '../document/copy-text.ts';
import { checkDesired } from '../document/check-desired.ts';
import { composeDocument } from '../document/compose.ts';
import type { Composed, Stuck } from '../document/compose.ts';
import type { Wire } from '../document/encode.ts';
import { isOurs, mayReplace } from '../document/ownership.ts';
import { problemOf } from '../api/reasons.ts';
import type { OwnershipScope } from '../document/ownership.ts';
import type { Broker } from '../broker/broker.ts';
import { parseStanding } from '../document/standing.ts';
import type { StandingDocument } from '../document/standing.ts';
import type { ProtocolLimits } from '../protocol/envelopes.ts';
import type { Topics } from '../protocol/topics.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import type { PublishProblem } from '../document/broker-copy.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { ObjectIntake } from '../twin/object-intake.ts';
import type { Twins } from '../twin/twins.ts';
import type { Wake } from '../twin/wake.ts';
import type { Publisher } from './publish.ts';
import type { Withdrawer } from './withdraw.ts';
import type { IsReservedId } from '../twin/reserved-ids.ts';
import { schemaOf } from '../twin/schema-state.ts';
import type { SchemaState } from '../twin/schema-state.ts';

export interface DesiredRules {
  readonly scope: OwnershipScope;
  readonly limits: ProtocolLimits & { readonly maxMessages: number };
  readonly isReserved: IsReservedId;
  readonly topics: Topics;
}

export interface DesiredDeps {
  readonly twins: Twins;
  readonly intake: ObjectIntake;
  readonly broker: Broker;
  readonly rules: DesiredRules;
  readonly runtime: Runtime;
  readonly wake: Wake;
  readonly publisher: Publisher;
  readonly withdrawer: Withdrawer;
}

/** How long a schema may be on its way before that is worth telling, and before it is looked for again. */
const SCHEMA_RETRY_MS = 2000;

/**
 * Makes the broker's copy of one device's document what the cluster says: publishes what differs, withdraws what has no object.
 * Level-triggered, keyed by device id; nothing is done before a page has shown what the broker holds.
 */
export class DesiredReconciler {
  readonly #deps: DesiredDeps;
  /** Since when (monotonic ms) what is desired waits for the schema. */
  readonly #schemaAwaitedSince = new WeakMap<DeviceMemory, number>();

  constructor(deps: DesiredDeps) {
    this.#deps = deps;
  }

  async reconcile(deviceId: string): Promise<Outcome> {
    const { twins, intake, broker, runtime, withdrawer } = this.#deps;
    const { clock } = runtime;
    const { lister } = twins.devices;
    const startedAt = clock.monotonic();
    const memory = twins.fleet.get(deviceId);
    // Nothing is lost by stopping here: the end of a page, of a LIST and of an outage wakes every device that waited for it.
    if (memory === undefined) intake.refreshOwner(deviceId);
    if (memory === undefined || !memory.copy.isRead || !lister.hasSynced || !broker.connected) return DONE;
    const schemaState = twins.schemas.schemaStateOf(memory);
    const copy = this.#parseCopy(memory.copy.standing?.payload, schemaState);
    if (this.#learnHolder(memory, copy)) return DONE;
    const device = memory.owner === undefined ? undefined : lister.get(memory.owner);
    memory.writePace.noteLook('desired', startedAt, clock.monotonic());
    if (device === undefined) return withdrawer.withdraw(memory, copy);
    const unusable = this.#findUnusable(deviceId);
    if (unusable !== undefined) return this.#reportProblem(memory, unusable);
    return this.#claim(memory, copy) ? this.#publishDesired(memory, device, copy, schemaState) : DONE;
  }

  /** Why nothing can be sent to a device of this id, or heard of it. */
  #findUnusable(deviceId: string): PublishProblem | undefined {
    const { isReserved, topics, limits } = this.#deps.rules;
    if (isReserved(deviceId)) return problemOf('ReservedDeviceId');
    const bytes = Buffer.byteLength(topics.reported(deviceId, 'x'));
    if (bytes <= limits.maxTopicBytes) return undefined;
    const message =
      `its topics have at least ${bytes} bytes, the limit is ${limits.maxTopicBytes} (--max-topic-bytes): nothing that the device says ` +
      'would be heard; raise the limit, or delete the object and choose a shorter id';
    return { reason: 'DeviceIdTooLong', message };
  }

  /** What stands at the broker when it is first read says whose the id is, better than the age of objects. True: not who we thought. */
  #learnHolder(memory: DeviceMemory, copy: StandingDocument | undefined): boolean {
    if (memory.holder !== undefined) return false;
    const holder = copy !== undefined && isOurs(copy.owner, this.#deps.rules.scope) ? copy.owner : undefined;
    if (holder !== undefined) memory.noteHolder({ namespace: holder.namespace, uid: holder.uid });
    const isUndisputed = this.#deps.twins.fleet.claimants(memory.deviceId).length < 2;
    if (isUndisputed && (holder === undefined || holder.uid === memory.ownerUid)) return false;
    return this.#deps.intake.refreshOwner(memory.deviceId);
  }

  #parseCopy(payload: string | undefined, schemaState: SchemaState): StandingDocument | undefined {
    if (payload === undefined) return undefined;
    const limits = { ...this.#deps.rules.limits, maxPayloadBytes: Number.POSITIVE_INFINITY };
    return parseStanding(copyBytes(payload), limits, schemaOf(schemaState));
  }

  /** False when the document belongs to someone else's object: it is left alone, and the status says so. */
  #claim(memory: DeviceMemory, copy: StandingDocument | undefined): boolean {
    const foreign = copy === undefined || mayReplace(copy.owner, this.#deps.rules.scope) ? undefined : copy.owner;
    const { conclusion } = memory.copy;
    const isKnown = conclusion?.kind === 'foreign' && conclusion.owner.uid === foreign?.uid;
    if (foreign !== undefined && !isKnown) {
      this.#deps.runtime.log.warn(
        { deviceId: memory.deviceId, owner: foreign },
        'the document at the broker belongs to an object of someone else',
      );
    }
    advanceCopy(memory, { kind: 'claimed', foreign }, this.#deps.wake);
    return foreign === undefined;
  }

  async #publishDesired(
    memory: DeviceMemory,
    device: Device,
    copy: StandingDocument | undefined,
    schemaState: SchemaState,
  ): Promise<Outcome> {
    const { rules, runtime, publisher } = this.#deps;
    memory.noteHolder({ namespace: device.metadata.namespace, uid: device.metadata.uid });
    if (schemaState.kind === 'pending') return this.#awaitSchema(memory, device, schemaState.problem);
    this.#schemaAwaitedSince.delete(memory);
    const wire = { encoding: memory.presence.encoding, schema: schemaOf(schemaState) };
    const unsendable = findUnwritable(device, wire, schemaState);
    if (unsendable !== undefined) return this.#reportProblem(memory, unsendable);
    const desired = checkDesired(device.properties?.desired ?? {}, wire.schema, rules.limits.maxNesting);
    const input = {
      device,
      desired,
      wire,
      copy: copy ?? this.#parseCopy(memory.copy.lost, schemaState),
      cluster: rules.scope.cluster,
      claimed: memory.revisions.claimed,
      now: runtime.clock.now(),
    };
    const composed = composeDocument(input);
    const problem = this.#findProblem(memory, composed);
    if (problem !== undefined) return this.#reportProblem(memory, problem);
    const text = copyText(composed.payload);
    if (text !== memory.copy.standing?.payload) {
      const outcome = await publisher.publish(memory, composed, text);
      if (outcome !== undefined) return outcome;
    }
    return this.#conclude(memory, device);
  }

  /** Whoever learns more of the schema wakes us; a change that has waited for it for long is told. */
  #awaitSchema(memory: DeviceMemory, device: Device, problem: PublishProblem | undefined): Outcome {
    const now = this.#deps.runtime.clock.monotonic();
    const since = this.#schemaAwaitedSince.get(memory) ?? now;
    this.#schemaAwaitedSince.set(memory, since);
    const isChanged = device.status?.observedGeneration !== device.metadata.generation;
    const isLong = now - since >= SCHEMA_RETRY_MS;
    if (problem !== undefined || (isChanged && isLong))
      this.#reportProblem(memory, problem ?? problemOf('SchemaPending'));
    return { kind: 'requeue', afterMs: SCHEMA_RETRY_MS };
  }

  #findProblem(memory: DeviceMemory, { payload, messages, stuck, isExhausted }: Composed): PublishProblem | undefined {
    const { rules, broker } = this.#deps;
    const { limits } = rules;
    if (isExhausted) return problemOf('RevisionsExhausted');
    if (stuck !== undefined) return { reason: 'Invalid', message: describeStuck(stuck) };
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

  #reportProblem(memory: DeviceMemory, problem: PublishProblem): Outcome {
    advanceCopy(memory, { kind: 'held', problem }, this.#deps.wake);
    return DONE;
  }

  #conclude(memory: DeviceMemory, { metadata }: Device): Outcome {
    const { runtime, wake } = this.#deps;
    // The device may have answered before the broker did: then there is nothing to wait for.
    const isAnswered = memory.inbox.size > 0;
    const tellAfterMs = isAnswered ? 0 : Math.max(0, memory.status.answerAwaitedUntil - runtime.clock.monotonic());
    if (memory.ownerUid === metadata.uid)
      advanceCopy(memory, { kind: 'matched', generation: metadata.generation, tellAfterMs }, wake);
    return DONE;
  }
}

function describeStuck({ message, why }: Stuck): string {
  const obstacle =
    why === 'lost'
      ? 'stands at the broker no more, so that the device would forget it with the next document'
      : 'cannot be written as the device reads it';
  return `${message} does not fit, and its former value ${obstacle}; nothing is sent until you correct it, or remove it from desired`;
}

/** Protobuf without a schema cannot be written. */
function findUnwritable({ properties }: Device, wire: Wire, schemaState: SchemaState): PublishProblem | undefined {
  const isEmpty = Object.keys(properties?.desired ?? {}).length === 0;
  if (wire.encoding !== 'protobuf' || wire.schema !== undefined || isEmpty) return undefined;
  const { reason, message } = schemaState.kind === 'unusable' ? schemaState : NONE_ANNOUNCED;
  return { reason, message: `the device wants protobuf, and there is no schema to write it with: ${message}` };
}

const NONE_ANNOUNCED = { reason: 'SchemaUnavailable', message: 'it announced none' } as const;
