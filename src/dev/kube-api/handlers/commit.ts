/** The last step of every write. */
import type { KubeObject } from '../kube-object.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import type { ResourceType } from '../registry/resource-type.ts';
import type { Stored } from '../storage/collection.ts';
import type { Call } from './call.ts';
import { isDryRun } from './write-options.ts';

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
