import { isJsonObject } from './exact-json.ts';
import type { JsonObject, JsonValue } from './json-value.ts';

export const isList = (value: unknown): value is readonly JsonValue[] => Array.isArray(value);

/** The object under a field; undefined where there is none. */
export function objectIn(holder: JsonObject | undefined, field: string): JsonObject | undefined {
  const value = holder !== undefined && Object.hasOwn(holder, field) ? holder[field] : undefined;
  return isJsonObject(value) ? value : undefined;
}

/** Those of a Kubernetes object; empty where there are none. */
export function annotationsOf(object: JsonObject | undefined): JsonObject {
  return objectIn(objectIn(object, 'metadata'), 'annotations') ?? {};
}

/** The text under a field; undefined where there is none. */
export function textIn(holder: JsonObject | undefined, field: string): string | undefined {
  const value = holder?.[field];
  return typeof value === 'string' ? value : undefined;
}

/** A copy without one field. */
export function without(object: JsonObject, field: string): JsonObject {
  const { [field]: _gone, ...rest } = object;
  return rest;
}
