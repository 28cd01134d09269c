/** Defaulting and pruning of a custom resource (apiextensions-apiserver, pkg/apiserver/schema/{defaulting,pruning}). */
import { additionalSchema, fieldOf, fieldSchema, isObject, propertySchema } from './schema-lookup.ts';
import type { Json, JsonObject, Schema } from './types.ts';

const OBJECT_META_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
]);
const TYPE_META_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Removes nulls that are neither allowed nor replaced by a default, then fills in defaults; changes `value` in place. */
export function applyDefaults(value: Json, schema: Schema): void {
  dropNulls(value, schema);
  fillDefaults(value, schema);
}

function dropNulls(value: Json, schema: Schema | undefined): void {
  if (Array.isArray(value)) {
    for (const one of value) dropNulls(one, schema?.items);
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) {
      const field = schema === undefined ? undefined : fieldSchema(schema, name);
      const held = value[name] ?? null;
      if (held === null && field !== undefined && field.nullable !== true && field.default === undefined) {
        delete value[name];
      } else {
        dropNulls(held, field);
      }
    }
  }
}

/** Fills in defaults, also for a null that may not be; changes `value` in place. */
export function fillDefaults(value: Json, schema: Schema | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) fillItems(value, schema.items);
  else if (isObject(value)) fillFields(value, schema);
}

function fillItems(list: Json[], items: Schema | undefined): void {
  for (const [index, one] of list.entries()) {
    if (isUnwantedNull(one, items)) list[index] = structuredClone(items?.default ?? null);
    fillDefaults(list[index] ?? null, items);
  }
}

function fillFields(object: JsonObject, schema: Schema): void {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined) continue;
    const held = fieldOf(object, name);
    if (held === undefined || isUnwantedNull(held, property)) object[name] = structuredClone(property.default);
  }
  const additional = additionalSchema(schema);
  for (const name of Object.keys(object)) {
    const property = propertySchema(schema, name);
    if (property === undefined && isUnwantedNull(object[name] ?? null, additional)) {
      object[name] = structuredClone(additional?.default ?? null);
    }
    fillDefaults(object[name] ?? null, property ?? additional);
  }
}

function isUnwantedNull(value: Json, schema: Schema | undefined): boolean {
  return value === null && schema !== undefined && schema.nullable !== true;
}

/** Removes what the schema does not name, in place, and returns the sorted paths of what went. */
export function prune(object: JsonObject, schema: Schema): string[] {
  const unknown: string[] = [];
  pruneValue(object, { ...schema, 'x-kubernetes-embedded-resource': true }, '', unknown);
  pruneMetadata(object, unknown);
  return unknown.sort();
}

function pruneMetadata(object: JsonObject, unknown: string[]): void {
  const metadata = fieldOf(object, 'metadata');
  if (!isObject(metadata)) return;
  for (const name of Object.keys(metadata)) {
    if (OBJECT_META_FIELDS.has(name)) continue;
    unknown.push(`metadata.${name}`);
    delete metadata[name];
  }
}

function pruneValue(value: Json, schema: Schema | undefined, path: string, unknown: string[]): void {
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) pruneValue(one, itemsOf(schema), `${path}[${index}]`, unknown);
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) pruneField(value, name, schema, path, unknown);
  }
}

/** Items of a list that preserves unknown fields preserve them too, unless they have properties of their own to say. */
function itemsOf(schema: Schema | undefined): Schema | undefined {
  if (schema?.['x-kubernetes-preserve-unknown-fields'] !== true) return schema?.items;
  return { ...schema.items, 'x-kubernetes-preserve-unknown-fields': true };
}

function pruneField(
  object: JsonObject,
  name: string,
  schema: Schema | undefined,
  path: string,
  unknown: string[],
): void {
  if (schema?.['x-kubernetes-embedded-resource'] === true && TYPE_META_FIELDS.has(name)) return;
  const fieldPath = path === '' ? name : `${path}.${name}`;
  const field = schema === undefined ? undefined : propertySchema(schema, name);
  const hasAdditional = schema?.additionalProperties !== undefined && schema.additionalProperties !== false;
  if (schema !== undefined && (field !== undefined || hasAdditional)) {
    pruneValue(object[name] ?? null, field ?? additionalSchema(schema), fieldPath, unknown);
  } else if (schema?.['x-kubernetes-preserve-unknown-fields'] !== true) {
    unknown.push(fieldPath);
    delete object[name];
  }
}
