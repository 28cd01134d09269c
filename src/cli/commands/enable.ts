import type { JsonObject } from '../../api/device.ts';
import type { Edit } from '../bulk/plan.ts';
import { changeMany } from '../bulk/bulk.ts';
import type { BulkFlags } from '../bulk/bulk.ts';
import { withCluster } from '../base/context.ts';
import type { Io } from '../base/context.ts';
import { ownersOf } from '../bulk/owners.ts';
import { selectionOf } from '../fleet/selection.ts';
import type { SelectFlags } from '../fleet/selection.ts';

/** `kubectl mir enable` and `disable`: cut devices off, or let them in again with all that they had. */
export async function enable(
  io: Io,
  names: readonly string[],
  isEnabled: boolean,
  flags: SelectFlags & BulkFlags,
): Promise<number> {
  const edit: Edit = {
    messages: [],
    patch: () => ({ spec: { disabled: !isEnabled } }),
    view: ({ spec }, patch) => ({ disabled: (patch?.['spec'] as JsonObject)?.['disabled'] ?? spec.disabled ?? false }),
    owners: (device) => ownersOf(device, ['spec', 'disabled']),
  };
  const selection = selectionOf(names, flags);
  return await withCluster(io, flags, (cluster) => changeMany(io, cluster, selection, edit, flags));
}
