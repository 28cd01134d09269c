import { findCondition } from '../api/conditions.ts';
import type { DeviceStatus, JsonObject } from '../api/device.ts';
import { diffMergePatch } from '../api/merge-patch.ts';
import { WRITE_PRIORITY } from '../twin/write-class.ts';
import type { WriteClass } from '../twin/write-class.ts';

/** Four in flight make as many writes a second as two cores of an API server can, measured. */
const UNHURRIED_WRITES = 4;

export interface StatusWrite {
  /** JSON merge patch of `.status`. */
  readonly patch: JsonObject;
  readonly writeClass: WriteClass;
}

/** The smallest write that turns `before` into `after`; undefined when they say the same. */
export function planStatusWrite(before: DeviceStatus | undefined, after: DeviceStatus): StatusWrite | undefined {
  const old = toJson({ ...before });
  const patch = diffMergePatch(old, withoutEmpty(toJson({ ...after }), old));
  return patch === undefined ? undefined : { patch, writeClass: classify(patch, before, after) };
}

export interface PlannedStatus {
  readonly status: DeviceStatus;
  readonly write: StatusWrite | undefined;
}

/** The same with the last heartbeat, which rides along with what is written, and is written alone only when its turn has come. */
export function planWithHeartbeat(
  before: DeviceStatus | undefined,
  after: DeviceStatus,
  heartbeat: string | undefined,
  isHeartbeatDue: boolean,
): PlannedStatus {
  const write = planStatusWrite(before, after);
  const isNews = isHeartbeatDue && before?.lastHeartbeat !== heartbeat;
  if (heartbeat === undefined || (write === undefined && !isNews)) return { status: after, write };
  const patch = { ...write?.patch, lastHeartbeat: heartbeat };
  return {
    status: { ...after, lastHeartbeat: heartbeat },
    write: { patch, writeClass: write?.writeClass ?? 'heartbeat' },
  };
}

/** What is not urgent takes what keeps a small API server busy, and one request at a time while it is slower than it can be. */
export function mostStatusWrites(api: { readonly isCrowded: boolean }): (priority: number) => number {
  return (priority) => {
    if (priority > WRITE_PRIORITY.pending) return Number.POSITIVE_INFINITY;
    return api.isCrowded ? 1 : UNHURRIED_WRITES;
  };
}

/** The most urgent thing in it counts: all of it is written with it. */
function classify(patch: JsonObject, before: DeviceStatus | undefined, after: DeviceStatus): WriteClass {
  const isNew = (isOnline: boolean): boolean => verdictsOf(before, isOnline) !== verdictsOf(after, isOnline);
  const isSync = 'sync' in patch || 'observedGeneration' in patch || isNew(false);
  if (isSync && !isAwaited(after)) return 'sync';
  if ('online' in patch || 'session' in patch || isNew(true)) return 'online';
  if ('reported' in patch) return 'reported';
  if (isSync) return 'pending';
  // Conditions that say the same in other words, as after an upgrade, can wait like values.
  return 'properties' in patch || 'conditions' in patch ? 'reported' : 'heartbeat';
}

/** All is as it should be but for the device, which has not said what becomes of the change. */
function isAwaited({ conditions }: DeviceStatus): boolean {
  const reason = findCondition(conditions, 'Synced')?.reason;
  return (reason === 'Pending' || reason === 'Acknowledged') && findCondition(conditions, 'Ready')?.status === 'True';
}

/** What `Online` says, or what all others say, as text to compare. Unknown is no verdict. */
function verdictsOf(status: DeviceStatus | undefined, isOnline: boolean): string {
  const verdicts = (status?.conditions ?? []).filter(
    (condition) => (condition.type === 'Online') === isOnline && condition.status !== 'Unknown',
  );
  return JSON.stringify(verdicts.map(({ type, status: verdict, reason }) => [type, verdict, reason]));
}

/** An empty map is not worth a write where there was none; one that became empty is. */
function withoutEmpty(after: JsonObject, before: JsonObject): JsonObject {
  const entries = Object.entries(after).filter(([key, value]) => !isEmpty(value) || Object.hasOwn(before, key));
  return Object.fromEntries(entries);
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isEmpty);
}

/** The status type has only JSON in it; interfaces lack the index signature that says so. */
function toJson(status: DeviceStatus): JsonObject {
  return status as unknown as JsonObject;
}
