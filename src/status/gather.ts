import type { Device, DeviceKey } from '../api/device.ts';
import { factsOf } from '../api/reasons.ts';
import type { Runtime } from '../base/runtime.ts';
import { copyBytes } from '../document/copy-text.ts';
import { checkDesired } from '../document/check-desired.ts';
import { parseStanding } from '../document/standing.ts';
import type { StandingDocument } from '../document/standing.ts';
import type { ProtocolLimits } from '../protocol/envelopes.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import { heldProblem, publishedGeneration } from '../document/broker-copy.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Report } from '../twin/inbox.ts';
import { recallPresence } from '../presence/presence.ts';
import { UNTYPED, schemaOf } from '../twin/schema-state.ts';
import type { SchemaState } from '../twin/schema-state.ts';
import type { Twins } from '../twin/twins.ts';
import type { Claim, Publication, StatusInput } from './input.ts';
import { typeReport } from './type-report.ts';
import type { TypedReport } from './type-report.ts';

export interface GatherDeps {
  readonly twins: Pick<Twins, 'schemas'>;
  readonly rules: { readonly limits: ProtocolLimits & { readonly maxMessages: number } };
  readonly runtime: Pick<Runtime, 'clock'>;
  /** What is not published may be on its way, or, when the broker is down, stuck. */
  readonly liveness: { readonly outage: { readonly health: 'up' | 'briefly-down' | 'down' } };
}

/** Reports as they wait in the inbox. */
export type Heard = ReadonlyMap<string, Report>;

/** Gathers what a status is computed from, out of an object and what is remembered of its device. */
export class Gatherer {
  readonly #deps: GatherDeps;
  /** Each report is read by its schema once, however often its device is looked at before it is written. */
  readonly #typed = new WeakMap<Report, { readonly schema: DeviceSchema | undefined; readonly report: TypedReport }>();

  constructor(deps: GatherDeps) {
    this.#deps = deps;
  }

  /** Undefined when the desired side is about to say something: it wakes this one when it has. */
  gather(claim: Claim, device: Device, memory: DeviceMemory, heard: Heard): StatusInput | undefined {
    const { twins, rules, runtime } = this.#deps;
    const { clock } = runtime;
    const { limits } = rules;
    const isOwner = claim.kind === 'owner';
    const schemaState = isOwner ? twins.schemas.schemaStateOf(memory) : UNTYPED;
    const publication = isOwner ? this.#publication(device, memory, schemaState) : NOTHING_PUBLISHED;
    if (publication === undefined) return undefined;
    const schema = schemaOf(schemaState);
    const isHeard = isOwner && schemaState.kind !== 'pending';
    return {
      device,
      now: clock.now(),
      claim,
      publication,
      schemaState,
      desired: checkDesired(device.properties?.desired ?? {}, schema, limits.maxNesting),
      presence: isOwner ? memory.presence : recallPresence(device.status, 0),
      isFlapping: isOwner && memory.presenceSlot.flapping?.isFlapping(clock.monotonic()) === true,
      reports: isHeard ? this.#read(heard, schema) : NO_REPORTS,
      announced: isHeard ? memory.inbox.announced : undefined,
      maxMessages: limits.maxMessages,
      maxValueBytes: limits.maxPayloadBytes,
    };
  }

  /** Whose the id is, is guessed by age: what stands at the broker has not been read yet, and is not refused either. */
  isUndecided(memory: DeviceMemory | undefined): boolean {
    if (memory?.owner === undefined || memory.copy.isRead || this.#isBrokerDown) return false;
    return memory.holder === undefined && heldProblem(memory.copy) === undefined;
  }

  get #isBrokerDown(): boolean {
    return this.#deps.liveness.outage.health === 'down';
  }

  #publication(device: Device, memory: DeviceMemory, schemaState: SchemaState): Publication | undefined {
    const { copy } = memory;
    const document = this.#parseOwn(device, copy.standing?.payload, schemaState);
    const held = heldProblem(copy);
    if (held !== undefined) return { kind: 'held', problem: held, document };
    const isPublished = publishedGeneration(copy) === device.metadata.generation;
    if (isPublished && document !== undefined) return { kind: 'published', document };
    const isNew = device.status?.observedGeneration !== device.metadata.generation;
    // The schema is on its way and decides only how the same is written: whether the device is there is worth telling meanwhile.
    if (!isNew && schemaState.kind === 'pending' && document !== undefined) return { kind: 'published', document };
    if (!isNew || !this.#isBrokerDown) return undefined;
    const reason = 'BrokerUnavailable';
    return { kind: 'held', problem: { reason, message: factsOf(reason).says }, document };
  }

  #parseOwn(device: Device, payload: string | undefined, schemaState: SchemaState): StandingDocument | undefined {
    if (payload === undefined) return undefined;
    const limits = { ...this.#deps.rules.limits, maxPayloadBytes: Number.POSITIVE_INFINITY };
    const document = parseStanding(copyBytes(payload), limits, schemaOf(schemaState));
    return document?.owner.uid === device.metadata.uid ? document : undefined;
  }

  #read(heard: Heard, schema: DeviceSchema | undefined): StatusInput['reports'] {
    const typed = [...heard].map(([name, report]) => {
      return [name, { ...this.#typedOnce(name, report, schema), receivedAt: report.receivedAt }] as const;
    });
    return new Map(typed);
  }

  #typedOnce(name: string, report: Report, schema: DeviceSchema | undefined): TypedReport {
    const known = this.#typed.get(report);
    if (known !== undefined && known.schema === schema) return known.report;
    const typed = typeReport(name, report.envelope, schema, this.#deps.rules.limits.maxPayloadBytes);
    this.#typed.set(report, { schema, report: typed });
    return typed;
  }
}

/** `memory` is that of the device id; an id that is kept for another namespace has none. */
export function claimOf(key: DeviceKey, memory: DeviceMemory | undefined): Claim {
  if (memory?.owner !== key) return { kind: 'duplicate', winner: memory?.owner };
  const { conclusion } = memory.copy;
  return conclusion?.kind === 'foreign' ? conclusion : { kind: 'owner' };
}

/** Of an object that does not speak for its device id. */
const NOTHING_PUBLISHED: Publication = { kind: 'none', document: undefined };

const NO_REPORTS: StatusInput['reports'] = new Map();
