import type { DeviceStatus, JsonObject } from '../api/device.ts';
import { diffMergePatch } from '../kube/merge-patch.ts';

/**
 * What a status write is about, which decides how long it may wait: a decision or sync state; going online or offline; reported
 * values; a heartbeat alone.
 */
export type WriteClass = 'sync' | 'online' | 'reported' | 'heartbeat';

/** Priorities of the status queue, higher first. */
export const WRITE_PRIORITY: Readonly<Record<WriteClass, number>> = { sync: 3, online: 2, reported: 1, heartbeat: 0 };

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

function classify(patch: JsonObject, before: DeviceStatus | undefined, after: DeviceStatus): WriteClass {
  const isNew = (isOnline: boolean): boolean => verdictsOf(before, isOnline) !== verdictsOf(after, isOnline);
  if ('sync' in patch || 'observedGeneration' in patch || isNew(false)) return 'sync';
  if ('online' in patch || 'session' in patch || isNew(true)) return 'online';
  // Conditions that say the same in other words, as after an upgrade, can wait like values.
  return 'reported' in patch || 'properties' in patch || 'conditions' in patch ? 'reported' : 'heartbeat';
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
