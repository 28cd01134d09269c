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
  if ('sync' in patch || 'observedGeneration' in patch || hasNewVerdict(before, after)) return 'sync';
  if ('online' in patch || 'session' in patch || 'conditions' in patch) return 'online';
  return 'reported' in patch || 'properties' in patch ? 'reported' : 'heartbeat';
}

function hasNewVerdict(before: DeviceStatus | undefined, after: DeviceStatus): boolean {
  const verdicts = (status: DeviceStatus | undefined): string =>
    JSON.stringify(
      (status?.conditions ?? [])
        .filter(({ type }) => type !== 'Online')
        .map(({ type, status: s, reason }) => [type, s, reason]),
    );
  return verdicts(before) !== verdicts(after);
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
