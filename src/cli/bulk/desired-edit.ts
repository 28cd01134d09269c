/** What edits of desired messages have in common. */
import { isJsonObject } from '../../api/exact-json.ts';
import type { JsonObject } from '../../api/device.ts';
import { checkDesired } from '../../document/check-desired.ts';
import type { DeviceSchema } from '../../schema/device-schema.ts';
import { applyMergePatch } from '../../api/merge-patch.ts';
import { Refusal } from './plan.ts';
import type { FieldChange } from '../render/field-diff.ts';
import type { FleetDevice } from '../fleet/fleet.ts';
import { ownersOf } from './owners.ts';

/** What is desired after a merge patch of it. */
export function desiredAfter({ properties }: FleetDevice, patch: JsonObject): JsonObject {
  return applyMergePatch(properties?.desired ?? {}, patch);
}

/** What is wrong is said before anything is written, with the path. */
export function refuseMisfit(desired: JsonObject, schema: DeviceSchema | undefined, names: readonly string[]): void {
  const set = Object.fromEntries(
    names.filter((name) => isJsonObject(desired[name])).map((name) => [name, desired[name]]),
  );
  const { invalid } = checkDesired(set as Record<string, JsonObject>, schema);
  const [first] = Object.entries(invalid);
  if (first !== undefined) throw new Refusal(`${first[0]}: ${first[1]}`);
}

/** Who would set `changes` of the messages `names` back. */
export function desiredOwners(
  device: FleetDevice,
  names: readonly string[],
  changes: readonly FieldChange[],
): readonly string[] {
  return changes.flatMap(({ path }) => {
    const message = names.find((name) => path.startsWith(`[${name}]`) || path === name) ?? '';
    const fields = path.slice(path.startsWith('[') ? message.length + 2 : message.length);
    return ownersOf(device, ['properties', 'desired', message, ...fields.split('.').filter((part) => part !== '')]);
  });
}
