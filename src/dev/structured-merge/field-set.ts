/** The fields that a value consists of: what is owned by whoever writes it. */
import { isObject } from '../kube-api/crd/schema-lookup.ts';
import type { Json } from '../kube-api/crd/types.ts';
import { insert } from './fields.ts';
import type { Fields } from './fields.ts';
import { itemsByElement } from './list-items.ts';
import { asList, asMap, fieldType, partOf, narrow } from './merge-type.ts';
import type { ListType, MapType, MergeType } from './merge-type.ts';
import { fieldElement } from './path-element.ts';

export function fieldSetOf(value: Json, type: MergeType): Fields {
  const fields: Fields = {};
  visit(value, narrow(type, value), [], fields);
  return fields;
}

function visit(value: Json, type: MergeType, path: readonly string[], fields: Fields): void {
  const part = partOf(type);
  const { map, list } = type;
  if (part === 'map' && map !== undefined && !map.isAtomic) visitMap(value, map, path, fields);
  else if (part === 'list' && list !== undefined && !list.isAtomic) visitList(value, list, path, fields);
  else insert(fields, path);
}

function visitMap(map: Json, type: MapType, path: readonly string[], fields: Fields): void {
  for (const [name, value] of Object.entries(asMap(map))) {
    const below = [...path, fieldElement(name)];
    const field = fieldType(type, name);
    if (field !== undefined) visit(value, narrow(field, value), below, fields);
    const isBare = value === null || (isObject(value) && Object.keys(value).length === 0);
    if (isBare || !type.fields.has(name)) insert(fields, below);
  }
}

function visitList(list: Json, type: ListType, path: readonly string[], fields: Fields): void {
  for (const [element, items] of itemsByElement(type, asList(list))) {
    const below = [...path, element];
    const [item] = items;
    // Of items that are repeated nothing more can be said.
    if (item !== undefined && items.length === 1) visit(item, narrow(type.element, item), below, fields);
    insert(fields, below);
  }
}
