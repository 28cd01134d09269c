/** What a person wants to know of a twin at a glance. */
import { findCondition } from '../../api/conditions.ts';
import type { SyncRecord } from '../../api/device.ts';
import { isOpen, isRefusal, worstOf } from '../../api/sync-states.ts';
import type { FleetDevice } from '../fleet/fleet.ts';
import type { Palette } from './color.ts';

export interface SyncView {
  /** The worst state of its messages, or why the twin cannot be looked at by messages. */
  readonly state: string;
  readonly inSync: number;
  readonly desired: number;
  /** RFC 3339: since when something is not in sync; undefined: all is. */
  readonly waitingSince: string | undefined;
}

export function syncView({ metadata, spec, properties, status }: FleetDevice): SyncView {
  const names = Object.keys(properties?.desired ?? {});
  const records = Object.entries(status?.sync ?? {}).filter(([name]) => names.includes(name));
  const inSync = records.filter(([, { state }]) => state === 'InSync').length;
  const counts = { inSync, desired: names.length };
  if (spec.disabled === true) return { ...counts, state: 'Disabled', waitingSince: undefined };
  const stalled = findCondition(status?.conditions, 'Stalled');
  const worst = worstOf(records.map(([, { state }]) => state));
  const waitingSince = oldest(records.map(([, record]) => record));
  if (stalled !== undefined && !isRefusal(worst))
    return { ...counts, state: stalled.reason, waitingSince: stalled.lastTransitionTime };
  if (names.length === 0) return { ...counts, state: 'NoDesired', waitingSince: undefined };
  // What the operator has not looked at yet is on its way.
  if ((status?.observedGeneration ?? -1) < metadata.generation || worst === undefined)
    return { ...counts, state: 'Pending', waitingSince };
  return { ...counts, state: worst, waitingSince };
}

function oldest(records: readonly SyncRecord[]): string | undefined {
  return records
    .filter(({ state }) => state !== 'InSync')
    .map(({ since }) => since)
    .toSorted()[0];
}

const QUIET: ReadonlySet<string> = new Set(['Disabled', 'NoDesired']);

export function paintState(palette: Palette, state: string): (text: string) => string {
  if (state === 'InSync') return palette.good;
  if (QUIET.has(state)) return palette.dim;
  return isOpen(state) ? palette.waiting : palette.bad;
}
