/** Who owns which fields of an object, and what becomes of that when somebody writes it. Pure: nothing that is given is changed. */
import { isObject } from '../kube-api/crd/schema-lookup.ts';
import { sameJson } from '../kube-api/crd/correlation.ts';
import type { Json } from '../kube-api/crd/types.ts';
import { compare } from './compare.ts';
import type { Comparison } from './compare.ts';
import { fieldSetOf } from './field-set.ts';
import { difference, intersection, isEmpty, noFields, pathsOf, pick, union } from './fields.ts';
import type { Fields } from './fields.ts';
import { merge } from './merge.ts';
import type { MergeType } from './merge-type.ts';
import { compareElements, fieldNameOf } from './path-element.ts';
import { alignWithType } from './align.ts';
import { remove, withDeclaredParents } from './remove.ts';

/** What somebody owns, in the words of one version of the API. */
export interface Owned {
  readonly fields: Fields;
  readonly apiVersion: string;
  readonly isApplied: boolean;
}

/** By what tells managers apart. */
export type Owners = ReadonlyMap<string, Owned>;

export interface Conflict {
  readonly manager: string;
  readonly path: readonly string[];
}

export class ApplyConflictError extends Error {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super('fields are owned by others');
    this.conflicts = conflicts;
  }
}

/** Somebody owns fields in a version of the API that is not served any more. */
export class UnservedVersionError extends Error {}

/** How objects are written: the type of each version, and which fields (`f:status`) a request does not write at all. */
export interface Rules {
  readonly apiVersion: string;
  /** Throws an UnservedVersionError. */
  readonly typeOf: (apiVersion: string) => MergeType;
  /** In the version of the request. */
  readonly ignored: readonly string[];
}

/** After a create, a replace or a patch: what it changed is the manager's, and nobody else's. */
export function afterUpdate(live: Json, next: Json, owners: Owners, manager: string, rules: Rules): Owners {
  const known = align(owners, rules);
  const { owners: others, comparison } = yielded(live, next, known, manager, rules, true);
  const before = others.get(manager)?.fields ?? noFields();
  const { added, modified, removed } = comparison;
  const fields = union(union(difference(before, removed), modified), added);
  return withOwner(others, manager, { fields, apiVersion: rules.apiVersion, isApplied: false });
}

export interface Applied {
  readonly object: Json;
  readonly owners: Owners;
  /** False when the object is what it was. */
  readonly hasChanged: boolean;
}

/** Throws an ApplyConflictError where others own what would be changed, unless by `force`. */
export function afterApply(
  live: Json,
  config: Json,
  owners: Owners,
  manager: string,
  rules: Rules,
  force: boolean,
): Applied {
  const type = rules.typeOf(rules.apiVersion);
  const known = align(owners, rules);
  const fields = withoutFields(fieldSetOf(config, type), rules.ignored);
  const claimed = new Map(known).set(manager, { fields, apiVersion: rules.apiVersion, isApplied: true });
  const merged = merge(live, config, type) ?? {};
  const object = withoutAbandoned(merged, claimed, known.get(manager), rules);
  const { owners: left } = yielded(live, object, claimed, manager, rules, force);
  return { object, owners: left, hasChanged: !sameJson(live, object) };
}

/** Takes from all but `manager` what it changed or removed; throws an ApplyConflictError unless it may. */
function yielded(live: Json, next: Json, owners: Owners, manager: string, rules: Rules, force: boolean) {
  const comparisons = new Map<string, Comparison>();
  const comparisonIn = (apiVersion: string): Comparison => {
    const known = comparisons.get(apiVersion) ?? compared(live, next, apiVersion, rules);
    comparisons.set(apiVersion, known);
    return known;
  };
  const left = new Map<string, Owned>();
  const conflicts: Conflict[] = [];
  for (const [other, owned] of owners) {
    const comparison = comparisonIn(owned.apiVersion);
    const lost =
      other === manager ? noFields() : intersection(owned.fields, union(comparison.modified, comparison.added));
    for (const path of pathsOf(lost, compareElements)) conflicts.push({ manager: other, path });
    const fields = other === manager ? owned.fields : difference(difference(owned.fields, lost), comparison.removed);
    if (!isEmpty(fields)) left.set(other, fields === owned.fields ? owned : { ...owned, fields });
  }
  if (!force && conflicts.length > 0) throw new ApplyConflictError(conflicts);
  return { owners: left, comparison: comparisonIn(rules.apiVersion) };
}

function compared(live: Json, next: Json, apiVersion: string, rules: Rules): Comparison {
  const ignored = apiVersion === rules.apiVersion ? rules.ignored : [];
  return compare(withoutNames(live, ignored), withoutNames(next, ignored), rules.typeOf(apiVersion));
}

/** Not even looked at. */
function withoutNames(object: Json, elements: readonly string[]): Json {
  if (!isObject(object) || elements.length === 0) return object;
  const rest = { ...object };
  for (const element of elements) delete rest[fieldNameOf(element) ?? ''];
  return rest;
}

/** Removes what the manager applied before, does not apply now, and nobody else owns. */
function withoutAbandoned(merged: Json, owners: Owners, before: Owned | undefined, rules: Rules): Json {
  if (before === undefined || isEmpty(before.fields)) return merged;
  const type = rules.typeOf(before.apiVersion);
  const last = withDeclaredParents(before.fields, type);
  const all = withDeclaredParents(fieldSetOf(merged, type), type);
  const bare = remove(merged, last, type);
  let pruned = bare;
  for (const [apiVersion, owned] of ownedByVersion(owners, before.apiVersion)) {
    const ofVersion = rules.typeOf(apiVersion);
    const there = withDeclaredParents(fieldSetOf(merged, ofVersion), ofVersion);
    const still = withDeclaredParents(fieldSetOf(pruned, ofVersion), ofVersion);
    pruned = remove(merged, difference(there, union(still, withDeclaredParents(owned, ofVersion))), ofVersion);
  }
  const still = withDeclaredParents(fieldSetOf(pruned, type), type);
  return remove(merged, intersection(difference(all, still), last), type);
}

/** Everything that is owned in each version, `first` before the others. */
function ownedByVersion(owners: Owners, first: string): [string, Fields][] {
  const owned = new Map<string, Fields>([[first, noFields()]]);
  for (const { apiVersion, fields } of owners.values()) {
    owned.set(apiVersion, union(owned.get(apiVersion) ?? noFields(), fields));
  }
  return [...owned].filter(([, fields]) => !isEmpty(fields));
}

/** What was owned under an earlier schema, as the schema of today names it. */
function align(owners: Owners, rules: Rules): Owners {
  const aligned = new Map<string, Owned>();
  for (const [manager, owned] of owners) {
    const fields = alignWithType(owned.fields, rules.typeOf(owned.apiVersion));
    aligned.set(manager, fields === owned.fields ? owned : { ...owned, fields });
  }
  return aligned;
}

/** Without these fields of the top, and everything in them. */
function withoutFields(fields: Fields, elements: readonly string[]): Fields {
  if (!elements.some((element) => element in fields)) return fields;
  return pick(fields, (node, element) => (elements.includes(element) ? undefined : node));
}

function withOwner(owners: Owners, manager: string, owned: Owned): Owners {
  const result = new Map(owners);
  if (isEmpty(owned.fields)) result.delete(manager);
  else result.set(manager, owned);
  return result;
}
