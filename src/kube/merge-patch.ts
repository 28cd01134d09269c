import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from '../api/device.ts';

/**
 * The JSON merge patch (RFC 7386) that turns `before` into `after`; undefined when nothing differs.
 * `after` must hold no null inside objects: a merge patch cannot say it.
 */
export function diffMergePatch(before: JsonObject, after: JsonObject): JsonObject | undefined {
  const patch: Record<string, JsonValue> = {};
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) patch[key] = null;
  }
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    const change =
      isObject(old) && isObject(value) ? diffMergePatch(old, value) : isDeepStrictEqual(old, value) ? undefined : value;
    if (change !== undefined) patch[key] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
