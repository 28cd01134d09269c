/** Who else has a field of an object under its care. */
import type { FleetDevice } from './fleet.ts';
import { FIELD_MANAGER } from './context.ts';

/** Managers that apply: they set a field back to what they have at their next turn. */
export function ownersOf({ metadata }: FleetDevice, path: readonly string[]): string[] {
  const owners = (metadata.managedFields ?? []).filter(
    ({ operation, subresource, manager, fieldsV1 }) =>
      operation === 'Apply' && subresource === undefined && manager !== FIELD_MANAGER && owns(fieldsV1, path),
  );
  return owners.map(({ manager }) => manager ?? 'unknown');
}

/** True when the field itself is in the set, or one that it lies in and that is owned as a whole. */
function owns(fields: unknown, path: readonly string[]): boolean {
  if (typeof fields !== 'object' || fields === null) return false;
  const [name, ...rest] = path;
  if (name === undefined) return true;
  const inner = (fields as Readonly<Record<string, unknown>>)[`f:${name}`];
  if (inner === undefined) return false;
  return Object.keys(inner as object).length === 0 || owns(inner, rest);
}
