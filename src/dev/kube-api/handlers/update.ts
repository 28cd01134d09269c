/** PUT, and what PUT and PATCH share. */
import { cloneJson } from '../whole-numbers.ts';
import { sameJson } from '../crd/correlation.ts';
import type { JsonObject } from '../crd/index.ts';
import { badRequest, conflict, invalid, notFound, notImplemented, staleObject, unclassified } from '../errors.ts';
import { parseBody } from '../http/body.ts';
import { keyOf } from '../kube-object.ts';
import type { KubeObject, ObjectMeta } from '../kube-object.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import { admit, validate } from './admit.ts';
import type { Answer, Call } from './call.ts';
import { commit } from './commit.ts';
import { checkSentNamespace } from './create.ts';
import { ownMetadata } from './own-metadata.ts';
import { decodeObject } from './decode.ts';
import type { ManagedFieldsEntry } from '../ownership/entries.ts';
import { trackerOf, withoutManagedFields } from './tracking.ts';
import type { Tracker } from './tracking.ts';
import { checkOptions } from './write-options.ts';

export function update(call: Call): Answer {
  const { type } = call;
  checkOptions(call, 'UpdateOptions');
  const sent = decodeObject(parseBody(call.body), type);
  const old = readOld(call);
  checkIdentity(call, sent.metadata);
  const { resourceVersion } = sent.metadata;
  if (type.isCustom && isUnset(resourceVersion)) throw unconditional(call);
  return applyUpdate(call, old, sent, trackerOf(call, old, sent));
}

/** The stored object in the request's version; throws 404. */
export function readOld({ api, type, namespace, name = '' }: Call): KubeObject {
  const old = api.store.get(type.id, keyOf(namespace, name));
  if (old === undefined) throw notFound(type, name);
  return { ...old, apiVersion: apiVersionOf(type) };
}

/** Carries a wanted state over the stored one: through the whole object, or through one subresource only. */
export function applyUpdate(call: Call, old: KubeObject, wanted: KubeObject, track: Tracker): Answer {
  const { type, subresource } = call;
  checkIdentity(call, wanted.metadata);
  checkPreconditions(call, wanted.metadata, old.metadata);
  const object =
    subresource === undefined ? nextWhole(call, old, wanted, track) : nextPart(call, subresource, old, wanted, track);
  validate(call, object, old, subresource === 'status' ? 'status' : 'whole');
  if (type.hasGeneration && !sameJson(counted(call, object), counted(call, old))) {
    object.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  if (isUnchanged(object, old)) return { code: 200, object: { json: JSON.stringify(old) } };
  return { code: 200, object: commit(call, object) };
}

/** The time at which a manager wrote what it owned already is no change. */
function isUnchanged(object: KubeObject, old: KubeObject): boolean {
  const [entries, before] = [object.metadata.managedFields ?? [], old.metadata.managedFields ?? []];
  return (
    entries.length === before.length &&
    entries.every((entry, index) => sameJson(timeless(entry), timeless(before[index] ?? {}))) &&
    sameJson(withoutManagedFields(object), withoutManagedFields(old))
  );
}

function timeless(entry: ManagedFieldsEntry): ManagedFieldsEntry {
  const { time: _, ...rest } = entry;
  return rest;
}

function nextWhole(call: Call, old: KubeObject, wanted: KubeObject, track: Tracker): KubeObject {
  const object = admit(call, wanted, 'whole');
  const managedFields = track(object);
  if (call.type.hasStatus) {
    delete object['status'];
    if (old['status'] !== undefined) object['status'] = cloneJson(old['status']);
  }
  object.metadata = nextMetadata(object.metadata, old.metadata, managedFields);
  call.type.hooks.prepareUpdate?.(object, old);
  return object;
}

/** Everything but the subresource's own field stays as it was, and says nothing about it. */
function nextPart(call: Call, subresource: string, old: KubeObject, wanted: KubeObject, track: Tracker): KubeObject {
  const object = cloneJson(old);
  if (subresource === 'status') {
    const admitted = admit(call, wanted, 'status');
    object.metadata = nextMetadata(old.metadata, old.metadata, track(admitted));
    delete object['status'];
    if (admitted['status'] !== undefined) object['status'] = admitted['status'];
    return object;
  }
  if (subresource === 'finalize' && wanted['spec'] !== undefined) {
    object['spec'] = wanted['spec'];
    return object;
  }
  throw notImplemented(`the subresource ${subresource}`);
}

function nextMetadata(wanted: ObjectMeta, old: ObjectMeta, managedFields: ObjectMeta['managedFields']): ObjectMeta {
  const { labels: _, annotations: __, finalizers: ___, ownerReferences: ____, managedFields: _____, ...fixed } = old;
  return { ...fixed, ...ownMetadata(wanted), ...(managedFields === undefined ? {} : { managedFields }) };
}

/** What counts for the generation. */
function counted({ type }: Call, object: KubeObject): JsonObject {
  const { apiVersion: _, kind: __, metadata: ___, ...rest } = object;
  if (type.hasStatus) delete rest['status'];
  return rest;
}

function checkIdentity({ type, name = '', namespace }: Call, wanted: ObjectMeta): void {
  if (wanted.name !== name) {
    throw badRequest(`the name of the object (${wanted.name ?? ''}) does not match the name on the URL (${name})`);
  }
  if (type.isNamespaced) checkSentNamespace(wanted.namespace, namespace);
}

function checkPreconditions({ type, name = '' }: Call, wanted: ObjectMeta, old: ObjectMeta): void {
  const { uid = '', resourceVersion } = wanted;
  if (uid !== '' && uid !== old.uid) {
    const key = `/registry/${type.group}/${type.plural}/${keyOf(old.namespace, name)}`;
    const storage = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: `;
    throw conflict(
      type,
      name,
      `${storage}Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.uid ?? ''}`,
    );
  }
  if (type.isCustom && !isUnset(resourceVersion) && !/^\d+$/.test(resourceVersion ?? '')) {
    throw unclassified(`strconv.ParseUint: parsing "${resourceVersion}": invalid syntax`);
  }
  if (!isUnset(resourceVersion) && resourceVersion !== old.resourceVersion) throw staleObject(type, name);
}

function isUnset(resourceVersion: string | undefined): boolean {
  return resourceVersion === undefined || resourceVersion === '' || resourceVersion === '0';
}

function unconditional({ type, name = '' }: Call) {
  const message = 'Invalid value: 0: must be specified for an update';
  return invalid(type.plural, type.group, name, [
    { type: 'FieldValueInvalid', field: 'metadata.resourceVersion', message },
  ]);
}
