/** DELETE of one object or of a selection. */
import { badRequest, conflict, invalidOptions } from '../errors.ts';
import type { Json, JsonObject } from '../crd/index.ts';
import { parseBody } from '../http/body.ts';
import { isObject, keyOf, textAt, timestamp } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import { parseStored } from '../storage/store.ts';
import type { Answer, Call } from './call.ts';
import { commit, isHeld } from './commit.ts';
import { list } from './list.ts';
import { readOld } from './update.ts';
import { checkOptions, isDryRun } from './write-options.ts';

export function deleteOne(request: Call): Answer {
  const { call, options } = withOptions(request);
  const old = readOld(call);
  checkPreconditions(call, old, options);
  const object = remove(call, old);
  if (isHeld(old, call.type)) return { code: 200, object };
  return { code: 200, document: success(call, old) };
}

export function deleteCollection(request: Call): Answer {
  const { call, options } = withOptions(request);
  const answer = list(call);
  if (!('list' in answer)) return answer;
  for (const stored of answer.list.items) {
    const { namespace, name } = parseStored(stored).metadata;
    const one: Call = { ...call, namespace, name };
    // An earlier removal may have taken this one along: a watcher of the collection is free to.
    if (call.api.store.collection(call.type.id).get(keyOf(namespace, name ?? '')) === undefined) continue;
    const old = readOld(one);
    checkPreconditions(one, old, options);
    remove(one, old);
  }
  return answer;
}

/** Removes the object, or marks it while something holds it; doing so twice changes nothing. */
export function remove(call: Call, old: KubeObject): { json: string } {
  const { api, type } = call;
  if (!isHeld(old, type)) return isDryRun(call) ? { json: JSON.stringify(old) } : api.store.remove(type.id, old);
  if (old.metadata.deletionTimestamp !== undefined) return { json: JSON.stringify(old) };
  const object = deleted(call, old);
  if (type.hasGeneration) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
  type.hooks.beginDeletion?.(object, api.now());
  return commit(call, object);
}

function deleted({ api }: Call, old: KubeObject): KubeObject {
  const deletionTimestamp = old.metadata.deletionTimestamp ?? timestamp(api.now());
  return { ...old, metadata: { ...old.metadata, deletionTimestamp, deletionGracePeriodSeconds: 0 } };
}

function success({ type }: Call, { metadata }: KubeObject): object {
  const { name, uid } = metadata;
  const group = type.group === '' ? {} : { group: type.group };
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...group, kind: type.plural, uid },
  };
}

/** A dry run may be asked for in the options as well as in the query. */
function withOptions(request: Call): { call: Call; options: Json } {
  const options = parseOptions(request);
  const asked = isObject(options) ? options['dryRun'] : undefined;
  const query = new URLSearchParams(request.query);
  for (const mode of Array.isArray(asked) ? asked : [])
    query.append('dryRun', typeof mode === 'string' ? mode : JSON.stringify(mode));
  const call = { ...request, query };
  checkOptions(call, 'DeleteOptions');
  return { call, options };
}

function parseOptions({ body, type }: Call): Json {
  if (body.bytes.length === 0) return {};
  const options = parseBody(body);
  if (!isObject(options)) throw badRequest('the body of a DELETE is DeleteOptions');
  const { kind, apiVersion } = options;
  const isOptions = kind === undefined || kind === 'DeleteOptions';
  const isKnown =
    apiVersion === undefined ||
    apiVersion === 'v1' ||
    apiVersion === 'meta.k8s.io/v1' ||
    apiVersion === apiVersionOf(type);
  if (!isOptions || !isKnown)
    throw badRequest(
      `the body of a DELETE is DeleteOptions, not ${textAt(options, 'apiVersion')} ${textAt(options, 'kind')}`,
    );
  checkPropagation(options);
  return options;
}

function checkPropagation({ propagationPolicy: policy, orphanDependents }: JsonObject): void {
  if (policy === undefined) return;
  const field = 'propagationPolicy';
  const shown = JSON.stringify(policy);
  if (orphanDependents !== undefined) {
    const message = `Invalid value: ${shown}: orphanDependents and deletionPropagation cannot be both set`;
    throw invalidOptions('DeleteOptions', [{ type: 'FieldValueInvalid', field, message }]);
  }
  if (policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
    const message = `Unsupported value: ${shown}: supported values: "Foreground", "Background", "Orphan", "nil"`;
    throw invalidOptions('DeleteOptions', [{ type: 'FieldValueNotSupported', field, message }]);
  }
}

/** The one place where an API server calls a resource by its kind. */
function checkPreconditions({ type, name = '' }: Call, { metadata }: KubeObject, options: Json): void {
  const refuse = (field: string, asked: string, held: string | undefined, perhaps: string) =>
    conflict(
      { group: type.group, plural: type.kind },
      name,
      `the ${field} in the precondition (${asked}) does not match the ${field} in record (${held ?? ''}). ${perhaps}`,
    );
  const uid = textAt(options, 'preconditions.uid');
  if (uid !== '' && uid !== metadata.uid) {
    throw refuse('UID', uid, metadata.uid, 'The object might have been deleted and then recreated');
  }
  const version = textAt(options, 'preconditions.resourceVersion');
  if (version !== '' && version !== metadata.resourceVersion) {
    throw refuse('ResourceVersion', version, metadata.resourceVersion, 'The object might have been modified');
  }
}
