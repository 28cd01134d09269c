/**
 * What makes a schema structural (apiextensions-apiserver, pkg/apiserver/schema/validation.go), and the further demands that CRDs make of
 * schemas: types everywhere, combinators that restrict and never describe, extensions where they belong.
 */
import { messageOf } from '../../../base/message-of.ts';
import * as errors from './field-error.ts';
import type { Path } from './field-error.ts';
import { compilePattern } from './pattern.ts';
import { additionalSchema, propertySchema } from './schema-lookup.ts';
import type { FieldError, Schema } from './types.ts';

type Level = 'root' | 'item' | 'field';

const TYPES: ReadonlySet<string> = new Set(['array', 'boolean', 'integer', 'number', 'object', 'string']);
const UNSUPPORTED = ['id', '$ref', 'definitions', 'dependencies', 'patternProperties', 'additionalItems'] as const;

export function checkStructural(schema: Schema, path: Path): FieldError[] {
  return [...checkSpine(schema, 'root', path), ...checkMetadata(schema, path)];
}

function checkSpine(schema: Schema, level: Level, path: Path): FieldError[] {
  return [
    ...checkKeywords(schema, path),
    ...checkType(schema, level, path),
    ...checkExtensions(schema, path),
    ...checkCombinators(schema, level === 'root' ? { schema, path } : undefined, path),
    ...checkChildren(schema, level, path),
  ];
}

function checkChildren(schema: Schema, level: Level, path: Path): FieldError[] {
  const found: FieldError[] = [];
  if (schema.items !== undefined) found.push(...checkSpine(schema.items, 'item', errors.child(path, 'items')));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (level === 'root' && name === 'metadata') continue;
    found.push(...checkSpine(property, 'field', errors.item(errors.child(path, 'properties'), name)));
  }
  const additional = additionalSchema(schema);
  if (additional !== undefined)
    found.push(...checkSpine(additional, 'field', errors.child(path, 'additionalProperties')));
  return found;
}

function checkKeywords(schema: Schema, path: Path): FieldError[] {
  const found: FieldError[] = [];
  for (const keyword of UNSUPPORTED) {
    if (Object.hasOwn(schema, keyword))
      found.push(errors.forbidden(errors.child(path, keyword), `${keyword} is not supported`));
  }
  if (Array.isArray(schema.items)) {
    found.push(errors.forbidden(errors.child(path, 'items'), 'items must be a schema object and not an array'));
  }
  if (schema.uniqueItems === true) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    found.push(errors.forbidden(errors.child(path, 'uniqueItems'), why));
  }
  if (
    schema.additionalProperties !== undefined &&
    schema.additionalProperties !== true &&
    Object.keys(schema.properties ?? {}).length > 0
  ) {
    const why = 'additionalProperties and properties are mutual exclusive';
    found.push(errors.forbidden(errors.child(path, 'additionalProperties'), why));
  }
  return [...found, ...checkPattern(schema, path)];
}

function checkPattern({ pattern }: Schema, path: Path): FieldError[] {
  if (pattern === undefined) return [];
  try {
    compilePattern(pattern);
    return [];
  } catch (cause) {
    const why = `must be a valid regular expression, but isn't: ${messageOf(cause)}`;
    return [errors.invalid(errors.child(path, 'pattern'), pattern, why)];
  }
}

const PLACES: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function checkType(schema: Schema, level: Level, path: Path): FieldError[] {
  const { type = '' } = schema;
  const place = errors.child(path, 'type');
  const isFree =
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  const found: FieldError[] = [];
  if (type === '' && !isFree) found.push(errors.required(place, PLACES[level]));
  if (type !== '' && !TYPES.has(type)) found.push(errors.notSupported(place, type, [...TYPES]));
  if (type === 'array' && schema.items === undefined) {
    found.push(errors.required(errors.child(path, 'items'), 'must be specified'));
  }
  if (level !== 'root') return found;
  if (type !== '' && type !== 'object') found.push(errors.invalid(place, type, 'must be object at the root'));
  if (schema.additionalProperties !== undefined) {
    found.push(errors.forbidden(errors.child(path, 'additionalProperties'), 'must not be used at the root'));
  }
  if (schema.nullable === true)
    found.push(errors.forbidden(errors.child(path, 'nullable'), 'nullable cannot be true at the root'));
  return found;
}

function checkExtensions(schema: Schema, path: Path): FieldError[] {
  const found: FieldError[] = [];
  const preserves = schema['x-kubernetes-preserve-unknown-fields'];
  if (preserves === false) {
    const place = errors.child(path, 'x-kubernetes-preserve-unknown-fields');
    found.push(errors.invalid(place, false, 'must be true or undefined'));
  }
  if (schema['x-kubernetes-int-or-string'] === true && preserves === true) {
    const place = errors.child(path, 'x-kubernetes-preserve-unknown-fields');
    found.push(errors.invalid(place, true, 'must be false if x-kubernetes-int-or-string is true'));
  }
  if (schema['x-kubernetes-embedded-resource'] === true) found.push(...checkEmbedded(schema, path));
  if (schema['x-kubernetes-map-type'] !== undefined && schema.type !== 'object') {
    found.push(misplaced(path, schema.type, 'must be object if x-kubernetes-map-type is specified'));
  }
  if (schema['x-kubernetes-list-type'] !== undefined && schema.type !== 'array') {
    found.push(misplaced(path, schema.type, 'must be array if x-kubernetes-list-type is specified'));
  }
  return [...found, ...checkListMap(schema, path)];
}

