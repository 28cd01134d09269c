import type { JsonObject } from '../../api/device.ts';
import { Refusal } from '../bulk/plan.ts';
import type { Edit } from '../bulk/plan.ts';
import { changeMany } from '../bulk/bulk.ts';
import type { BulkFlags } from '../bulk/bulk.ts';
import { withCluster } from '../base/context.ts';
import type { Cluster, Io } from '../base/context.ts';
import { desiredAfter, desiredOwners, refuseMisfit } from '../bulk/desired-edit.ts';
import { CliError } from '../base/exit.ts';
import type { FleetDevice, Selection } from '../fleet/fleet.ts';
import { HistoryShelf } from '../fleet/histories.ts';
import { ownersOf } from '../bulk/owners.ts';
import { patchTo, stateAt } from '../bulk/rollback-plan.ts';
import type { RollbackTarget } from '../bulk/rollback-plan.ts';
import { SchemaShelf } from '../fleet/schemas.ts';
import { selectionOf } from '../fleet/selection.ts';
import type { SelectFlags } from '../fleet/selection.ts';

export interface RollbackFlags extends SelectFlags, BulkFlags {
  readonly toRevision?: number;
  /** Epoch milliseconds, or milliseconds before now. */
  readonly toTime?: { readonly at: number } | { readonly agoMs: number };
}

/** `kubectl mir rollback`: what was desired at a revision, or at a time, is desired again. */
export async function rollback(io: Io, names: readonly string[], flags: RollbackFlags): Promise<number> {
  const target = targetOf(io, flags);
  const selection = selectionOf(names, flags);
  return await withCluster(io, flags, (cluster) =>
    changeMany(io, cluster, selection, rollbackEdit(cluster, selection, target), flags),
  );
}

function targetOf(io: Io, { toRevision, toTime }: RollbackFlags): RollbackTarget {
  if ((toRevision === undefined) === (toTime === undefined))
    throw new CliError('say where to: --to-revision, as kubectl mir history shows them, or --to-time');
  if (toRevision !== undefined) return { revision: toRevision };
  return { time: toTime === undefined ? 0 : 'at' in toTime ? toTime.at : io.now() - toTime.agoMs };
}

function rollbackEdit(cluster: Cluster, selection: Selection, target: RollbackTarget): Edit {
  const [histories, schemas] = [new HistoryShelf(cluster, selection), new SchemaShelf(cluster)];
  return {
    messages: [],
    async patch(device) {
      const history = await histories.of(device);
      if (history === undefined) throw new Refusal('nothing is recorded of it');
      const patch = patchTo(stateAt(device, history, target), device);
      const desired = desiredIn(patch);
      // A schema may have come since.
      refuseMisfit(desiredAfter(device, desired), await schemas.of(device), Object.keys(desired));
      return patch;
    },
    view: (device, patch = {}) => ({
      ...desiredAfter(device, desiredIn(patch)),
      disabled: (patch['spec'] as JsonObject | undefined)?.['disabled'] ?? device.spec.disabled ?? false,
    }),
    owners: (device, changes) => [
      ...desiredOwners(device, namesOf(device, changes), changes),
      ...(changes.some(({ path }) => path === 'disabled') ? ownersOf(device, ['spec', 'disabled']) : []),
    ],
  };
}

function desiredIn(patch: JsonObject): JsonObject {
  return ((patch['properties'] as JsonObject | undefined)?.['desired'] ?? {}) as JsonObject;
}

/** A message that comes back is named by its path alone. */
function namesOf({ properties }: FleetDevice, changes: readonly { readonly path: string }[]): string[] {
  const bracketed = changes.flatMap(({ path }) => /^\[([^\]]+)\]/.exec(path)?.[1] ?? []);
  return [...new Set([...Object.keys(properties?.desired ?? {}), ...bracketed])];
}
