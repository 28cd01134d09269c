/** What differs between two values of one type, as sets of fields. */
import { sameJson } from '../kube-api/crd/correlation.ts';
import { fieldOf } from '../kube-api/crd/schema-lookup.ts';
import type { Json, JsonObject } from '../kube-api/crd/types.ts';
import { insert } from './fields.ts';
import type { Fields } from './fields.ts';
import { itemsByElement } from './list-items.ts';
import { asList, asMap, fieldType, separate, narrow } from './merge-type.ts';
import type { ListType, MapType, MergeType } from './merge-type.ts';
import { fieldElement } from './path-element.ts';

export interface Comparison {
  readonly added: Fields;
  readonly modified: Fields;
  readonly removed: Fields;
}

type Side = Json | undefined;

/** A value that is not there is undefined; one of the two may be so. */
export function compare(left: Side, right: Side, type: MergeType): Comparison {
  const walk = new Walk();
  walk.values(left, right, type);
  return walk.found;
}

class Walk {
  readonly found: Comparison = { added: {}, modified: {}, removed: {} };
  readonly #path: string[] = [];

  values(left: Side, right: Side, type: MergeType): void {
    // What is one and the same object does not differ in itself.
    if (left === right) return;
    const [before, after] = [narrow(type, left), narrow(type, right)];
    const isAnotherKind = left !== undefined && right !== undefined && before !== after;
    if (isAnotherKind) this.#parts(left, right, before);
    const isLeaf = this.#parts(left, right, right === undefined ? before : after);
    if (!isLeaf && left === undefined) this.#note(this.found.added);
    else if (!isLeaf && right === undefined) this.#note(this.found.removed);
  }

  /** True when the value was compared as a whole. */
  #parts(left: Side, right: Side, type: MergeType): boolean {
    const parts = separate(type, left, right);
    if (parts === undefined) this.#whole(left, right);
    else if ('fields' in parts) this.#maps(asMap(left), asMap(right), parts);
    else this.#lists(asList(left), asList(right), parts);
    return parts === undefined;
  }

  #whole(left: Side, right: Side): void {
    if (left === undefined) this.#note(this.found.added);
    else if (right === undefined) this.#note(this.found.removed);
    else if (!sameJson(left, right)) this.#note(this.found.modified);
  }

  #maps(left: JsonObject, right: JsonObject, type: MapType): void {
    for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const field = fieldType(type, name);
      if (field !== undefined) this.#below(fieldElement(name), fieldOf(left, name), fieldOf(right, name), field);
    }
  }

  #lists(left: readonly Json[], right: readonly Json[], type: ListType): void {
    const [before, after] = [itemsByElement(type, left), itemsByElement(type, right)];
    for (const element of new Set([...before.keys(), ...after.keys()])) {
      this.#items(element, before.get(element) ?? [], after.get(element) ?? [], type);
    }
  }

  /** Repeated items are compared as a whole: one owner for all of them. */
  #items(element: string, before: readonly Json[], after: readonly Json[], type: ListType): void {
    if (before.length > 1 && after.length > 1) {
      if (!sameJson([...before], [...after])) this.#note(this.found.modified, element);
    } else if (before.length > 1) {
      if (after.length > 0) this.#below(element, undefined, after[0], type.element);
      this.#note(this.found.removed, element);
    } else if (after.length > 1) {
      if (before.length > 0) this.#below(element, before[0], undefined, type.element);
      this.#note(this.found.added, element);
    } else {
      this.#below(element, before[0], after[0], type.element);
    }
  }

  #below(element: string, left: Side, right: Side, type: MergeType): void {
    this.#path.push(element);
    this.values(left, right, type);
    this.#path.pop();
  }

  #note(fields: Fields, ...more: readonly string[]): void {
    insert(fields, [...this.#path, ...more]);
  }
}
