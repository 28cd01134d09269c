/** Who changed a twin: the view knows its callers, and writes the user where the author is kept (decision 0083). */
import { isJsonObject } from '../../api/exact-json.ts';
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { AUTHOR_OF_ANNOTATION, authorStamp, isAuthorAnnotation } from '../../api/author.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import { applyMergePatch } from '../../api/merge-patch.ts';
import type { ManagedFields } from '../../api/managed-fields.ts';
import { annotationsOf, isList, objectIn } from '../../api/json-fields.ts';
import { OPERATOR_NAME } from '../../api/operator-name.ts';

type Stamp = Readonly<Record<string, string>>;

/**
 * The stamp of a write that carries it. The same write by the same user to the same generation has the same one, and so changes nothing
 * a second time. `known`: the object before it, perhaps a little old.
 */
export function stampOfWrite(user: string, body: JsonObject, known: JsonObject | undefined): Stamp {
  const change = createHash('sha256')
    .update(JSON.stringify([user, body, generationOf(known) ?? null]))
    .digest('hex')
    .slice(0, 16);
  // Never digits alone, which are a generation.
  return authorStamp(user, `view-${change}`);
}

/** The stamp of a change that is known by its generation. */
export function stampOfGeneration(user: string, generation: number): Stamp {
  return authorStamp(user, String(generation));
}

/** The stamp that the object has, to be put back where a client replaces all annotations. */
export function stampIn(stored: JsonObject | undefined): Stamp {
  const said = Object.entries(annotationsOf(stored));
  return Object.fromEntries(
    said.filter((entry): entry is [string, string] => isAuthorAnnotation(entry[0]) && typeof entry[1] === 'string'),
  );
}

/** `body` with the stamp among its annotations. */
export function stamped(body: JsonObject, stamp: Stamp): JsonObject {
  if (Object.keys(stamp).length === 0) return body;
  const { metadata } = body;
  // What is no object is not for the view to mend.
  if (metadata !== undefined && !isJsonObject(metadata)) return body;
  const said = metadata?.['annotations'] ?? {};
  if (!isJsonObject(said)) return body;
  const annotations = { ...said, ...stamp };
  return { ...body, metadata: { ...metadata, annotations } };
}

/** A merge patch that takes away all annotations, as one that leaves the stamp: it may belong to a change that is not recorded yet. */
export function keepingStamp(patch: JsonObject, stored: JsonObject | undefined): JsonObject {
  const { metadata } = patch;
  if (!isJsonObject(metadata) || metadata['annotations'] !== null) return patch;
  const known = Object.keys(annotationsOf(stored));
  const stamp = stampIn(stored);
  const gone = known.filter((key) => !Object.hasOwn(stamp, key)).map((key) => [key, null]);
  return { ...patch, metadata: { ...metadata, annotations: Object.fromEntries(gone) as JsonObject } };
}

/** Whether what people want of a device differs. */
export function differsInWanted(one: JsonObject, other: JsonObject): boolean {
  return !isDeepStrictEqual(wantedOf(one), wantedOf(other));
}

function wantedOf({ spec, properties }: JsonObject): readonly unknown[] {
  return [spec ?? {}, objectIn(isJsonObject(properties) ? properties : undefined, 'desired') ?? {}];
}

/** Whether a merge patch changes what people want; `known` may be a little old. */
export function changesWanted(patch: JsonObject, known: JsonObject | undefined): boolean {
  if (known === undefined) return true;
  const { spec, properties } = known;
  const before = { ...(spec !== undefined && { spec }), ...(properties !== undefined && { properties }) };
  const { metadata: _metadata, ...wanted } = patch;
  return differsInWanted(before, applyMergePatch(before, wanted));
}

/**
 * Whether somebody else has stamped the change that led from `stored` to `now`. Then the write that was answered with `now` changed
 * nothing: the other one came in between.
 */
export function isStampedByAnother(stored: JsonObject | undefined, now: JsonValue): boolean {
  const changed = isJsonObject(now) ? now : undefined;
  const [before, stamp] = [stored, changed].map((object) => annotationsOf(object)[AUTHOR_OF_ANNOTATION]);
  const generation = generationOf(changed);
  if (typeof stamp !== 'string' || stamp === before || generation === undefined) return false;
  return /^\d+$/.test(stamp) ? Number(stamp) === generation : generation === generationBefore(stored, changed) + 1;
}

/** The generation that a write of `stored` which led to `now` found. Another object in its place has been created by somebody else. */
export function generationBefore(stored: JsonObject | undefined, now: JsonObject | undefined): number {
  if (stored === undefined) return 0;
  return uidOf(stored) === uidOf(now) ? (generationOf(stored) ?? 0) : 1;
}

/** Who writes, as `managedFields` name it. */
export type Manager = Required<Pick<ManagedFields, 'manager' | 'operation'>>;

/** Whether one change led from `stored` to `now`, and `manager` has written meanwhile: then the change is his, as far as the object tells. */
export function isTheOnlyChange(stored: JsonObject | undefined, now: JsonObject, manager: Manager): boolean {
  if (stored !== undefined && uidOf(stored) !== uidOf(now)) return false;
  if (generationOf(now) !== (generationOf(stored) ?? 0) + 1) return false;
  return !isDeepStrictEqual(entriesOf(stored, manager), entriesOf(now, manager));
}

function entriesOf(object: JsonObject | undefined, { manager, operation }: Manager): readonly JsonObject[] {
  return writersOf(object).filter((entry) => entry['manager'] === manager && entry['operation'] === operation);
}

function writersOf(object: JsonObject | undefined): readonly JsonObject[] {
  const entries = objectIn(object, 'metadata')?.['managedFields'];
  return isList(entries) ? entries.filter((entry) => isJsonObject(entry)).filter((one) => !('subresource' in one)) : [];
}

/** Whether somebody has written since the object was as in `before`; the operator's stamps do not count. Times have seconds. */
export function isWrittenSince(before: JsonObject, now: JsonObject): boolean {
  const known = new Set(writersOf(before).map(writeOf));
  return writersOf(now).some((entry) => entry['manager'] !== OPERATOR_NAME && !known.has(writeOf(entry)));
}

const writeOf = ({ manager, operation, time }: JsonObject): string => JSON.stringify([manager, operation, time]);

export function generationOf(object: JsonObject | undefined): number | undefined {
  const generation = objectIn(object, 'metadata')?.['generation'];
  return typeof generation === 'number' ? generation : undefined;
}

export function uidOf(object: JsonObject | undefined): JsonValue | undefined {
  return objectIn(object, 'metadata')?.['uid'];
}