function checkEmbedded(schema: Schema, path: Path): FieldError[] {
  const found =
    schema.type === 'object'
      ? []
      : [misplaced(path, schema.type, 'must be object if x-kubernetes-embedded-resource is true')];
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (isOpen || Object.keys(schema.properties ?? {}).length > 0) return found;
  const why =
    'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
  return [...found, errors.required(errors.child(path, 'properties'), why)];
}

function misplaced(path: Path, type: string | undefined, why: string): FieldError {
  const place = errors.child(path, 'type');
  return type === undefined || type === '' ? errors.required(place, why) : errors.invalid(place, type, why);
}

function checkListMap(schema: Schema, path: Path): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const place = errors.child(path, 'x-kubernetes-list-map-keys');
  if (schema['x-kubernetes-list-type'] !== 'map') {
    if (keys.length === 0) return [];
    const type = schema['x-kubernetes-list-type'];
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const listType = errors.child(path, 'x-kubernetes-list-type');
    return [type === undefined ? errors.required(listType, why) : errors.invalid(listType, type, why)];
  }
  if (keys.length === 0) return [errors.required(place, 'must not be empty if x-kubernetes-list-type is map')];
  return keys.flatMap((key) => checkMapKey(schema, key, path));
}

function checkMapKey(schema: Schema, key: string, path: Path): FieldError[] {
  const { items } = schema;
  const property = items === undefined ? undefined : propertySchema(items, key);
  if (items === undefined || property === undefined) {
    const place = errors.child(path, 'x-kubernetes-list-map-keys');
    return [
      errors.invalid(
        place,
        [...(schema['x-kubernetes-list-map-keys'] ?? [])],
        'entries must all be names of item properties',
      ),
    ];
  }
  if (property.default !== undefined || items.required?.includes(key) === true) return [];
  const place = errors.child(errors.item(errors.child(errors.child(path, 'items'), 'properties'), key), 'default');
  const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
  return [errors.required(place, why)];
}

/** Where the spine stands that a combinator's branch restricts; undefined below the root, where API servers do not ask for it. */
interface Spine {
  readonly schema: Schema | undefined;
  readonly path: Path;
}

/** Combinators restrict what the spine describes; they describe nothing themselves. */
function checkCombinators(schema: Schema, spine: Spine | undefined, path: Path): FieldError[] {
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  const nested = [
    ...(schema.allOf ?? []).map((one, index) => ({ one, place: errors.item(errors.child(path, 'allOf'), index) })),
    ...(schema.anyOf ?? []).map((one, index) => ({ one, place: errors.item(errors.child(path, 'anyOf'), index) })),
    ...(schema.oneOf ?? []).map((one, index) => ({ one, place: errors.item(errors.child(path, 'oneOf'), index) })),
    ...(schema.not === undefined ? [] : [{ one: schema.not, place: errors.child(path, 'not') }]),
  ];
  return nested.flatMap(({ one, place }) => (isIntOrString && isTypeChoice(one) ? [] : checkNested(one, spine, place)));
}

/** `anyOf: [{type: integer}, {type: string}]`, bare or as one of allOf, is how an int-or-string spells its types. */
function isTypeChoice(schema: Schema): boolean {
  if (schema.anyOf !== undefined) return schema.anyOf.every(isTypeChoice);
  return Object.keys(schema).length === 1 && (schema.type === 'integer' || schema.type === 'string');
}

const FORBIDDEN_NESTED = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
] as const;

function checkNested(schema: Schema, spine: Spine | undefined, path: Path): FieldError[] {
  if (spine !== undefined && spine.schema === undefined) {
    return [errors.required(spine.path, `because it is defined in ${path}`)];
  }
  const found: FieldError[] = FORBIDDEN_NESTED.filter(([keyword]) => Object.hasOwn(schema, keyword)).map(
    ([keyword, why]) => errors.forbidden(errors.child(path, keyword), why),
  );
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const place = errors.item(errors.child(path, 'properties'), name);
    found.push(...checkNested(property, spineField(spine, name), place));
  }
  if (schema.items !== undefined) {
    const items = spine && { schema: spine.schema?.items, path: errors.child(spine.path, 'items') };
    found.push(...checkNested(schema.items, items, errors.child(path, 'items')));
  }
  return [...found, ...checkPattern(schema, path), ...checkCombinators(schema, spine, path)];
}

function spineField(spine: Spine | undefined, name: string): Spine | undefined {
  if (spine?.schema === undefined) return undefined;
  return {
    schema: propertySchema(spine.schema, name),
    path: errors.item(errors.child(spine.path, 'properties'), name),
  };
}

/** The API server describes metadata itself; a CRD may restrict the names only. */
function checkMetadata(schema: Schema, path: Path): FieldError[] {
  const metadata = propertySchema(schema, 'metadata');
  if (metadata === undefined) return [];
  const place = errors.item(errors.child(path, 'properties'), 'metadata');
  if (metadata.type !== 'object')
    return [errors.invalid(errors.child(place, 'type'), metadata.type ?? '', 'must be object')];
  const allowed = new Set(['type', 'properties']);
  const names = Object.keys(metadata.properties ?? {});
  const isBare = Object.keys(metadata).every((keyword) => allowed.has(keyword));
  if (isBare && names.every((name) => name === 'name' || name === 'generateName')) return [];
  const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
  return [errors.forbidden(place, why)];
}
