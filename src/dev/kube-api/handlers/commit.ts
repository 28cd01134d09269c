/** The last step of every write. */
import { badRequest } from '../errors.ts';
import type { KubeObject } from '../kube-object.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import type { ResourceType } from '../registry/resource-type.ts';
import type { Stored } from '../storage/collection.ts';
import type { Call } from './call.ts';

/** Whether the request wants everything done but the storing. */
export function isDryRun({ query }: Call): boolean {
  const asked = query.getAll('dryRun').filter((text) => text !== '');
  if (asked.some((text) => text !== 'All')) {
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(asked)}: supported values: "All"`);
  }
  return asked.length > 0;
}

/** Stores `object`, or under dryRun only shows it; an object whose deletion nothing holds any more is removed instead. */
export function commit(call: Call, object: KubeObject): Pick<Stored, 'json'> {
  const { api, type } = call;
  const stored = inStorageVersion(object, type);
  if (isDryRun(call)) return { json: JSON.stringify(stored) };
  const isGone = object.metadata.deletionTimestamp !== undefined && !isHeld(object, type);
  return isGone ? api.store.remove(type.id, stored) : api.store.put(type.id, stored);
}

/** Whether something keeps the object when it is deleted. */
export function isHeld(object: KubeObject, type: ResourceType): boolean {
  return (object.metadata.finalizers ?? []).length > 0 || type.hooks.isHeld?.(object) === true;
}

function inStorageVersion(object: KubeObject, { group, storageVersion }: ResourceType): KubeObject {
  const { apiVersion: _, kind, metadata, ...rest } = object;
  return { apiVersion: apiVersionOf({ group, version: storageVersion }), kind, metadata, ...rest };
}
