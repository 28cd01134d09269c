/** JSON patches (RFC 6902) in the shape of `mir/v1alpha`: each operation as it is for the stored object. */
import { LAST_APPLIED } from '../api/last-applied.ts';
import { isJsonObject } from '../api/exact-json.ts';
import { isAuthorAnnotation } from '../api/author.ts';
import { API_VERSION } from '../api/device.ts';
import type { JsonObject, JsonValue } from '../api/json-value.ts';
import { isToolAnnotation, MIR_API_VERSION } from './mir-shape.ts';
import { badRequest, inapplicablePatch, tooManyOperations } from '../api/status-error.ts';
import { annotationsOf, isList, objectIn, without } from '../api/json-fields.ts';
import { takeLastApplied } from './last-applied.ts';
import { takeEntry, takeManagedFields } from './managed-fields.ts';
import { READ_ONLY_REPORTED, READ_ONLY_STATUS, takeDocument } from './take.ts';

export interface TakenJsonPatch {
  readonly operations: readonly JsonObject[];
  readonly warnings: readonly string[];
}

/** kube-apiserver's own limit. */
const MOST_OPERATIONS = 10_000;
/** Each of them may bring along a part of what is stored. */
const MOST_OF_WHOLE_PARTS = 100;

/** `stored` is the object as the CRD's API has it; what it holds beside what `meta` shows is kept. */
export function takeJsonPatch(patch: JsonValue, stored: JsonObject | undefined): TakenJsonPatch {
  if (!isList(patch) || !patch.every(isJsonObject)) throw badRequest('a JSON patch is a list of operations');
  if (patch.length > MOST_OPERATIONS) throw tooManyOperations(MOST_OPERATIONS, patch.length);
  if (patch.filter(({ path }) => typeof path === 'string' && stepsOf(path).length < 3).length > MOST_OF_WHOLE_PARTS)
    throw badRequest(
      `a JSON patch has at most ${MOST_OF_WHOLE_PARTS} operations on whole parts of an object; name what changes in them`,
    );
  const warnings = new Set<string>();
  const operations = patch.flatMap((operation) => takeOperation(operation, stored, warnings));
  return { operations, warnings: [...warnings] };
}

function takeOperation(operation: JsonObject, stored: JsonObject | undefined, warnings: Set<string>): JsonObject[] {
  const { op, path, from } = operation;
  if (typeof path !== 'string') return [operation];
  // An API server takes `x/metadata` for `/metadata`, and refuses what has no slash at all.
  for (const pointer of [path, from])
    if (typeof pointer === 'string' && pointer !== '' && !pointer.startsWith('/')) throw inapplicablePatch();
  const steps = stepsOf(path);
  if (typeof from === 'string') refuseMovedStamp(operation, stepsOf(from), steps);
  const moved = typeof from === 'string' ? { from: pointerOf(placeOf(stepsOf(from))) } : {};
  if (op === 'test') return testOf(operation, steps, stored);
  const readOnly =
    readOnlyOf(steps) ?? (op === 'move' && typeof from === 'string' ? readOnlyOf(stepsOf(from)) : undefined);
  if (readOnly !== undefined) {
    warnings.add(readOnly);
    return [];
  }
  if (isStampPath(steps)) return [];
  if (steps[0] === 'meta' && steps.length === 1) return metaOperations(operation, stored);
  const value = operation['value'] === undefined ? {} : { value: valueOf(operation['value'], steps, stored, warnings) };
  const place = pointerOf(placeOf(steps));
  const taken = { ...operation, ...moved, ...value, path: place };
  if (!isAnnotations(steps)) return [taken];
  if (op === 'remove') return [removal(place, steps, stored)];
  return [keepTools(taken, steps, stored)];
}

/** All annotations, less those that stay. */
function removal(path: string, steps: readonly string[], stored: JsonObject | undefined): JsonObject {
  const replacing = keepTools({ op: 'replace', path, value: {} }, steps, stored);
  const isEmpty = Object.keys(objectIn(replacing, 'value') ?? {}).length === 0;
  return isEmpty && steps[0] === 'metadata' ? { op: 'remove', path } : replacing;
}

/** What would put annotations in place, or take them away, whatever stands in them. */
function refuseMovedStamp({ op }: JsonObject, from: readonly string[], to: readonly string[]): void {
  const isTaken = op === 'move' && (holdsStamp(from) || isStampPath(from));
  if (isTaken || holdsStamp(to))
    throw badRequest(
      `nothing is moved or copied from ${pointerOf(from)} to ${pointerOf(to)}: write annotations by their names`,
    );
}

function holdsStamp(steps: readonly string[]): boolean {
  return steps.length === 0 || (isIdentity(steps) && steps.length === 1) || isAnnotations(steps);
}

const isIdentity = ([first]: readonly string[]): boolean => first === 'metadata' || first === 'meta';

