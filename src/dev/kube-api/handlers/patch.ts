import jsonPatch from 'fast-json-patch';
import type { Operation } from 'fast-json-patch';
import type { Json } from '../crd/index.ts';
import { badRequest, unprocessablePatch, unsupportedMediaType } from '../errors.ts';
import { parseJson } from '../http/body.ts';
import { isObject } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import type { Answer, Call } from './call.ts';
import { decodeObject } from './decode.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMerge } from './strategic-merge.ts';
import { checkOptions } from './write-options.ts';
import { applyUpdate, readOld } from './update.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
/** kube-apiserver's own bound on the operations of one JSON patch. */
const MAX_OPERATIONS = 10_000;

export function patch(call: Call): Answer {
  checkOptions(call, 'PatchOptions');
  const change = parsePatch(call);
  const old = readOld(call);
  const wanted = decodeObject(patched(call, old, change), call.type);
  return applyUpdate(call, old, wanted);
}

function parsePatch({ body, type }: Call): Json {
  const supported = type.isCustom ? [JSON_PATCH, MERGE_PATCH] : [JSON_PATCH, MERGE_PATCH, STRATEGIC];
  if (body.type === APPLY) {
    const hint = '; server-side apply is not implemented by the embedded Kubernetes API: apply without --server-side';
    throw unsupportedMediaType(supported, hint);
  }
  if (!supported.includes(body.type)) throw unsupportedMediaType(supported);
  return parseJson(body.bytes.toString('utf8'));
}

function patched(call: Call, old: KubeObject, change: Json): Json {
  switch (call.body.type) {
    case JSON_PATCH:
      return applyOperations(old, change);
    case STRATEGIC:
      return strategicMerge(old, requireObject(change));
    default:
      return mergePatch(old, requireObject(change));
  }
}

function requireObject(change: Json): Json {
  if (!isObject(change)) throw badRequest('error decoding patch: a merge patch is an object');
  return change;
}

function applyOperations(old: KubeObject, change: Json): Json {
  if (!Array.isArray(change)) throw badRequest('error decoding patch: a JSON patch is an array of operations');
  if (change.length > MAX_OPERATIONS) throw badRequest(`a JSON patch may have at most ${MAX_OPERATIONS} operations`);
  try {
    return jsonPatch.applyPatch(structuredClone(old), change as unknown as Operation[], true).newDocument;
  } catch (error) {
    if (error instanceof jsonPatch.JsonPatchError || error instanceof TypeError) throw unprocessablePatch();
    throw error;
  }
}
