/** Who else has a field of an object under its care. */
import { ownsField } from '../../api/managed-fields.ts';
import type { FleetDevice } from '../fleet/fleet.ts';
import { FIELD_MANAGER } from '../base/context.ts';

/** Controllers that set back what they have also where they write it by update or merge patch, as client-side apply does. */
const GITOPS: ReadonlySet<string | undefined> = new Set([
  'argocd-controller',
  'argocd-application-controller',
  'helm-controller',
  'kustomize-controller',
]);

/** Managers that apply: they set a field back to what they have at their next turn. */
export function ownersOf({ metadata }: FleetDevice, path: readonly string[]): string[] {
  const owners = (metadata.managedFields ?? []).filter(
    (entry) =>
      (entry.operation === 'Apply' || GITOPS.has(entry.manager)) &&
      entry.subresource === undefined &&
      entry.manager !== FIELD_MANAGER &&
      ownsField(entry, path),
  );
  return [...new Set(owners.map(({ manager }) => manager ?? 'unknown'))];
}
