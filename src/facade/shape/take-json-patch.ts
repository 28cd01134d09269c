/** JSON patches (RFC 6902) in the shape of `mir/v1alpha`: each operation as it is for the stored object. */
import { AUTHOR_ANNOTATION, AUTHOR_OF_ANNOTATION } from '../../api/author.ts';
import { API_VERSION } from '../../api/device.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import { isToolAnnotation, MIR_API_VERSION } from '../../api/mir-shape.ts';
import { badRequest } from '../status-error.ts';
import { isList, isObject, objectIn, without } from './json.ts';
import { LAST_APPLIED, takeLastApplied } from './last-applied.ts';
import { takeEntry, takeManagedFields } from './managed-fields.ts';
import { READ_ONLY_REPORTED, READ_ONLY_STATUS, takeDocument } from './take.ts';

export interface TakenJsonPatch {
  readonly operations: readonly JsonObject[];
  readonly warnings: readonly string[];
}

/** `stored` is the object as the CRD's API has it; what it holds beside what `meta` shows is kept. */
export function takeJsonPatch(patch: JsonValue, stored: JsonObject | undefined): TakenJsonPatch {
  if (!isList(patch) || !patch.every(isObject)) throw badRequest('a JSON patch is a list of operations');
  const warnings = new Set<string>();
  const operations = patch.flatMap((operation) => takeOperation(operation, stored, warnings));
  return { operations, warnings: [...warnings] };
}

function takeOperation(operation: JsonObject, stored: JsonObject | undefined, warnings: Set<string>): JsonObject[] {
  const { op, path, from } = operation;
  // What is no pointer is the API server's to refuse.
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) return [operation];
  const steps = stepsOf(path);
  const moved = typeof from === 'string' ? { from: pointerOf(placeOf(stepsOf(from))) } : {};
  if (op === 'test') return testOf(operation, steps, stored);
  const readOnly =
    readOnlyOf(steps) ?? (op === 'move' && typeof from === 'string' ? readOnlyOf(stepsOf(from)) : undefined);
  if (readOnly !== undefined) {
    warnings.add(readOnly);
    return [];
  }
  if (isAuthor(steps)) return [];
  if (steps[0] === 'meta' && steps.length === 1) return metaOperations(operation, stored);
  const value = operation['value'] === undefined ? {} : { value: valueOf(operation['value'], steps, stored, warnings) };
  const place = pointerOf(placeOf(steps));
  if (isAnnotationsOfMeta(steps) && op === 'remove')
    return [keepTools({ op: 'replace', path: place, value: {} }, stored)];
  const taken = { ...operation, ...moved, ...value, path: place };
  return [isAnnotationsOfMeta(steps) ? keepTools(taken, stored) : taken];
}

/** `/meta` as a whole. */
function metaOperations({ op, value }: JsonObject, stored: JsonObject | undefined): JsonObject[] {
  if (op !== 'add' && op !== 'replace') return [];
  const fields = isObject(value) ? value : {};
  return ['labels', 'annotations']
    .filter((field) => Object.hasOwn(fields, field))
    .map((field) => ({ op: 'add', path: `/metadata/${field}`, value: fields[field] ?? {} }))
    .map((operation) => (operation.path.endsWith('annotations') ? keepTools(operation, stored) : operation));
}

/** What `meta` does not show is not meant when all that it shows is replaced. */
function keepTools(operation: JsonObject, stored: JsonObject | undefined): JsonObject {
  const { value } = operation;
  if (!isObject(value)) return operation;
  const before = Object.entries(objectIn(objectIn(stored, 'metadata'), 'annotations') ?? {});
  return { ...operation, value: { ...Object.fromEntries(before.filter(([key]) => isToolAnnotation(key))), ...value } };
}

function isAnnotationsOfMeta([first, second, ...rest]: readonly string[]): boolean {
  return first === 'meta' && second === 'annotations' && rest.length === 0;
}

function testOf(operation: JsonObject, steps: readonly string[], stored: JsonObject | undefined): JsonObject[] {
  const { value = null } = operation;
  const [first, second] = steps;
  if (first === 'meta' && steps.length === 1)
    return Object.entries(isObject(value) ? value : {}).flatMap(([field, each]) =>
      testOf({ op: 'test', path: '', value: each }, ['meta', field], stored),
    );
  const path = pointerOf(placeOf(steps));
  if (isAnnotationsOfMeta(steps)) return [keepTools({ ...operation, path }, stored)];
  if (first === 'properties' && second === undefined && isObject(value) && value['reported'] !== undefined)
    return [
      { ...operation, path, value: without(value, 'reported') },
      { op: 'test', path: '/status/reported', value: value['reported'] },
    ];
  const reported = objectIn(stored, 'status')?.['reported'];
  if (first === 'status' && steps.length === 1 && isObject(value) && reported !== undefined)
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
    return taken.body;
  }
  if (first === 'apiVersion') return value === MIR_API_VERSION ? API_VERSION : value;
  if (first === 'properties' && steps.length === 1 && isObject(value) && Object.hasOwn(value, 'reported')) {
    warnings.add(READ_ONLY_REPORTED);
    return without(value, 'reported');
  }
  if (first !== 'metadata') return value;
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

function isAuthor([first, second, third]: readonly string[]): boolean {
  const isOwn = third === AUTHOR_ANNOTATION || third === AUTHOR_OF_ANNOTATION;
  return (first === 'metadata' || first === 'meta') && second === 'annotations' && isOwn;
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
