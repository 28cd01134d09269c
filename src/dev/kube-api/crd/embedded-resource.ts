/** Objects inside objects (`x-kubernetes-embedded-resource`): they must say what they are. */
import { isDnsLabel, MIXED_CASE_RULE } from './dns-label.ts';
import * as errors from './field-error.ts';
import type { Path } from './field-error.ts';
import { additionalSchema, fieldOf, isObject, propertySchema } from './schema-lookup.ts';
import type { FieldError, Json, JsonObject, Schema } from './types.ts';

export function checkEmbeddedResources(value: Json, schema: Schema | undefined, path: Path = ''): FieldError[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    return value.flatMap((one, index) => checkEmbeddedResources(one, schema.items, errors.item(path, index)));
  }
  if (!isObject(value)) return [];
  const own = schema['x-kubernetes-embedded-resource'] === true ? checkTypeMeta(value, path) : [];
  const additional = additionalSchema(schema);
  const nested = Object.entries(value).flatMap(([name, held]) => {
    const property = propertySchema(schema, name);
    const place = property === undefined ? errors.item(path, name) : errors.child(path, name);
    return checkEmbeddedResources(held, property ?? additional, place);
  });
  return [...own, ...nested];
}

function checkTypeMeta(resource: JsonObject, path: Path): FieldError[] {
  return [...checkWord(resource, 'apiVersion', path, checkApiVersion), ...checkWord(resource, 'kind', path, checkKind)];
}

function checkWord(
  resource: JsonObject,
  name: string,
  path: Path,
  faultOf: (word: string) => string | undefined,
): FieldError[] {
  const held = fieldOf(resource, name);
  const place = errors.child(path, name);
  if (held === undefined) return [errors.required(place)];
  if (typeof held !== 'string') return [errors.invalid(place, held, 'must be a string')];
  const fault = held === '' ? 'must not be empty' : faultOf(held);
  return fault === undefined ? [] : [errors.invalid(place, held, fault)];
}

function checkApiVersion(word: string): string | undefined {
  return word.split('/').length > 2 ? `unexpected GroupVersion string: ${word}` : undefined;
}

function checkKind(word: string): string | undefined {
  return isDnsLabel(word.toLowerCase()) ? undefined : MIXED_CASE_RULE;
}
