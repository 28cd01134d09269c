import { settleConditions } from '../api/conditions.ts';
import type { DeviceStatus, JsonObject, Properties, SessionRecord, SyncRecord, Timestamps } from '../api/device.ts';
import { canonicalJson, digest } from '../protocol/canonical.ts';
import type { DesiredEntry } from '../protocol/envelopes.ts';
import type { Presence } from '../liveness/presence.ts';
import { judgeSync } from '../upstream/sync-state.ts';
import { planStatusWrite } from './status-patch.ts';
import { judgeConditions } from './verdicts.ts';
import type { TwinView } from './view.ts';

export interface ComputedStatus {
  readonly status: DeviceStatus;
  /** Reported message names that did not fit the limit. */
  readonly refused: readonly string[];
}

/** The status that the view leads to: pure, level-triggered, and equal to the present one when nothing has happened. */
export function computeStatus(view: TwinView): ComputedStatus {
  const { device } = view;
  const before = device.status ?? {};
  const reported = absorbReports(view, before);
  const sync = view.claim.kind === 'owner' ? judgeMessages(view, reported.values) : (before.sync ?? {});
  const online = isOnline(view);
  const now = new Date(view.now).toISOString();
  const verdicts = judgeConditions(view, sync, online);
  const status: DeviceStatus = {
    observedGeneration: device.metadata.generation,
    online,
    reported: reported.values,
    sync,
    properties: { desired: desiredTimes(view, sync), reported: reported.times },
    conditions: settleConditions(before.conditions ?? [], verdicts, device.metadata.generation, now),
    ...optional('session', sessionRecord(view.presence)),
    ...optional('schema', before.schema),
    ...optional('lastHeartbeat', before.lastHeartbeat),
  };
  return { status: withHeartbeat(view, before, status), refused: reported.refused };
}

/** A heartbeat rides along when something else is written, and is written alone only when its turn has come. */
function withHeartbeat(view: TwinView, before: DeviceStatus, status: DeviceStatus): DeviceStatus {
  const heard = view.presence.lastHeartbeat;
  if (heard === undefined || view.claim.kind !== 'owner' || view.device.spec.disabled === true) return status;
  if (!view.isHeartbeatDue && planStatusWrite(before, status) === undefined) return status;
  const lastHeartbeat = new Date(Math.floor(heard / 1000) * 1000).toISOString().replace('.000Z', 'Z');
  return { ...status, lastHeartbeat };
}

interface Reported {
  readonly values: Properties;
  readonly times: Timestamps;
  readonly refused: readonly string[];
}

function absorbReports(view: TwinView, before: DeviceStatus): Reported {
  const values = keepAnnounced(view, before.reported ?? {});
  const times = keepAnnounced(view, before.properties?.reported ?? {});
  const refused: string[] = [];
  if (view.claim.kind !== 'owner') return { values, times, refused };
  for (const [message, { envelope, receivedAt }] of view.reports) {
    if (envelope.value === undefined) continue;
    const text = canonicalJson(envelope.value);
    const present = values[message];
    if (present === undefined && Object.keys(values).length >= view.maxMessages) {
      refused.push(message);
    } else if (present === undefined || canonicalJson(present) !== text) {
      // Without nulls: null is unset, and a merge patch could not carry it.
      values[message] = JSON.parse(text) as JsonObject;
      times[message] = new Date(receivedAt).toISOString();
    }
  }
  return { values, times, refused };
}

function keepAnnounced<T>(view: TwinView, map: Readonly<Record<string, T>>): Record<string, T> {
  const { announced } = view;
  if (announced === undefined) return { ...map };
  const keep = new Set(announced);
  return Object.fromEntries(Object.entries(map).filter(([message]) => keep.has(message) || view.reports.has(message)));
}

function judgeMessages(view: TwinView, reported: Properties): Record<string, SyncRecord> {
  const desired = Object.entries(view.device.properties?.desired ?? {});
  const judged = desired.map(
    ([message, value]) => [message, judgeMessage(view, message, value, reported[message])] as const,
  );
  return Object.fromEntries(judged.filter((pair): pair is readonly [string, SyncRecord] => pair[1] !== undefined));
}

function judgeMessage(
  view: TwinView,
  message: string,
  desired: JsonObject,
  reported: JsonObject | undefined,
): SyncRecord | undefined {
  const prior = view.device.status?.sync?.[message];
  const entry = publishedEntry(view, message);
  const wanted = digest(desired);
  if (entry === undefined || digest(entry.value) !== wanted) {
    const isInvalid = view.publication.kind === 'held' && INVALID.has(view.publication.problem.reason);
    return isInvalid ? invalidRecord(view, prior) : prior;
  }
  const verdict = judgeSync({
    prior,
    uid: view.device.metadata.uid,
    revision: entry.revision,
    desired,
    reported,
    report: view.reports.get(message)?.envelope,
  });
  const isSame = prior?.state === verdict.state && prior.revision === entry.revision;
  const since = isSame ? prior.since : new Date(view.now).toISOString();
  return {
    state: verdict.state,
    revision: entry.revision,
    digest: wanted,
    since,
    ...optional('reason', verdict.reason),
    ...optional('message', verdict.message),
  };
}

const INVALID: ReadonlySet<string> = new Set(['Invalid', 'TooLarge', 'TooLargeForDevice', 'TooManyMessages']);

/** The revision stays with the value that had it; a value that was never sent has none. */
function invalidRecord(view: TwinView, prior: SyncRecord | undefined): SyncRecord {
  const problem = view.publication.kind === 'held' ? view.publication.problem : undefined;
  return {
    state: 'Invalid',
    revision: prior?.revision ?? 0,
    digest: prior?.digest ?? '',
    since: prior?.state === 'Invalid' ? prior.since : new Date(view.now).toISOString(),
    ...optional('reason', problem?.reason),
    ...optional('message', problem?.message),
  };
}

function publishedEntry(view: TwinView, message: string): DesiredEntry | undefined {
  return view.publication.document?.messages[message];
}

function desiredTimes(view: TwinView, sync: Readonly<Record<string, SyncRecord>>): Timestamps {
  const before = view.device.status?.properties?.desired ?? {};
  const times = Object.keys(view.device.properties?.desired ?? {}).map((message) => {
    const entry = publishedEntry(view, message);
    const isCurrent = entry !== undefined && sync[message]?.revision === entry.revision;
    return [message, isCurrent ? entry.time : before[message]] as const;
  });
  return Object.fromEntries(times.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

function isOnline(view: TwinView): boolean {
  return view.claim.kind === 'owner' && view.device.spec.disabled !== true && view.presence.online;
}

function sessionRecord(presence: Presence): SessionRecord | undefined {
  if (!presence.hasBirth) return undefined;
  const asleepUntil = presence.asleepUntil === undefined ? undefined : new Date(presence.asleepUntil).toISOString();
  return {
    ...optional('id', presence.session),
    ...optional('heartbeat', presence.heartbeatSeconds === 0 ? undefined : presence.heartbeatSeconds),
    ...optional('maxBytes', presence.maxBytes),
    ...optional('asleepUntil', asleepUntil),
  };
}

/** `{ [key]: value }`, or nothing when the value is undefined: an absent field and an undefined one are not the same in JSON. */
function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}
