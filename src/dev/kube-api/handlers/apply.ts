/** Server-side apply: PATCH with application/apply-patch+yaml. */
import { badRequest, conflict, notFound, unclassified } from '../errors.ts';
import type { Json } from '../crd/index.ts';
import { parseApplyBody } from '../http/body.ts';
import { isObject, jsonKind, keyOf, textAt } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import { applyConflict } from '../ownership/conflict.ts';
import { foreignConflicts, withLastApplied } from '../ownership/last-applied.ts';
import { trackApply } from '../ownership/track.ts';
import type { Application, Outcome } from '../ownership/track.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import { misfits } from '../../structured-merge/check.ts';
import { ApplyConflictError, UnservedVersionError } from '../../structured-merge/owners.ts';
import type { Answer, Call } from './call.ts';
import { checkSentNamespace, createObject } from './create.ts';
import { decodeObject } from './decode.ts';
import { checkFixed } from './fixed-fields.ts';
import { emptyObject, withoutManagedFields, writeOf } from './tracking.ts';
import { applyUpdate, readOld } from './update.ts';
import { checkOptions, isForced, managerOf } from './write-options.ts';

/** kubectl alone moves over from client-side apply. */
const KUBECTL = 'kubectl';

export function apply(call: Call): Answer {
  checkOptions(call, 'PatchOptions', true);
  const config = parseApplyBody(call.body);
  const { api, type, namespace, name = '', subresource } = call;
  const isThere = api.store.collection(type.id).get(keyOf(namespace, name)) !== undefined;
  if (!isThere && subresource !== undefined) throw notFound(type, name);
  const old = isThere ? readOld(call) : undefined;
  checkConfig(call, config);
  const { object, managedFields } = outcome(call, old, config);
  const wanted = decodeObject(object, type);
  checkName(call, wanted);
  const track = () => managedFields;
  if (old !== undefined) checkFixed(call, old, wanted);
  if (old !== undefined) return applyUpdate(call, old, wanted, track);
  checkUid(call, wanted);
  return createObject(call, withoutVersion(wanted), track);
}

/** Throws what an API server says of a configuration that cannot be applied. */
function checkConfig({ type }: Call, config: Json): void {
  if (config !== null && !isObject(config)) {
    const why = `json: cannot unmarshal ${jsonKind(config)} into Go value of type map[string]interface {}`;
    throw badRequest(`error decoding patch: error unmarshaling JSON: while decoding JSON: ${why}`);
  }
  const expected = apiVersionOf(type);
  const [apiVersion, kind] = [textAt(config, 'apiVersion'), textAt(config, 'kind')];
  if (apiVersion !== expected || kind !== type.kind) {
    throw badRequest(`invalid object type: ${apiVersion === '' ? '/' : shownVersion(apiVersion)}, Kind=${kind}`);
  }
  const metadata = isObject(config) ? config['metadata'] : undefined;
  if (isObject(metadata) && Array.isArray(metadata['managedFields'])) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const faults = misfits(config, type.mergeTypes.get(expected) ?? {});
  if (faults.length > 0) {
    const shown = faults.length === 1 ? faults[0] : ['errors:', ...faults.map((fault) => `  ${fault}`)].join('\n');
    const subject = `${textAt(metadata, 'namespace')}/${textAt(metadata, 'name')}; ${shownVersion(apiVersion)}, Kind=${kind}`;
    throw unclassified(`failed to create typed patch object (${subject}): ${shown}`);
  }
}

/** Go shows the core group's versions with the slash that they lack. */
const shownVersion = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion : `/${apiVersion}`);

function outcome(call: Call, old: KubeObject | undefined, config: Json): Outcome {
  const application: Application = {
    live: old === undefined ? emptyObject(call) : withoutManagedFields(old),
    empty: emptyObject(call),
    stored: old?.metadata.managedFields,
    config,
    force: isForced(call),
  };
  const isKubectl = managerOf(call) === KUBECTL;
  const applied = isKubectl ? applyAsKubectl(call, old, application) : applyAs(call, application);
  if (!isKubectl || !isObject(applied.object)) return applied;
  return {
    ...applied,
    object: withLastApplied(decodeObject(applied.object, call.type), decodeObject(config, call.type)),
  };
}

function applyAs(call: Call, application: Application): Outcome {
  try {
    return trackApply(writeOf(call), application);
  } catch (error) {
    throw asStatus(error);
  }
}

function asStatus(error: unknown): unknown {
  if (error instanceof ApplyConflictError) return applyConflict(error.conflicts);
  return error instanceof UnservedVersionError ? unclassified(error.message) : error;
}

/** What kubectl applied from the client's side is its own still. */
function applyAsKubectl(call: Call, old: KubeObject | undefined, application: Application): Outcome {
  const write = writeOf(call);
  try {
    return trackApply(write, application);
  } catch (error) {
    if (!(error instanceof ApplyConflictError) || old === undefined) throw asStatus(error);
    const { rules } = write;
    const foreign = foreignConflicts(error.conflicts, withoutManagedFields(old), rules.typeOf(rules.apiVersion));
    if (foreign.length > 0) throw applyConflict(foreign);
    return trackApply(write, { ...application, force: true });
  }
}

function checkName({ name = '', namespace, type }: Call, { metadata }: KubeObject): void {
  if (type.isNamespaced) checkSentNamespace(metadata.namespace, namespace);
  if ((metadata.name ?? '') === '') {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (metadata.name === name) return;
  throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
}

function checkUid({ type, name = '' }: Call, { metadata: { uid = '' } }: KubeObject): void {
  if (uid === '') return;
  const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
  throw conflict(type, name, why);
}

function withoutVersion(object: KubeObject): KubeObject {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
