import jsonPatch from 'fast-json-patch';
import type { CopyOperation, Operation } from 'fast-json-patch';
import type { Json } from '../crd/index.ts';
import { badRequest, unprocessablePatch, unsupportedMediaType } from '../errors.ts';
import { isNumeral } from '../../../api/exact-json.ts';
import { applyMergePatch } from '../../../api/merge-patch.ts';
import { readBodyJson } from '../http/body.ts';
import { isObject, jsonKind } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import type { Answer, Call } from './call.ts';
import { refusedPatch } from './admit.ts';
import { decodeObject, UnfitMetadataError } from './decode.ts';
import { cloneJson } from '../whole-numbers.ts';
import { strategicMerge } from './strategic-merge.ts';
import { checkOptions } from './write-options.ts';
import { apply } from './apply.ts';
import { checkFixed } from './fixed-fields.ts';
import { trackerOf } from './tracking.ts';
import { applyUpdate, readOld } from './update.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
/** kube-apiserver's own bound on the operations of one JSON patch. */
const MAX_OPERATIONS = 10_000;

export function patch(call: Call): Answer {
  if (call.body.type === APPLY) return apply(call);
  checkOptions(call, 'PatchOptions');
  const change = parsePatch(call);
  const old = readOld(call);
  const result = patched(call, old, change);
  checkFixed(call, old, result);
  const wanted = decodePatched(call, result);
  return applyUpdate(call, old, wanted, trackerOf(call, old, wanted));
}

function decodePatched({ type }: Call, result: Json): KubeObject {
  try {
    return decodeObject(result, type);
  } catch (error) {
    throw error instanceof UnfitMetadataError ? refusedPatch(result, error.why) : error;
  }
}

function parsePatch({ body, type }: Call): Json {
  const supported = [JSON_PATCH, MERGE_PATCH, ...(type.isCustom ? [] : [STRATEGIC]), APPLY];
  if (!supported.includes(body.type)) throw unsupportedMediaType(supported);
  return parsePatchJson(body.bytes.toString('utf8'));
}

function patched(call: Call, old: KubeObject, change: Json): Json {
  switch (call.body.type) {
    case JSON_PATCH:
      return applyOperations(old, change);
    case STRATEGIC:
      return strategicMerge(old, requireObject(change));
    default:
      return applyMergePatch(old, requireObject(change)) as Json;
  }
}

function parsePatchJson(text: string): Json {
  try {
    return readBodyJson(text);
  } catch (error) {
    throw error instanceof SyntaxError ? badRequest('invalid JSON patch') : error;
  }
}

function requireObject(change: Json): Json {
  if (!isObject(change)) throw undecodable(change, 'map[string]interface {}');
  return change;
}

function undecodable(change: Json, goType: string) {
  return badRequest(`error decoding patch: json: cannot unmarshal ${jsonKind(change)} into Go value of type ${goType}`);
}

function applyOperations(old: KubeObject, change: Json): Json {
  if (!Array.isArray(change)) throw undecodable(change, '[]handlers.jsonPatchOp');
  if (change.length > MAX_OPERATIONS) throw badRequest(`a JSON patch may have at most ${MAX_OPERATIONS} operations`);
  if (holdsNumeral(change))
    throw badRequest(
      'a JSON patch of the embedded Kubernetes API takes no whole numbers beyond 2^53: use a merge patch',
    );
  try {
    return (change as unknown as Operation[]).reduce<Json>(applyOperation, cloneJson(old));
  } catch (error) {
    if (error instanceof jsonPatch.JsonPatchError || error instanceof TypeError) throw unprocessablePatch();
    throw error;
  }
}

/** The library for JSON patches copies values by way of JSON.parse, which would change them. */
function holdsNumeral(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return isNumeral(value) || Object.values(value).some(holdsNumeral);
}

/** An API server lets `replace` add a member that an object does not have. */
function applyOperation(document: Json, operation: Operation): Json {
  if (operation.op === 'copy') return applyCopy(document, operation);
  const parent = operation.path.slice(0, operation.path.lastIndexOf('/'));
  const isLenient =
    operation.op === 'replace' && parent !== '' && isObject(jsonPatch.getValueByPointer(document, parent));
  const applied = isLenient ? { ...operation, op: 'add' as const } : operation;
  return jsonPatch.applyOperation(document, applied, true).newDocument;
}

/** The library would copy by way of JSON.parse. What cannot be found is left to it, and so refused. */
function applyCopy(document: Json, operation: CopyOperation): Json {
  const value: unknown = jsonPatch.getValueByPointer(document, operation.from);
  if (value === undefined) return jsonPatch.applyOperation(document, operation, true).newDocument;
  return applyOperation(document, { op: 'add', path: operation.path, value: cloneJson(value as Json) });
}
