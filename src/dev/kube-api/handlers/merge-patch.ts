import type { Json } from '../crd/index.ts';
import { isObject } from '../kube-object.ts';

/** RFC 7386: null removes, objects are merged, everything else replaces. */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(Object.hasOwn(result, key) ? (result[key] ?? null) : null, value);
  }
  return result;
}
