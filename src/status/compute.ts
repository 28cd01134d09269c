import { Buffer } from 'node:buffer';
import { withTransitionTimes } from '../api/conditions.ts';
import type { ConditionVerdict } from '../api/conditions.ts';
import type { DeviceStatus, JsonObject, Properties, SessionRecord, SyncRecord, Timestamps } from '../api/device.ts';
import { own } from '../api/own.ts';
import { factsOf } from '../api/reasons.ts';
import { reencode } from '../document/encode.ts';
import { hasValue } from '../document/standing.ts';
import type { StandingEntry } from '../document/standing.ts';
import { canonicalJson, digest } from '../protocol/canonical.ts';
import type { Presence } from '../presence/presence.ts';
import type { PublishProblem } from '../document/broker-copy.ts';
import { fitReported, fitTexts, leftOut } from './fit.ts';
import { schemaOf } from '../twin/schema-state.ts';
import { judgeSync } from './sync-state.ts';
import { nameUnanswered } from './unanswered.ts';
import { judgeConditions, judgeSize } from './conditions.ts';
import type { StatusInput } from './input.ts';

export interface ComputedStatus {
  /** With the heartbeat that was written last. */
  readonly status: DeviceStatus;
  /** The last one, which is not worth a write of its own each time. */
  readonly heartbeat: string | undefined;
  /** Reported message names that did not fit the limit. */
  readonly refused: readonly string[];
}

/** The status that `input` leads to: pure, level-triggered, and equal to the present one when nothing has happened. */
export function computeStatus(input: StatusInput): ComputedStatus {
  const { device } = input;
  const before = device.status ?? {};
  const reported = absorbReports(input, before);
  // Without the schema that is on its way nothing can be compared.
  const canJudge = input.claim.kind === 'owner' && input.schemaState.kind !== 'pending';
  const online = isOnline(input);
  const judged = canJudge ? judgeMessages(input, reported.values) : (before.sync ?? {});
  const sync = online ? nameUnanswered(judged, before, input.presence, input.now) : judged;
  const verdicts = judgeConditions(input, sync, online);
  const core = {
    observedGeneration: device.metadata.generation,
    online,
    sync,
    ...optional('session', sessionRecord(input.presence)),
    ...optional('schema', schemaStatus(input)),
    ...optional('lastHeartbeat', before.lastHeartbeat),
  };
  const properties = { desired: desiredTimes(input, sync), reported: reported.times };
  // What has been written fitted: only news can outgrow the object, and to measure a large twin takes long.
  const values = reported.isChanged
    ? fitReported(device, { ...core, properties, verdicts }, reported.values)
    : reported.values;
  const size = judgeSize(leftOut(values, reported.times));
  const now = new Date(input.now).toISOString();
  const status: DeviceStatus = fitTexts({
    ...core,
    reported: values,
    properties: { ...properties, reported: keepTimes(reported.times, values, before) },
    conditions: withTransitionTimes(before.conditions ?? [], [...verdicts, ...size], now),
  });
  return { status, heartbeat: heartbeatOf(input), refused: reported.refused };
}

/** `status` with the reports that were written last: what is left when the API server refuses it as a whole, and says why. */
export function withoutReports(input: StatusInput, status: DeviceStatus, why: string): DeviceStatus {
  const before = input.device.status ?? {};
  const verdict: ConditionVerdict = {
    type: 'Truncated',
    status: 'True',
    reason: 'StatusRefused',
    message: `the API server takes no reports: ${why}`,
  };
  const now = new Date(input.now).toISOString();
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'Truncated');
  return fitTexts({
    ...status,
    reported: before.reported ?? {},
    properties: { ...status.properties, reported: before.properties?.reported ?? {} },
    conditions: [...others, ...withTransitionTimes(before.conditions ?? [], [verdict], now)],
  });
}

/** A value that is left out time and again is not worth a write each time. */
function keepTimes(times: Timestamps, values: Properties, before: DeviceStatus): Timestamps {
  const kept = Object.entries(times).map(([message, time]) => {
    return [message, Object.hasOwn(values, message) ? time : (before.properties?.reported?.[message] ?? time)] as const;
  });
  return Object.fromEntries(kept);
}

