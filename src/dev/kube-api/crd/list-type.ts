/** Uniqueness in lists of `x-kubernetes-list-type` set and map (apiextensions-apiserver, pkg/apiserver/schema/listtype). */
import { goJson } from '../../../api/go-json.ts';
import * as errors from './field-error.ts';
import type { Path } from './field-error.ts';
import { additionalSchema, fieldOf, isObject, propertySchema } from './schema-lookup.ts';
import type { FieldError, Json, JsonObject, Schema } from './types.ts';

export function checkListTypes(value: Json, schema: Schema | undefined, path: Path = ''): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const nested = value.flatMap((one, index) => checkListTypes(one, schema.items, errors.item(path, index)));
    return [...checkList(value, schema, path), ...nested];
  }
  if (!isObject(value)) return [];
  const additional = additionalSchema(schema);
  return Object.entries(value).flatMap(([name, held]) => {
    const property = propertySchema(schema, name);
    const place = property === undefined ? errors.item(path, name) : errors.child(path, name);
    return checkListTypes(held, property ?? additional, place);
  });
}

function checkList(list: readonly Json[], schema: Schema, path: Path): FieldError[] {
  if (schema['x-kubernetes-list-type'] === 'set') {
    return repeated(list).map((index) => errors.duplicate(errors.item(path, index), list[index] ?? null));
  }
  if (schema['x-kubernetes-list-type'] !== 'map') return [];
  const misfit = list.findIndex((one) => one !== null && !isObject(one));
  if (misfit >= 0) {
    const detail = 'must be an object for an array of list-type map';
    return [errors.invalid(errors.item(path, misfit), list[misfit] ?? null, detail)];
  }
  const keys = list.map((one) => keysOf(one, schema['x-kubernetes-list-map-keys'] ?? []));
  return repeated(keys).map((index) => errors.duplicate(errors.item(path, index), keys[index] ?? null));
}

function keysOf(one: Json, names: readonly string[]): JsonObject {
  if (!isObject(one)) return {};
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = fieldOf(one, name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Indices of the second occurrence of each value that occurs more than once. */
function repeated(list: readonly Json[]): number[] {
  const seen = new Map<string, number>();
  return list.flatMap((one, index) => {
    const key = goJson(one);
    const times = (seen.get(key) ?? 0) + 1;
    seen.set(key, times);
    return times === 2 ? [index] : [];
  });
}
