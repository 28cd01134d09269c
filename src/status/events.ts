import { findCondition } from '../api/conditions.ts';
import type { Condition } from '../api/conditions.ts';
import type { DeviceStatus, SyncState } from '../api/device.ts';
import { own } from '../api/own.ts';
import type { Reason } from '../api/reasons.ts';
import type { TwinEvent } from '../twin/events.ts';

/** What is worth telling about the way from one status to the next: only what changed, so that nothing is told twice. */
export function transitionEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  return [
    ...onlineEvents(before, after),
    ...syncEvents(before, after),
    ...stalledEvents(before, after),
    ...sizeEvents(before, after),
  ];
}

/** What a condition leaves to its reason, said in words. */
const IN_WORDS: Partial<Record<Reason, string>> = {
  Birth: 'the device announced itself',
  Heartbeat: 'the device sends heartbeats',
  Report: 'the device sends reports',
  Retained: 'the retained state says that the device is online',
  InSync: 'desired and reported agree',
};

function wordsOf({ reason, message }: Condition): string {
  return message === '' ? (IN_WORDS[reason] ?? reason) : message;
}

function onlineEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  const condition = findCondition(after.conditions, 'Online');
  const was = before?.online ?? false;
  if (condition === undefined || was === after.online) return [];
  if (after.online === true) return [{ type: 'Normal', reason: 'Online', message: wordsOf(condition) }];
  const isExpected = condition.reason === 'Goodbye' || condition.reason === 'Disabled';
  return [{ type: isExpected ? 'Normal' : 'Warning', reason: 'Offline', message: wordsOf(condition) }];
}

const WORTH_TELLING: ReadonlySet<SyncState> = new Set(['Rejected', 'Drifted', 'Invalid']);

function syncEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  const events: TwinEvent[] = [];
  for (const [message, record] of Object.entries(after.sync ?? {})) {
    const prior = own(before?.sync, message);
    const isNews = prior?.state !== record.state || prior.revision !== record.revision;
    if (!isNews || !WORTH_TELLING.has(record.state)) continue;
    const detail = record.message === undefined ? '' : `: ${record.message}`;
    // What is Invalid got no revision of its own.
    const which = record.state === 'Invalid' ? message : `${message} revision ${record.revision}`;
    events.push({ type: 'Warning', reason: record.state, message: `${which}${detail}` });
  }
  const synced = findCondition(after.conditions, 'Synced');
  const was = findCondition(before?.conditions, 'Synced');
  if (synced?.status === 'True' && synced.reason === 'InSync' && was?.status !== 'True') {
    events.push({ type: 'Normal', reason: 'Synced', message: wordsOf(synced) });
  }
  return events;
}

const STALLS_WORTH_TELLING = new Set([
  'DuplicateDeviceId',
  'ReservedDeviceId',
  'DeviceIdTooLong',
  'ForeignOwner',
  'TooLarge',
  'TooLargeForDevice',
  'TooManyMessages',
]);

function stalledEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  const stalled = findCondition(after.conditions, 'Stalled');
  if (stalled === undefined || !STALLS_WORTH_TELLING.has(stalled.reason)) return [];
  if (findCondition(before?.conditions, 'Stalled')?.reason === stalled.reason) return [];
  return [{ type: 'Warning', reason: stalled.reason, message: stalled.message }];
}

function sizeEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  const truncated = findCondition(after.conditions, 'Truncated');
  if (truncated === undefined || findCondition(before?.conditions, 'Truncated')?.message === truncated.message)
    return [];
  return [{ type: 'Warning', reason: truncated.reason, message: truncated.message }];
}
