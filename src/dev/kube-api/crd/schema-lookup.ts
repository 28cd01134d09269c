import { isJsonObject } from '../../../api/exact-json.ts';
import type { Json, JsonObject, Schema } from './types.ts';

/** The schema of a named property; safe for names such as `constructor`. */
export function propertySchema(schema: Schema, name: string): Schema | undefined {
  const { properties } = schema;
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** The schema that every property without one of its own must fit. */
export function additionalSchema(schema: Schema): Schema | undefined {
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

export function fieldSchema(schema: Schema, name: string): Schema | undefined {
  return propertySchema(schema, name) ?? additionalSchema(schema);
}

export function isObject(value: unknown): value is JsonObject {
  return isJsonObject(value);
}

/** Own value of `name`, so that names of `Object.prototype` are absent unless sent. */
export function fieldOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
