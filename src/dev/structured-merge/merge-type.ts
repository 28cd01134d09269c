/** How a value is merged: what a CRD's schema says of it, without what is only checked. */
import { isObject } from '../kube-api/crd/schema-lookup.ts';
import type { Json, JsonObject, Schema } from '../kube-api/crd/types.ts';

export type Scalar = 'numeric' | 'string' | 'boolean' | 'untyped';

/** What a value may be; without a schema it may be all three. */
export interface MergeType {
  readonly scalar?: Scalar;
  readonly list?: ListType;
  readonly map?: MapType;
}

export interface MapType {
  /** Declared fields: they are owned by what is in them, others also by themselves. */
  readonly fields: ReadonlyMap<string, MergeType>;
  /** Of every other field; absent: there may be none. */
  readonly element?: MergeType;
  /** One owner for the whole map. */
  readonly isAtomic: boolean;
}

export interface ListType {
  readonly element: MergeType;
  /** One owner for the whole list; else each item has its own. */
  readonly isAtomic: boolean;
  /** Items are told apart by these fields; without any by their value. */
  readonly keys: readonly string[];
  /** What an item has where it says nothing of a key. */
  readonly keyDefaults: JsonObject;
}

/** What stands where nothing more is known: a whole, whatever it is. */
const UNTYPED: MergeType = untyped();

/** What stands where unknown fields are kept: maps are merged field by field, lists are wholes. */
export const DEDUCED: MergeType = deduced();

function untyped(): MergeType {
  const type: Building = { scalar: 'untyped' };
  type.list = { element: type, isAtomic: true, keys: [], keyDefaults: {} };
  type.map = { fields: new Map(), element: type, isAtomic: true };
  return type;
}

function deduced(): MergeType {
  const type: Building = { scalar: 'untyped', list: { element: UNTYPED, isAtomic: true, keys: [], keyDefaults: {} } };
  type.map = { fields: new Map(), element: type, isAtomic: false };
  return type;
}

type Building = { -readonly [part in keyof MergeType]: MergeType[part] };

