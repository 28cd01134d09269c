/** Whether a value fits its type well enough to be merged, in the words of an API server. */
import { isNumeral } from '../../api/exact-json.ts';
import { isObject } from '../kube-api/crd/schema-lookup.ts';
import type { Json, JsonObject } from '../kube-api/crd/types.ts';
import { UnkeyedItemError, elementOf } from './list-items.ts';
import { fieldType, partOf, narrow } from './merge-type.ts';
import type { ListType, MapType, MergeType, Scalar } from './merge-type.ts';
import { fieldElement, printElement } from './path-element.ts';

/** Everything that is wrong with an applied value: `.spec.x: field not declared in schema`. */
export function misfits(value: Json, type: MergeType, path = ''): string[] {
  const narrowed = narrow(type, value);
  const { map, list, scalar } = narrowed;
  const fault = (message: string): string[] => [path === '' ? message : `${path}: ${message}`];
  const part = partOf(narrowed);
  if (part === 'scalar') return scalarMisfits(value, scalar ?? 'untyped').flatMap(fault);
  if (value === null) return [];
  if (part === 'map' && map !== undefined) {
    return isObject(value) ? mapMisfits(value, map, path) : fault(`expected map, got ${shown(value)}`);
  }
  if (list === undefined) return [];
  return Array.isArray(value) ? listMisfits(value, list, path) : fault(`expected list, got ${shown(value)}`);
}

function mapMisfits(map: JsonObject, type: MapType, path: string): string[] {
  return Object.entries(map).flatMap(([name, value]) => {
    const below = path + printElement(fieldElement(name));
    const field = fieldType(type, name);
    return field === undefined ? [`${below}: field not declared in schema`] : misfits(value, field, below);
  });
}

function listMisfits(list: readonly Json[], type: ListType, path: string): string[] {
  if (type.isAtomic) return list.flatMap((item, index) => misfits(item, type.element, `${path}[${index}]`));
  const seen = new Set<string>();
  return list.flatMap((item, index) => {
    try {
      const element = elementOf(type, item);
      const below = path + printElement(element);
      const isRepeated = seen.has(element);
      seen.add(element);
      const repeated = isRepeated ? [`${path}: duplicate entries for key ${printElement(element)}`] : [];
      return [...repeated, ...misfits(item, type.element, below)];
    } catch (error) {
      if (error instanceof UnkeyedItemError) return [`${path}: element ${index}: ${error.message}`];
      throw error;
    }
  });
}

function scalarMisfits(value: Json, scalar: Scalar): string[] {
  if (value === null) return [];
  const isNumber = typeof value === 'number' || isNumeral(value);
  switch (scalar) {
    case 'numeric':
      return isNumber ? [] : [`expected numeric (int or float), got ${goType(value)}`];
    case 'string':
      return typeof value === 'string' ? [] : [`expected string, got ${goValue(value)}`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`expected boolean, got ${shown(value)}`];
    case 'untyped':
      return typeof value === 'object' && !isNumber ? [`expected any scalar, got ${shown(value)}`] : [];
    default:
      return scalar satisfies never;
  }
}

function goType(value: Json): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

/** What Go prints of a value's wrapper. */
function goValue(value: Json): string {
  return `&value.valueUnstructured{Value:${JSON.stringify(value)}}`;
}

/** As Go prints a pointer to what holds the value. */
const shown = (value: Json): string => `&{${plain(value)}}`;

function plain(value: Json): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(plain).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  if (isNumeral(value)) return value.rawJSON;
  const names = Object.keys(value).sort();
  return `map[${names.map((name) => `${name}:${plain(value[name] ?? null)}`).join(' ')}]`;
}
