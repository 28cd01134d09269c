/** The items of a list that merges, told apart by keys or by value. */
import { isObject } from '../kube-api/crd/schema-lookup.ts';
import type { Json, JsonObject } from '../kube-api/crd/types.ts';
import type { ListType } from './merge-type.ts';
import { keyElement, valueElement } from './path-element.ts';

/** An item that cannot be told apart from others. */
export class UnkeyedItemError extends Error {}

/** The path element of an item; throws an UnkeyedItemError. */
export function elementOf(type: ListType, item: Json): string {
  return type.keys.length === 0 ? memberElement(item) : keyedElement(type, item);
}

function memberElement(item: Json): string {
  if (item === null) throw new UnkeyedItemError("associative list without keys has an element that's an explicit null");
  if (Array.isArray(item)) throw new UnkeyedItemError('not supported: associative list with lists as elements');
  if (isObject(item)) throw new UnkeyedItemError("associative list without keys has an element that's a map type");
  return valueElement(item);
}

function keyedElement({ keys, keyDefaults }: ListType, item: Json): string {
  if (item === null) throw new UnkeyedItemError('associative list with keys may not have a null element');
  if (!isObject(item)) throw new UnkeyedItemError('associative list with keys may not have non-map elements');
  const found: JsonObject = {};
  for (const key of keys) {
    const value = Object.hasOwn(item, key) ? item[key] : keyDefaults[key];
    if (value !== undefined) found[key] = value;
  }
  if (Object.keys(found).length > 0) return keyElement(found);
  const names = `[${keys.map((key) => JSON.stringify(key)).join(' ')}]`;
  throw new UnkeyedItemError(
    `associative list with keys has an element that omits all key fields ${names} (and doesn't have default values for any key fields)`,
  );
}

/** Items by their element, in order; several where the list repeats itself. Items that cannot be told apart are left out. */
export function itemsByElement(type: ListType, list: readonly Json[]): Map<string, Json[]> {
  const items = new Map<string, Json[]>();
  for (const item of list) {
    const element = elementIfAny(type, item);
    if (element === undefined) continue;
    const same = items.get(element);
    if (same === undefined) items.set(element, [item]);
    else same.push(item);
  }
  return items;
}

export function elementIfAny(type: ListType, item: Json): string | undefined {
  try {
    return elementOf(type, item);
  } catch (error) {
    if (error instanceof UnkeyedItemError) return undefined;
    throw error;
  }
}
