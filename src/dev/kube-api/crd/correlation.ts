/**
 * Which old value a new value is compared with on an update. Fields correlate by name, items of a list-type map by their
 * keys, items of other lists not at all. What did not change is not held against the request (validation ratcheting).
 */
import { isNumeral } from '../../../api/exact-json.ts';
import { fieldOf, fieldSchema, isObject } from './schema-lookup.ts';
import type { Json, JsonObject, Schema } from './types.ts';

export interface Correlation {
  readonly schema: Schema;
  readonly value: Json;
  readonly old: Json;
}

export function correlateField(correlation: Correlation | undefined, name: string): Correlation | undefined {
  if (correlation === undefined || !isObject(correlation.value) || !isObject(correlation.old)) return undefined;
  const value = fieldOf(correlation.value, name);
  const old = fieldOf(correlation.old, name);
  const schema = fieldSchema(correlation.schema, name);
  if (value === undefined || old === undefined || schema === undefined) return undefined;
  return { schema, value, old };
}

export function correlateItem(correlation: Correlation | undefined, index: number): Correlation | undefined {
  if (correlation === undefined || !Array.isArray(correlation.value) || !Array.isArray(correlation.old))
    return undefined;
  const value = correlation.value[index];
  const { items } = correlation.schema;
  if (value === undefined || items === undefined) return undefined;
  const old = findByKeys(correlation.schema, correlation.old, value);
  return old === undefined ? undefined : { schema: items, value, old };
}

/** The item of a list-type map that has the keys of `like`; nothing in lists of other types. */
export function findByKeys(schema: Schema, list: readonly Json[], like: Json): Json | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map' || !isObject(like)) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  return list.find((candidate) => isObject(candidate) && keys.every((key) => sameKey(schema, candidate, like, key)));
}

function sameKey(schema: Schema, left: JsonObject, right: JsonObject, key: string): boolean {
  const byDefault = schema.items === undefined ? undefined : fieldSchema(schema.items, key)?.default;
  return (fieldOf(left, key) ?? byDefault) === (fieldOf(right, key) ?? byDefault);
}

/** Whether the value is what it was, as ratcheting sees it: fields without a schema count as changed. */
export function isUnchanged(correlation: Correlation | undefined): boolean {
  if (correlation === undefined) return false;
  const { value, old, schema } = correlation;
  if (Array.isArray(value) && Array.isArray(old)) {
    if (value.length !== old.length) return false;
    if (schema['x-kubernetes-list-type'] !== 'map') return sameJson(value, old);
    return value.every((_, index) => isUnchanged(correlateItem(correlation, index)));
  }
  if (isObject(value) && isObject(old)) {
    const names = Object.keys(value);
    return (
      names.length === Object.keys(old).length && names.every((name) => isUnchanged(correlateField(correlation, name)))
    );
  }
  return value === old;
}

export function sameJson(left: Json, right: Json): boolean {
  if (isNumeral(left)) return isNumeral(right) && left.rawJSON === right.rawJSON;
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((one, index) => sameJson(one, right[index] ?? null))
    );
  }
  if (isObject(left)) {
    if (!isObject(right)) return false;
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => Object.hasOwn(right, name) && sameJson(left[name] ?? null, right[name] ?? null))
    );
  }
  return left === right;
}
