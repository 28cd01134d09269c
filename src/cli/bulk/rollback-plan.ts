/** What was desired of a device at an earlier time, from its history. */
import type { JsonObject, JsonValue } from '../../api/device.ts';
import type { DeviceHistory, RecordedChange } from '../../api/history.ts';
import { own } from '../../api/own.ts';
import { undoChange } from '../../api/value-change.ts';
import { diffMergePatch } from '../../api/merge-patch.ts';
import { Refusal } from './plan.ts';
import type { FleetDevice } from '../fleet/fleet.ts';

/** A revision, or epoch milliseconds. */
export type RollbackTarget = { readonly revision: number } | { readonly time: number };

export interface FormerState {
  readonly desired: Readonly<Record<string, JsonValue>>;
  readonly disabled: boolean;
}

/** Throws a Refusal where the history does not reach back so far, or did not keep the values. */
export function stateAt(
  device: FleetDevice,
  { recorded, changes }: DeviceHistory,
  target: RollbackTarget,
): FormerState {
  const ownChanges = changes.filter(({ uid }) => uid === undefined);
  const undone = ownChanges.slice(0, indexOf(ownChanges, target));
  // Of values that were too long to keep, the object has the newest.
  const long = Object.keys(recorded.digests ?? {}).map(
    (name) => [name, own(device.properties?.desired, name)] as const,
  );
  const desired = new Map<string, JsonValue | undefined>([...Object.entries(recorded.desired ?? {}), ...long]);
  let disabled = recorded.disabled ?? false;
  for (const { revision, messages = {}, disabled: switched } of undone) {
    for (const [name, change] of Object.entries(messages)) {
      if (change.omitted !== undefined)
        throw new Refusal(`revision ${revision} changed ${name}, and its values were too long to keep`);
      desired.set(name, undoChange(desired.get(name), change));
    }
    disabled = switched?.before ?? disabled;
  }
  const kept = [...desired].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return { desired: Object.fromEntries(kept), disabled };
}

/** Where the change stands that was the newest then. */
function indexOf(changes: readonly RecordedChange[], target: RollbackTarget): number {
  const at = changes.findIndex((change) =>
    'revision' in target ? change.revision === target.revision : Date.parse(change.time) <= target.time,
  );
  if (at >= 0) return at;
  const revisions = changes.map(({ revision }) => revision);
  if ('revision' in target)
    throw new Refusal(`there is no revision ${target.revision}; its history has ${revisions.join(', ') || 'none'}`);
  const oldest = changes.at(-1);
  throw new Refusal(
    oldest === undefined
      ? 'its history is empty'
      : `its history begins at ${oldest.time} with revision ${oldest.revision}`,
  );
}

/** The merge patch of the object; empty: it is so already. A message goes as a whole where it was not desired. */
export function patchTo({ desired, disabled }: FormerState, { spec, properties }: FleetDevice): JsonObject {
  const patch = diffMergePatch(properties?.desired ?? {}, desired);
  return {
    ...(patch !== undefined && { properties: { desired: patch } }),
    ...(disabled !== (spec.disabled ?? false) && { spec: { disabled } }),
  };
}
