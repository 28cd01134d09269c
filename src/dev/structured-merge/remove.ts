/** A value without some of its fields and items. */
import type { Json, JsonObject } from '../kube-api/crd/types.ts';
import { inside, isEmpty, isMember } from './fields.ts';
import type { Fields } from './fields.ts';
import { elementIfAny } from './list-items.ts';
import { asList, asMap, fieldType, partOf, narrow } from './merge-type.ts';
import type { ListType, MapType, MergeType } from './merge-type.ts';
import { fieldElement, fieldNameOf } from './path-element.ts';

/** What loses everything becomes null, which the schema's defaulting clears away where null may not be. */
export function remove(value: Json, fields: Fields, type: MergeType): Json {
  const narrowed = narrow(type, value);
  const part = partOf(narrowed);
  if (part === 'map') return removeFromMap(asMap(value), fields, narrowed.map);
  return part === 'list' ? removeFromList(asList(value), fields, narrowed.list) : value;
}

function removeFromMap(map: JsonObject, fields: Fields, type: MapType | undefined): JsonObject | null {
  if (type === undefined || type.isAtomic) return null;
  const rest = Object.entries(map).flatMap<[string, Json]>(([name, value]) => {
    const node = fields[fieldElement(name)];
    if (node === undefined) return [[name, value]];
    const field = fieldType(type, name);
    return isMember(node) || field === undefined ? [] : [[name, remove(value, inside(node), field)]];
  });
  return rest.length === 0 ? null : Object.fromEntries(rest);
}

function removeFromList(list: readonly Json[], fields: Fields, type: ListType | undefined): Json[] | null {
  if (type === undefined || type.isAtomic) return null;
  const rest: Json[] = [];
  for (const item of list) {
    const node = fields[elementIfAny(type, item) ?? ''];
    if (node === undefined) rest.push(item);
    else if (!isMember(node)) rest.push(remove(item, inside(node), type.element));
  }
  return rest.length === 0 ? null : rest;
}

/** The set with the declared fields that it has something in: when all of them goes, they go too, while a map's own key stays. */
export function withDeclaredParents(fields: Fields, type: MergeType): Fields {
  const result: { [element: string]: Fields } = {};
  for (const [element, node] of Object.entries(fields)) {
    if (element === '.') continue;
    const name = fieldNameOf(element);
    const below = typeBelow(type, element, name);
    const children = isEmpty(node) ? node : withDeclaredParents(inside(node), below);
    const isDeclared = name !== undefined && type.map?.fields.has(name) === true;
    result[element] = (isMember(node) || isDeclared) && !isEmpty(children) ? { '.': {}, ...children } : children;
  }
  return result;
}

function typeBelow({ map, list }: MergeType, element: string, name: string | undefined): MergeType {
  if (name !== undefined) return (map === undefined ? undefined : fieldType(map, name)) ?? {};
  return (element.startsWith('k:') ? list?.element : undefined) ?? {};
}
