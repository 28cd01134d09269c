/** Who else has a field of an object under its care. */
import { ownsField } from '../../api/managed-fields.ts';
import type { FleetDevice } from '../fleet/fleet.ts';
import { FIELD_MANAGER } from '../base/context.ts';

/** Managers that apply: they set a field back to what they have at their next turn. */
export function ownersOf({ metadata }: FleetDevice, path: readonly string[]): string[] {
  const owners = (metadata.managedFields ?? []).filter(
    (entry) =>
      entry.operation === 'Apply' &&
      entry.subresource === undefined &&
      entry.manager !== FIELD_MANAGER &&
      ownsField(entry, path),
  );
  return owners.map(({ manager }) => manager ?? 'unknown');
}
