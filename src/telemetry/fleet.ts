/** How many devices stand how: the cache counts as objects change, the leader alone tells. */
import { findCondition } from '../api/conditions.ts';
import type { Condition } from '../api/conditions.ts';
import type { Device } from '../api/device.ts';
import { factsOf, isReason } from '../api/reasons.ts';
import { SYNC_STATES } from '../api/sync-states.ts';
import type { Metrics } from './metrics.ts';

/** Label `sync`: the worst of a device's messages, or why none of them counts. Every device has exactly one. */
export const SYNC_CLASSES = [
  ...SYNC_STATES.toReversed(),
  'Unpublished', // what is desired does not stand at the broker for another reason
  'Disabled',
  'Unobserved', // the status does not speak of the present generation yet
] as const;
export type SyncClass = (typeof SYNC_CLASSES)[number];

/** Conditions that alerts and totals are made of: told as 0 too, because an expression without a series never fires. */
const ALWAYS_TOLD = [
  { condition: 'Ready', status: 'True', reason: 'Published' },
  { condition: 'Ready', status: 'False', reason: 'BrokerUnavailable' },
  { condition: 'Synced', status: 'True', reason: 'InSync' },
  { condition: 'Synced', status: 'False', reason: 'Pending' },
  { condition: 'Online', status: 'True', reason: 'Birth' },
  { condition: 'Online', status: 'False', reason: 'NeverSeen' },
  { condition: 'Stalled', status: 'True', reason: 'Rejected' },
] as const;

/** What is counted of a device. */
interface Standing {
  readonly sync: SyncClass;
  readonly online: boolean;
  readonly conditions: readonly { readonly condition: string; readonly status: string; readonly reason: string }[];
}

/** The class of a device for the cache to count by; `tellFleet` reads it back. */
export function classOfDevice({ metadata, spec, status }: Device): string {
  const isObserved = (status?.observedGeneration ?? -1) >= metadata.generation;
  const synced = isObserved ? findCondition(status?.conditions, 'Synced') : undefined;
  const standing: Standing = {
    sync: spec.disabled === true ? 'Disabled' : syncClass(synced),
    online: status?.online === true,
    // The table bounds the label: whoever may write a status may write any reason.
    conditions: (status?.conditions ?? []).map(({ type, status: value, reason }) => {
      return { condition: type, status: value, reason: isReason(reason) ? reason : 'Other' };
    }),
  };
  return JSON.stringify(standing);
}

function syncClass(synced: Pick<Condition, 'status' | 'reason'> | undefined): SyncClass {
  if (synced === undefined) return 'Unobserved';
  if (synced.status === 'True') return 'InSync';
  const { reason } = synced;
  if (isReason(reason) && factsOf(reason).isInvalid) return 'Invalid';
  return SYNC_CLASSES.find((name) => name === reason) ?? 'Unpublished';
}

export interface CountedDevices {
  readonly size: number;
  classes(): IterableIterator<readonly [name: string, count: number]>;
}

/** Has every scrape tell how many devices stand how, until `signal` aborts. */
export function tellFleet(metrics: Metrics, devices: CountedDevices, signal: AbortSignal): void {
  metrics.onScrape(() => {
    forgetCounts(metrics);
    metrics.devices.set(devices.size);
    for (const sync of SYNC_CLASSES)
      for (const online of ['true', 'false']) metrics.devicesBySync.set({ sync, online }, 0);
    for (const labels of ALWAYS_TOLD) metrics.deviceConditions.set(labels, 0);
    for (const [name, count] of devices.classes()) {
      const { sync, online, conditions } = JSON.parse(name) as Standing;
      metrics.devicesBySync.inc({ sync, online: String(online) }, count);
      for (const labels of conditions) metrics.deviceConditions.inc(labels, count);
    }
  }, signal);
}

/**
 * For a replica that does not lead, or does no more: what is known of the fleet the leader tells. No number, where 0 would say that there
 * are no devices.
 */
export function forgetFleet(metrics: Metrics): void {
  forgetCounts(metrics);
  metrics.devices.remove();
  metrics.devicesOnline.remove();
  metrics.brokerConnected.set(0);
  metrics.sweepBlocked.set(0);
}

function forgetCounts({ devicesBySync, deviceConditions }: Metrics): void {
  devicesBySync.reset();
  deviceConditions.reset();
}
