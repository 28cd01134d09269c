/**
 * Strategic merge as far as the built-in resources need it: they consist of maps, so it is a merge patch, except for the lists
 * that merge: finalizers by value, owner references by uid, conditions by type.
 */
import type { Json, JsonObject } from '../crd/index.ts';
import { notImplemented } from '../errors.ts';
import { isObject } from '../kube-object.ts';

const MERGE_KEYS: Readonly<Record<string, string>> = { ownerReferences: 'uid', conditions: 'type' };
const DELETE_FROM = '$deleteFromPrimitiveList/';

export function strategicMerge(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  if (patch['$patch'] === 'replace') return without(patch, '$patch');
  if (patch['$patch'] !== undefined)
    throw notImplemented(`the strategic merge directive $patch: ${JSON.stringify(patch['$patch'])}`);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE_FROM)) removeValues(result, key.slice(DELETE_FROM.length), value);
    else if (key.startsWith('$')) continue; // $setElementOrder, $retainKeys: order only, and unions that no built-in has
    else if (value === null) delete result[key];
    else result[key] = mergeField(key, Object.hasOwn(result, key) ? (result[key] ?? null) : null, value);
  }
  return result;
}

function mergeField(key: string, held: Json, value: Json): Json {
  if (!Array.isArray(value)) return strategicMerge(held, value);
  const before = Array.isArray(held) ? held : [];
  if (key === 'finalizers') return [...new Set([...before, ...value])];
  const mergeKey = MERGE_KEYS[key];
  return mergeKey === undefined ? value : mergeByKey(before, value, mergeKey);
}

function mergeByKey(before: readonly Json[], changes: readonly Json[], mergeKey: string): Json[] {
  const idOf = (one: Json): Json | undefined => (isObject(one) ? one[mergeKey] : undefined);
  let result = [...before];
  for (const change of changes) {
    const id = idOf(change);
    const index = result.findIndex((one) => idOf(one) === id);
    if (isObject(change) && change['$patch'] === 'delete') result = result.filter((one) => idOf(one) !== id);
    else if (index < 0) result.push(change);
    else result[index] = strategicMerge(result[index] ?? null, change);
  }
  return result;
}

function removeValues(result: JsonObject, field: string, values: Json): void {
  const held = result[field];
  if (Array.isArray(held) && Array.isArray(values)) result[field] = held.filter((one) => !values.includes(one));
}

function without(object: JsonObject, field: string): JsonObject {
  const { [field]: _, ...rest } = object;
  return rest;
}
