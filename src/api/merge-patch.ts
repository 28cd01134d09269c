import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from './device.ts';
import { isJsonObject } from './exact-json.ts';

/** `target` after a JSON merge patch (RFC 7386): null removes, objects are merged, everything else replaces. */
export function applyMergePatch(target: JsonValue | undefined, patch: JsonObject): JsonObject;
export function applyMergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue;
export function applyMergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const result = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, applyMergePatch(result.get(key), value));
  }
  return Object.fromEntries(result);
}

/**
 * The JSON merge patch (RFC 7386) that turns `before` into `after`; undefined when nothing differs.
 * `after` must hold no null inside objects: a merge patch cannot say it.
 */
export function diffMergePatch(before: JsonObject, after: JsonObject): JsonObject | undefined {
  const patch: [string, JsonValue][] = [];
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) patch.push([key, null]);
  }
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    const change =
      isJsonObject(old) && isJsonObject(value)
        ? diffMergePatch(old, value)
        : isDeepStrictEqual(old, value)
          ? undefined
          : value;
    if (change !== undefined) patch.push([key, change]);
  }
  // Not assigned one by one: a key may be `__proto__`.
  return patch.length === 0 ? undefined : Object.fromEntries(patch);
}
