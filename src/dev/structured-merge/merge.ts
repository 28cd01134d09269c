/** What is applied, laid over what is there (decision 0070). Nothing is removed; what is applied wins. */
import { fieldOf } from '../kube-api/crd/schema-lookup.ts';
import type { Json, JsonObject } from '../kube-api/crd/types.ts';
import { elementIfAny } from './list-items.ts';
import { asList, asMap, fieldType, separate, narrow } from './merge-type.ts';
import type { ListType, MapType, MergeType } from './merge-type.ts';

type Side = Json | undefined;

/** The result shares what it does not change. */
export function merge(live: Side, applied: Side, type: MergeType): Side {
  const narrowed = narrow(type, applied === undefined ? live : applied);
  const parts = separate(narrowed, live, applied);
  if (parts === undefined) return applied === undefined ? live : applied;
  return 'fields' in parts
    ? mergeMaps(asMap(live), asMap(applied), parts)
    : mergeLists(asList(live), asList(applied), parts);
}

function mergeMaps(live: JsonObject, applied: JsonObject, type: MapType): JsonObject | undefined {
  const result: [string, Json][] = [];
  for (const name of new Set([...Object.keys(live), ...Object.keys(applied)])) {
    const field = fieldType(type, name);
    const value = field === undefined ? undefined : merge(fieldOf(live, name), fieldOf(applied, name), field);
    if (value !== undefined) result.push([name, value]);
  }
  return result.length === 0 ? undefined : Object.fromEntries(result);
}

function mergeLists(live: readonly Json[], applied: readonly Json[], type: ListType): Json[] | undefined {
  const order = new MergedOrder(keyed(live, type), keyed(applied, type));
  const result: Json[] = [];
  for (const { mine, theirs } of order.pairs()) {
    const item = merge(mine, theirs, type.element);
    if (item !== undefined) result.push(item);
  }
  return result.length === 0 ? undefined : result;
}

interface Item {
  readonly element: string;
  readonly value: Json;
}

function keyed(list: readonly Json[], type: ListType): Item[] {
  return list.flatMap((value) => {
    const element = elementIfAny(type, value);
    return element === undefined ? [] : [{ element, value }];
  });
}

/**
 * Items that both lists have come in the order of the applied one. Items of the live list alone keep their place before the
 * next common item, and applied ones alone theirs.
 */
class MergedOrder {
  readonly #live: readonly Item[];
  readonly #applied: readonly Item[];
  readonly #inApplied: ReadonlySet<string>;
  /** Of an item that is there twice, undefined: nothing can be merged into it. */
  readonly #liveValues: ReadonlyMap<string, Side>;
  /** The common items that have not come yet. */
  readonly #common: string[];

  constructor(live: readonly Item[], applied: readonly Item[]) {
    this.#live = live;
    this.#applied = applied;
    this.#inApplied = new Set(applied.map(({ element }) => element));
    const values = new Map<string, Side>();
    for (const { element, value } of live) values.set(element, values.has(element) ? undefined : value);
    this.#liveValues = values;
    this.#common = applied.flatMap(({ element }) => (values.has(element) ? [element] : []));
  }

  *pairs(): Generator<{ readonly mine: Side; readonly theirs: Side }> {
    let at = 0;
    for (const { element, value } of this.#applied) {
      while (at < this.#live.length) {
        const item = this.#live[at];
        // The item itself, or a common one whose turn comes later.
        if (item === undefined || item.element === element || item.element === this.#common[0]) break;
        at += 1;
        if (!this.#inApplied.has(item.element)) yield { mine: item.value, theirs: undefined };
        else if (this.#common.length === 0) break;
      }
      if (this.#live[at]?.element === element) at += 1;
      if (this.#common[0] === element) this.#common.shift();
      yield { mine: this.#liveValues.get(element), theirs: value };
    }
    for (const { element, value } of this.#live.slice(at)) {
      if (!this.#inApplied.has(element)) yield { mine: value, theirs: undefined };
    }
  }
}
