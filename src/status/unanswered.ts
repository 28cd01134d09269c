import { findCondition } from '../api/conditions.ts';
import type { DeviceStatus, SyncRecord } from '../api/device.ts';
import type { Presence } from '../presence/presence.ts';

/** A device that is there answers within milliseconds; one that has not after so long will not by itself. */
const ANSWER_MS = 60_000;

type SyncMap = Readonly<Record<string, SyncRecord>>;

/** `sync`, in which what a device that is there has not answered for a minute says so: since when, and what to check. */
export function nameUnanswered(
  sync: SyncMap,
  before: DeviceStatus,
  { encoding, reason }: Presence,
  now: number,
): SyncMap {
  // A sleeper answers when it wakes.
  if (reason === 'Asleep') return sync;
  const named = Object.entries(sync).map(([message, record]): [string, SyncRecord] => {
    const since = waitingSince(record, before);
    if (since === undefined || now - since < ANSWER_MS) return [message, record];
    const text =
      `published, and not answered since ${new Date(since).toISOString()} although the device is online: check that it ` +
      `subscribes to its desired topic, reads ${encoding}, and reports this revision, and that its handler ends`;
    return [message, { ...record, reason: 'Unanswered', message: text }];
  });
  return Object.fromEntries(named);
}

/** Milliseconds from `now`, at which `status` was computed, until the next message has waited for too long; undefined: none will. */
export function unansweredInMs(status: DeviceStatus, now: number): number | undefined {
  if (status.online !== true || findCondition(status.conditions, 'Online')?.reason === 'Asleep') return undefined;
  const waits = Object.values(status.sync ?? {}).flatMap((record) => {
    const since = waitingSince(record, status);
    return since === undefined ? [] : since + ANSWER_MS - now;
  });
  // What is due was told in `status`, or is not to be.
  const ahead = waits.filter((waitMs) => waitMs > 0);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/** Since when the device could have answered; undefined: nothing is awaited, or it is told already. Epoch milliseconds. */
function waitingSince(record: SyncRecord, { conditions }: DeviceStatus): number | undefined {
  if (record.state !== 'Pending' || record.reason !== undefined) return undefined;
  const online = findCondition(conditions, 'Online');
  if (online?.status !== 'True') return undefined;
  return Math.max(Date.parse(record.since), Date.parse(online.lastTransitionTime));
}
