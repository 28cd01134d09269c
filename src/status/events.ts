import { findCondition } from '../api/conditions.ts';
import type { Condition } from '../api/conditions.ts';
import type { DeviceStatus } from '../api/device.ts';
import { own } from '../api/own.ts';
import { factsOf } from '../api/reasons.ts';
import { isSyncState } from '../api/sync-states.ts';
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
function wordsOf({ reason, message }: Condition): string {
  return message === '' ? factsOf(reason).says : message;
}

function onlineEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  const condition = findCondition(after.conditions, 'Online');
  const was = before?.online ?? false;
  if (condition === undefined || was === after.online) return [];
  if (after.online === true) return [{ type: 'Normal', reason: 'Online', message: wordsOf(condition) }];
  const { event: type = 'Warning' } = factsOf(condition.reason);
  return [{ type, reason: 'Offline', message: wordsOf(condition) }];
}

function syncEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  const events: TwinEvent[] = [];
  for (const [message, record] of Object.entries(after.sync ?? {})) {
    const prior = own(before?.sync, message);
    const isNews = prior?.state !== record.state || prior.revision !== record.revision;
    const { event: type } = factsOf(record.state);
    // That all are in sync is told once, below.
    if (!isNews || type === undefined || record.state === 'InSync') continue;
    const detail = record.message === undefined ? '' : `: ${record.message}`;
    // What is Invalid got no revision of its own.
    const which = record.state === 'Invalid' ? message : `${message} revision ${record.revision}`;
    events.push({ type, reason: record.state, message: `${which}${detail}` });
  }
  const synced = findCondition(after.conditions, 'Synced');
  const was = findCondition(before?.conditions, 'Synced');
  if (synced?.status === 'True' && synced.reason === 'InSync' && was?.status !== 'True') {
    events.push({ type: 'Normal', reason: 'Synced', message: wordsOf(synced) });
  }
  return events;
}

function stalledEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  const stalled = findCondition(after.conditions, 'Stalled');
  if (stalled === undefined || findCondition(before?.conditions, 'Stalled')?.reason === stalled.reason) return [];
  // What a single message is stalled by is told with its name.
  const { event: type } = factsOf(stalled.reason);
  if (type === undefined || isSyncState(stalled.reason)) return [];
  return [{ type, reason: stalled.reason, message: stalled.message }];
}

function sizeEvents(before: DeviceStatus | undefined, after: DeviceStatus): TwinEvent[] {
  const truncated = findCondition(after.conditions, 'Truncated');
  if (truncated === undefined || findCondition(before?.conditions, 'Truncated')?.message === truncated.message)
    return [];
  return [{ type: 'Warning', reason: truncated.reason, message: truncated.message }];
}