/** `/meta` as a whole. */
function metaOperations({ op, value }: JsonObject, stored: JsonObject | undefined): JsonObject[] {
  if (op !== 'add' && op !== 'replace') return [];
  const fields = isJsonObject(value) ? value : {};
  return ['labels', 'annotations']
    .filter((field) => Object.hasOwn(fields, field))
    .map((field) => ({ op: 'add', path: `/metadata/${field}`, value: fields[field] ?? {} }))
    .map((operation) =>
      operation.path.endsWith('annotations') ? keepTools(operation, ['meta', 'annotations'], stored) : operation,
    );
}

/** What `meta` does not show is not meant when all that it shows is replaced; the author is never meant. */
function keepTools(operation: JsonObject, [identity]: readonly string[], stored: JsonObject | undefined): JsonObject {
  // Nothing in place of all annotations takes them all away.
  const value = operation['value'] ?? {};
  if (!isJsonObject(value)) return operation;
  return { ...operation, value: withStampOf(stored, identity === 'meta' ? { ...toolsOf(stored), ...value } : value) };
}

function toolsOf(stored: JsonObject | undefined): JsonObject {
  return Object.fromEntries(Object.entries(annotationsOf(stored)).filter(([key]) => isToolAnnotation(key)));
}

/** No client says who the author is: what is stored of that stays. */
function withStampOf(stored: JsonObject | undefined, annotations: JsonObject): JsonObject {
  const said = Object.entries(annotations).filter(([key]) => !isAuthorAnnotation(key));
  const kept = Object.entries(annotationsOf(stored)).filter(([key]) => isAuthorAnnotation(key));
  return Object.fromEntries([...said, ...kept]);
}

function isAnnotations(steps: readonly string[]): boolean {
  return isIdentity(steps) && steps[1] === 'annotations' && steps.length === 2;
}

function testOf(operation: JsonObject, steps: readonly string[], stored: JsonObject | undefined): JsonObject[] {
  const { value = null } = operation;
  const [first, second] = steps;
  if (first === 'meta' && steps.length === 1)
    return Object.entries(isJsonObject(value) ? value : {}).flatMap(([field, each]) =>
      testOf({ op: 'test', path: '', value: each }, ['meta', field], stored),
    );
  const path = pointerOf(placeOf(steps));
  if (isAnnotations(steps) && first === 'meta')
    return [{ ...operation, path, value: isJsonObject(value) ? { ...toolsOf(stored), ...value } : value }];
  if (first === 'properties' && second === undefined && isJsonObject(value) && value['reported'] !== undefined)
    return [
      { ...operation, path, value: without(value, 'reported') },
      { op: 'test', path: '/status/reported', value: value['reported'] },
    ];
  const reported = objectIn(stored, 'status')?.['reported'];
  if (first === 'status' && steps.length === 1 && isJsonObject(value) && reported !== undefined)
    return [{ ...operation, value: { ...value, reported } }];
  return [{ ...operation, path, value: valueOf(value, steps, stored, new Set()) }];
}

function valueOf(
  value: JsonValue,
  steps: readonly string[],
  stored: JsonObject | undefined,
  warnings: Set<string>,
): JsonValue {
  const [first, second, third] = steps;
  if (first === undefined) {
    const taken = takeDocument(value, stored, 'whole');
    for (const warning of taken.warnings) warnings.add(warning);
    return { ...taken.body, metadata: stampedMetadata(taken.body['metadata'], stored) };
  }
  if (first === 'apiVersion') return value === MIR_API_VERSION ? API_VERSION : value;
  if (first === 'properties' && steps.length === 1 && isJsonObject(value) && Object.hasOwn(value, 'reported')) {
    warnings.add(READ_ONLY_REPORTED);
    return without(value, 'reported');
  }
  if (first !== 'metadata') return value;
  if (steps.length === 1) return stampedMetadata(value, stored);
  if (second === 'managedFields') return steps.length === 2 ? takeManagedFields(value) : managedPart(value, steps);
  if (second === 'annotations' && third === LAST_APPLIED && typeof value === 'string') return takeLastApplied(value);
  return value;
}

function managedPart(value: JsonValue, steps: readonly string[]): JsonValue {
  if (steps.length === 3) return takeEntry(value);
  return steps.at(-1) === 'apiVersion' && value === MIR_API_VERSION ? API_VERSION : value;
}

function readOnlyOf([first, second]: readonly string[]): string | undefined {
  if (first === 'status') return READ_ONLY_STATUS;
  return first === 'properties' && second === 'reported' ? READ_ONLY_REPORTED : undefined;
}

function stampedMetadata(metadata: JsonValue | undefined, stored: JsonObject | undefined): JsonValue {
  if (!isJsonObject(metadata)) return metadata ?? null;
  return { ...metadata, annotations: withStampOf(stored, objectIn(metadata, 'annotations') ?? {}) };
}

function isStampPath(steps: readonly string[]): boolean {
  return isIdentity(steps) && steps[1] === 'annotations' && isAuthorAnnotation(steps[2] ?? '');
}

/** Where the stored object has what the view shows there. */
function placeOf(steps: readonly string[]): readonly string[] {
  const [first, second, ...rest] = steps;
  if (first === 'meta') return ['metadata', ...steps.slice(1)];
  return first === 'properties' && second === 'reported' ? ['status', 'reported', ...rest] : steps;
}

function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function pointerOf(steps: readonly string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
