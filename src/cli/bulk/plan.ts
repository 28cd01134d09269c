/** What a change of many devices would do, worked out before anything is written. */
import type { JsonObject } from '../../api/device.ts';
import type { FleetDevice } from '../fleet/fleet.ts';
import { fieldDiff } from '../render/field-diff.ts';
import type { FieldChange } from '../render/field-diff.ts';

/** One kind of change: of each device it says what is to become of it. */
export interface Edit {
  /** The messages that a wait is about; empty: the twin as a whole. */
  readonly messages: readonly string[];
  /** The merge patch of the object. Throws a Refusal. */
  patch(device: FleetDevice): Promise<JsonObject> | JsonObject;
  /** The object after the patch, and before it, as far as the edit is concerned. */
  view(device: FleetDevice, patch?: JsonObject): JsonObject;
  /** Who would set it back. */
  owners(device: FleetDevice, changes: readonly FieldChange[]): readonly string[];
}

/** A device for which the change is wrong, by its schema for instance. The message says where and why. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

export interface PlannedChange {
  readonly device: FleetDevice;
  readonly patch: JsonObject;
  readonly changes: readonly FieldChange[];
  readonly owners: readonly string[];
}

export interface BulkPlan {
  readonly changed: readonly PlannedChange[];
  readonly unchanged: readonly FleetDevice[];
  readonly refused: readonly { readonly device: FleetDevice; readonly why: string }[];
}

export async function planBulk(devices: readonly FleetDevice[], edit: Edit): Promise<BulkPlan> {
  const changed: PlannedChange[] = [];
  const unchanged: FleetDevice[] = [];
  const refused: { device: FleetDevice; why: string }[] = [];
  for (const device of devices) {
    try {
      const patch = await edit.patch(device);
      const changes = fieldDiff(edit.view(device), edit.view(device, patch));
      if (changes.length === 0) unchanged.push(device);
      else changed.push({ device, patch, changes, owners: edit.owners(device, changes) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused.push({ device, why: error.message });
    }
  }
  return { changed, unchanged, refused };
}

/** The same changes together, those of most devices first. */
export function groupChanges(changed: readonly PlannedChange[]): [changes: readonly FieldChange[], count: number][] {
  const groups = Map.groupBy(changed, ({ changes }) => JSON.stringify(changes));
  return [...groups.values()]
    .map((group): [readonly FieldChange[], number] => [group[0]?.changes ?? [], group.length])
    .toSorted(([, a], [, b]) => b - a);
}