const TEXT: Schema = { type: 'string' };
const TEXTS: Schema = { type: 'object', additionalProperties: TEXT };
const OBJECT_META: Schema = {
  type: 'object',
  properties: {
    ...Object.fromEntries(
      ['name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion'].map((name) => [name, TEXT]),
    ),
    ...Object.fromEntries(['generation', 'deletionGracePeriodSeconds'].map((name) => [name, { type: 'integer' }])),
    ...Object.fromEntries(
      ['creationTimestamp', 'deletionTimestamp'].map((name) => [name, { ...TEXT, format: 'date-time' }]),
    ),
    managedFields: { type: 'array', items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    labels: TEXTS,
    annotations: TEXTS,
    finalizers: { type: 'array', items: TEXT, 'x-kubernetes-list-type': 'set' },
    ownerReferences: {
      type: 'array',
      items: {
        type: 'object',
        'x-kubernetes-map-type': 'atomic',
        properties: {
          ...Object.fromEntries(['apiVersion', 'kind', 'name', 'uid'].map((name) => [name, TEXT])),
          ...Object.fromEntries(['controller', 'blockOwnerDeletion'].map((name) => [name, { type: 'boolean' }])),
        },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
    },
  },
};

/** What every object has, whatever its schema says of it. */
const TYPED_OBJECT: ReadonlyMap<string, MergeType> = new Map([
  ['apiVersion', { scalar: 'string' }],
  ['kind', { scalar: 'string' }],
  ['metadata', typeOf(OBJECT_META, false)],
]);

/** The type of a resource's objects, with the metadata that every one has. */
export function objectType(schema: Schema): MergeType {
  return typeOf({ ...schema, 'x-kubernetes-embedded-resource': true }, false);
}

function typeOf(schema: Schema, keepsUnknown: boolean): MergeType {
  const keeps = keepsUnknown || schema['x-kubernetes-preserve-unknown-fields'] === true;
  switch (schema.type ?? '') {
    case '':
      return { scalar: 'untyped', list: listType(schema, keeps), map: mapType(schema, keeps) };
    case 'object':
      return { map: mapType(schema, keeps) };
    case 'array':
      return { list: listType(schema, keeps) };
    default:
      return { scalar: scalarType(schema) };
  }
}

function scalarType({ type, format = '' }: Schema): Scalar {
  if (type === 'integer' || type === 'number') return 'numeric';
  if (type === 'boolean') return 'boolean';
  return format === '' || format === 'byte' ? 'string' : 'untyped';
}

function mapType(schema: Schema, keeps: boolean): MapType {
  const fields = new Map(Object.entries(schema.properties ?? {}).map(([name, one]) => [name, typeOf(one, keeps)]));
  if (schema['x-kubernetes-embedded-resource'] === true) {
    for (const [name, type] of TYPED_OBJECT) fields.set(name, type);
  }
  const element = elementType(schema, keeps, fields.size === 0);
  return {
    fields,
    ...(element === undefined ? {} : { element }),
    isAtomic: schema['x-kubernetes-map-type'] === 'atomic',
  };
}

function elementType({ additionalProperties }: Schema, keeps: boolean, isFree: boolean): MergeType | undefined {
  if (typeof additionalProperties === 'object') return typeOf(additionalProperties, keeps);
  if (additionalProperties === undefined) return keeps || isFree ? DEDUCED : undefined;
  return additionalProperties ? DEDUCED : undefined;
}

function listType(schema: Schema, keeps: boolean): ListType {
  const kind = schema['x-kubernetes-list-type'] ?? 'atomic';
  const keys = kind === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : [];
  return {
    element: schema.items === undefined ? UNTYPED : typeOf(schema.items, keeps),
    isAtomic: kind === 'atomic',
    keys,
    keyDefaults: Object.fromEntries(
      keys.flatMap((key) => {
        const byDefault = schema.items?.properties?.[key]?.default;
        return byDefault === undefined ? [] : [[key, byDefault]];
      }),
    ),
  };
}

/** The type as the value narrows it: of several that may be, the one that it is. */
export function narrow(type: MergeType, value: Json | undefined): MergeType {
  if (value === undefined || value === null) return type;
  if (Array.isArray(value)) return type.list === undefined ? type : alone(type, 'list');
  if (isObject(value)) return type.map === undefined ? type : alone(type, 'map');
  return type.scalar === undefined ? type : alone(type, 'scalar');
}

/** One object for each type and part, so that two that are the same are equal. */
function alone(type: MergeType, part: (typeof PARTS)[number]): MergeType {
  if (PARTS.every((other) => other === part || type[other] === undefined)) return type;
  const known = NARROWED.get(type) ?? {};
  NARROWED.set(type, known);
  return (known[part] ??= { [part]: type[part] });
}

const PARTS = ['scalar', 'list', 'map'] as const;
const NARROWED = new WeakMap<MergeType, { [part in (typeof PARTS)[number]]?: MergeType }>();

/** How a value of a narrowed type is walked; where several are left, a map comes first. */
export function partOf({ map, scalar }: MergeType): keyof MergeType {
  if (map !== undefined) return 'map';
  return scalar === undefined ? 'list' : 'scalar';
}

/** A field's type; undefined for one that may not be. */
export const fieldType = ({ fields, element }: MapType, name: string): MergeType | undefined =>
  fields.get(name) ?? element;

/** How two values are taken apart; undefined where they are a whole: scalars, what is atomic, and what is empty on both sides. */
export function separate(
  type: MergeType,
  left: Json | undefined,
  right: Json | undefined,
): MapType | ListType | undefined {
  const part = partOf(type);
  const { map, list } = type;
  if (part === 'map' && map !== undefined) {
    return map.isAtomic || (isBare(asMap(left)) && isBare(asMap(right))) ? undefined : map;
  }
  if (part === 'list' && list !== undefined) {
    return list.isAtomic || (asList(left).length === 0 && asList(right).length === 0) ? undefined : list;
  }
  return undefined;
}

function isBare(object: JsonObject): boolean {
  for (const _ in object) return false;
  return true;
}

const NO_MAP: JsonObject = Object.freeze({});

/** What is no map has no fields. */
export const asMap = (value: Json | undefined): JsonObject => (isObject(value) ? value : NO_MAP);

/** What is no list has no items. */
export const asList = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
