/** Who owns which fields after a write, for the handlers of all of them. */
import { timestamp } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import type { ManagedFieldsEntry } from '../ownership/entries.ts';
import { trackUpdate } from '../ownership/track.ts';
import type { Write } from '../ownership/track.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import type { ResourceType } from '../registry/resource-type.ts';
import type { MergeType } from '../../structured-merge/merge-type.ts';
import { UnservedVersionError } from '../../structured-merge/owners.ts';
import { withoutEmpty } from './own-metadata.ts';
import type { Call } from './call.ts';
import { managerOf } from './write-options.ts';

/** Given the admitted object, its managedFields; undefined when nobody is known to own anything. */
export type Tracker = (admitted: KubeObject) => ManagedFieldsEntry[] | undefined;

/** For a create (`old` undefined), a replace or a patch; `sent` may bring managedFields of its own. */
export function trackerOf(call: Call, old: KubeObject | undefined, sent: KubeObject): Tracker {
  const { managedFields } = sent.metadata;
  // Of custom resources an API server does not tell an empty list from none.
  const isNone = managedFields === undefined || (call.type.isCustom && managedFields.length === 0);
  return (admitted) =>
    trackUpdate(writeOf(call), {
      live: old === undefined ? emptyObject(call) : withoutManagedFields(old),
      next: withoutManagedFields(admitted),
      stored: old?.metadata.managedFields,
      sent: isNone ? undefined : managedFields,
      isCreate: old === undefined,
    });
}

export function writeOf(call: Call): Write {
  const { api, type, subresource } = call;
  const apiVersion = apiVersionOf(type);
  const ignored = !type.hasStatus ? [] : subresource === 'status' ? ['f:metadata', 'f:spec'] : ['f:status'];
  return {
    manager: managerOf(call),
    subresource,
    rules: { apiVersion, typeOf: (version) => mergeTypeOf(type, version), ignored },
    time: timestamp(api.now()),
  };
}

function mergeTypeOf({ mergeTypes }: ResourceType, apiVersion: string): MergeType {
  const type = mergeTypes.get(apiVersion);
  if (type !== undefined) return type;
  throw new UnservedVersionError(`request to convert CR to an invalid group/version: ${apiVersion}`);
}

/** What an object is before it is created. */
export const emptyObject = ({ type }: Call): { apiVersion: string; kind: string } => ({
  apiVersion: apiVersionOf(type),
  kind: type.kind,
});

export function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: withoutEmpty(metadata) };
}
