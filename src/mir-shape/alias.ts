/**
 * `meta` is an alias of `metadata`: the same name, namespace, labels and annotations, less the annotations of tools. A write may say
 * either or both, and key by key the one that differs from what is stored wins.
 */
import { LAST_APPLIED } from '../api/last-applied.ts';
import { isJsonObject } from '../api/exact-json.ts';
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from '../api/json-value.ts';
import { own } from '../api/own.ts';
import { isToolAnnotation, META_FIELDS } from './mir-shape.ts';
import type { Cause } from '../api/status-error.ts';
import { objectIn } from '../api/json-fields.ts';
import { lastAppliedOf } from './last-applied.ts';

export interface Identity {
  readonly metadata: JsonObject;
  /** Keys on which both disagree, and neither is what is stored. */
  readonly faults: readonly Cause[];
  /** Fields that `meta` does not have. */
  readonly unknownFields: readonly string[];
}

export interface IdentityWrite {
  readonly meta: JsonValue | undefined;
  readonly metadata: JsonObject | undefined;
  /** `metadata` of the stored object; undefined: there is none. */
  readonly stored: JsonObject | undefined;
  /** `whole`: what is not said is to go. `part`: it is to stay. `patch`: the same, and null says that it is to go. */
  readonly extent: 'whole' | 'part' | 'patch';
}

export function resolveIdentity(write: IdentityWrite): Identity {
  const { meta, metadata = {}, stored } = write;
  if (!isJsonObject(meta)) return { metadata, faults: [], unknownFields: [] };
  const faults: Cause[] = [];
  const result: Record<string, JsonValue> = { ...metadata };
  for (const field of ['name', 'namespace']) {
    const [one, other] = [meta[field] ?? undefined, metadata[field]];
    const chosen = chooseSaid(one, other, stored?.[field] ?? null);
    if (chosen === DISPUTED) faults.push(dispute(field, one, other));
    else if (chosen !== undefined) result[field] = chosen;
  }
  for (const field of ['labels', 'annotations']) {
    const merged = mergeMap(field, write, meta, faults);
    if (merged === undefined) delete result[field];
    else result[field] = merged;
  }
  const known: readonly string[] = META_FIELDS;
  const unknownFields = Object.keys(meta).filter((field) => !known.includes(field));
  return { metadata: result, faults, unknownFields: unknownFields.map((field) => `meta.${field}`) };
}

/** Whether both say something of one key, and not the same: then what is stored decides. */
export function needsStored(meta: JsonValue | undefined, metadata: JsonObject | undefined): boolean {
  return resolveIdentity({ meta, metadata, stored: undefined, extent: 'patch' }).faults.length > 0;
}

/** Undefined: the write says nothing of the field. */
function mergeMap(
  field: string,
  { metadata, stored, extent }: IdentityWrite,
  meta: JsonObject,
  faults: Cause[],
): JsonValue | undefined {
  // A document that was read from the API says everything twice, and leaves out what it empties.
  const isEcho = extent !== 'patch' && metadata?.['uid'] !== undefined;
  const one = meta[field] ?? (isEcho ? {} : undefined);
  const other = metadata?.[field] ?? (isEcho ? {} : undefined);
  const restated = extent === 'patch' ? statedIn(metadata, field) : undefined;
  if (one === undefined) return isNulled(meta, field, metadata) ? (restated ?? null) : metadata?.[field];
  if (!isJsonObject(one)) return one;
  if (other !== undefined && !isJsonObject(other)) return other;
  const isShown = (key: string): boolean => field !== 'annotations' || !isToolAnnotation(key);
  const before = objectIn(stored, field);
  const isRemoving = extent === 'whole' || isEcho;
  const merged = Object.entries(other ?? {}).filter(([key]) => !isShown(key));
  for (const key of new Set([...Object.keys(one), ...Object.keys(other ?? {})].filter(isShown))) {
    const [said, saidToo, was] = [own(one, key), own(other, key), own(before, key) ?? null];
    const chosen =
      isRemoving && other !== undefined ? choose(said ?? null, saidToo ?? null, was) : chooseSaid(said, saidToo, was);
    if (chosen === DISPUTED) faults.push(dispute(`${field}[${key}]`, said, saidToo));
    // A document that says under the one name what it said under the other before removes nothing.
    else if (chosen === null && extent === 'patch') merged.push([key, own(restated, key) ?? null]);
    else if (chosen !== null && chosen !== undefined) merged.push([key, chosen]);
  }
  return Object.fromEntries(merged);
}

function isNulled(meta: JsonObject, field: string, metadata: JsonObject | undefined): boolean {
  return meta[field] === null && metadata?.[field] === undefined;
}

/** What the document says that kubectl sends along with its patch. */
function statedIn(metadata: JsonObject | undefined, field: string): JsonObject | undefined {
  const document = lastAppliedOf(objectIn(metadata, 'annotations')?.[LAST_APPLIED]);
  const [one, other] = [objectIn(objectIn(document, 'meta'), field), objectIn(objectIn(document, 'metadata'), field)];
  return one === undefined && other === undefined ? undefined : { ...other, ...one };
}

const DISPUTED = Symbol('disputed');

/** Undefined: not said. */
function chooseSaid(
  one: JsonValue | undefined,
  other: JsonValue | undefined,
  before: JsonValue,
): JsonValue | undefined | typeof DISPUTED {
  if (one === undefined) return other;
  return other === undefined ? one : choose(one, other, before);
}

/** Null: not there. */
function choose(one: JsonValue, other: JsonValue, before: JsonValue): JsonValue | typeof DISPUTED {
  if (isDeepStrictEqual(one, other) || isDeepStrictEqual(one, before)) return other;
  return isDeepStrictEqual(other, before) ? one : DISPUTED;
}

function dispute(path: string, one: JsonValue | undefined, other: JsonValue | undefined): Cause {
  const [said, saidToo] = [one, other].map((value) => JSON.stringify(value ?? null));
  return {
    reason: 'FieldValueInvalid',
    field: `meta.${path}`,
    message: `Invalid value: ${said}: metadata.${path} says ${saidToo}; say the same in both, or leave one of them out`,
  };
}