/** When the device was last heard, as it is written; undefined: never, or not of this object. */
function heartbeatOf({ presence, claim, device }: StatusInput): string | undefined {
  const { lastHeartbeat } = presence;
  if (lastHeartbeat === undefined || claim.kind !== 'owner' || device.spec.disabled === true) return undefined;
  return new Date(Math.floor(lastHeartbeat / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

interface Reported {
  readonly values: Properties;
  readonly times: Timestamps;
  /** `values` may be larger than what was written last. */
  readonly isChanged: boolean;
  readonly refused: readonly string[];
}

function absorbReports(input: StatusInput, before: DeviceStatus): Reported {
  const announced = keepAnnounced(input, before.reported ?? {});
  const values = retype(input, announced);
  const times = keepAnnounced(input, before.properties?.reported ?? {});
  const refused: string[] = [];
  let isChanged = values !== announced;
  if (input.claim.kind !== 'owner') return { values, times, isChanged, refused };
  for (const [message, { envelope, receivedAt }] of input.reports) {
    if (envelope.value === undefined) continue;
    const text = canonicalJson(envelope.value);
    const present = values[message];
    const isNew = present === undefined && !Object.hasOwn(times, message);
    if (isNew && Math.max(Object.keys(values).length, Object.keys(times).length) >= input.maxMessages) {
      refused.push(message);
    } else if (present === undefined || canonicalJson(present) !== text) {
      // Without nulls: null is unset, and a merge patch could not carry it.
      values[message] = JSON.parse(text) as JsonObject;
      times[message] = new Date(receivedAt).toISOString();
      isChanged = true;
    }
  }
  return { values, times, isChanged, refused };
}

/** What was reported before this schema was known, in its canonical form; what does not fit it, or outgrows its limit, stays as it was said. */
function retype(input: StatusInput, values: Record<string, JsonObject>): Record<string, JsonObject> {
  const { schemaState, device, maxValueBytes } = input;
  if (schemaState.kind !== 'typed' || schemaState.schema.hash === device.status?.schema?.hash) return values;
  const retyped = Object.entries(values).map(([message, value]): [string, JsonObject] => {
    const checked = schemaState.schema.message(message)?.canonicalize(value, { defaults: true });
    const isTaken = checked?.ok === true && Buffer.byteLength(canonicalJson(checked.value)) <= maxValueBytes;
    return [message, isTaken ? checked.value : value];
  });
  return Object.fromEntries(retyped);
}

function keepAnnounced<T>(input: StatusInput, map: Readonly<Record<string, T>>): Record<string, T> {
  const { announced } = input;
  if (announced === undefined) return { ...map };
  const keep = new Set(announced);
  return Object.fromEntries(Object.entries(map).filter(([message]) => keep.has(message) || input.reports.has(message)));
}

function judgeMessages(input: StatusInput, reported: Properties): Record<string, SyncRecord> {
  const desired = Object.keys(input.device.properties?.desired ?? {});
  const judged = desired.map((message) => [message, judgeMessage(input, message, own(reported, message))] as const);
  return Object.fromEntries(judged.filter((pair): pair is readonly [string, SyncRecord] => pair[1] !== undefined));
}

function judgeMessage(input: StatusInput, message: string, reported: JsonObject | undefined): SyncRecord | undefined {
  const prior = own(input.device.status?.sync, message);
  const desired = own(input.desired.values, message);
  if (desired === undefined) {
    const misfit = { reason: 'Invalid', message: own(input.desired.invalid, message) ?? '' } as const;
    return invalidRecord(input, message, prior, misfit);
  }
  const { publication } = input;
  const schema = schemaOf(input.schemaState);
  const entry = publishedEntry(input, message);
  if (entry === undefined || !hasValue(entry, message, desired, schema)) {
    const isInvalid = publication.kind === 'held' && factsOf(publication.problem.reason).isInvalid === true;
    return isInvalid ? invalidRecord(input, message, prior, publication.problem) : prior;
  }
  const verdict = judgeSync({
    prior,
    uid: input.device.metadata.uid,
    revision: entry.revision,
    desired,
    reported,
    report: input.reports.get(message)?.envelope,
    type: schema?.message(message),
  });
  const isSame = prior?.state === verdict.state && prior.revision === entry.revision;
  const since = isSame ? prior.since : new Date(input.now).toISOString();
  return {
    state: verdict.state,
    revision: entry.revision,
    digest: digest(desired),
    since,
    ...optional('reason', verdict.reason),
    ...optional('message', verdict.message),
  };
}

/** The revision stays with the value that had it; a value that was never sent has none. */
function invalidRecord(
  input: StatusInput,
  message: string,
  prior: SyncRecord | undefined,
  problem: PublishProblem,
): SyncRecord {
  return {
    state: 'Invalid',
    ...lastSent(input, message, prior),
    since: prior?.state === 'Invalid' ? prior.since : new Date(input.now).toISOString(),
    reason: problem.reason,
    message: problem.message,
  };
}

/** What stands may be newer than the record: a message can be sent and become Invalid between two writes. */
function lastSent(
  input: StatusInput,
  message: string,
  prior: SyncRecord | undefined,
): Pick<SyncRecord, 'revision' | 'digest'> {
  const { revision, digest: recorded } = prior ?? { revision: 0, digest: '' };
  const entry = publishedEntry(input, message);
  if (entry === undefined || entry.revision <= revision) return { revision, digest: recorded };
  const content = reencode(entry.content, message, { encoding: 'json', schema: schemaOf(input.schemaState) });
  const isReadable = content !== undefined && !(content instanceof Uint8Array);
  return { revision: entry.revision, digest: isReadable ? digest(content) : '' };
}

function publishedEntry(input: StatusInput, message: string): StandingEntry | undefined {
  return own(input.publication.document?.messages, message);
}

function desiredTimes(input: StatusInput, sync: Readonly<Record<string, SyncRecord>>): Timestamps {
  const before = input.device.status?.properties?.desired ?? {};
  const times = Object.keys(input.device.properties?.desired ?? {}).map((message) => {
    const entry = publishedEntry(input, message);
    const isCurrent = entry !== undefined && own(sync, message)?.revision === entry.revision;
    return [message, isCurrent ? entry.time : own(before, message)] as const;
  });
  return Object.fromEntries(times.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

function schemaStatus({ schemaState, device, claim, now }: StatusInput): DeviceStatus['schema'] {
  const before = device.status?.schema;
  if (claim.kind !== 'owner' || schemaState.kind === 'pending') return before;
  if (schemaState.kind === 'untyped') return undefined;
  if (schemaState.kind === 'unusable') return { hash: schemaState.hash };
  const { hash, packageNames } = schemaState.schema;
  if (before?.hash === hash && before.packageNames !== undefined) return before;
  return { hash, packageNames, lastSchemaFetch: new Date(now).toISOString() };
}

function isOnline(input: StatusInput): boolean {
  return input.claim.kind === 'owner' && input.device.spec.disabled !== true && input.presence.online;
}

function sessionRecord(presence: Presence): SessionRecord | undefined {
  if (!presence.hasBirth) return undefined;
  const open = presence.former.filter(({ isOpen }) => isOpen).map(({ id }) => id);
  const asleepUntil = presence.asleepUntil === undefined ? undefined : new Date(presence.asleepUntil).toISOString();
  return {
    ...optional('id', presence.session),
    ...optional('heartbeat', presence.heartbeatSeconds === 0 ? undefined : presence.heartbeatSeconds),
    ...optional('maxBytes', presence.maxBytes),
    ...optional('encoding', presence.encoding === 'json' ? undefined : presence.encoding),
    ...optional('asleepUntil', asleepUntil),
    ...optional('former', open.length === 0 ? undefined : open),
  };
}

/** `{ [key]: value }`, or nothing when the value is undefined: an absent field and an undefined one are not the same in JSON. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}
