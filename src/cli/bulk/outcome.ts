/** What has become of a change of one device. */
import { findCondition } from '../../api/conditions.ts';
import { isRefusal } from '../../api/sync-states.ts';
import type { FleetDevice } from '../fleet/fleet.ts';

export type Outcome =
  | { readonly kind: 'done' }
  /** On its way; `online` tells whether the device could have answered. */
  | { readonly kind: 'pending' | 'acknowledged' | 'offline' }
  /** A person has to act. */
  | { readonly kind: 'failed'; readonly why: string };

export type Goal = 'Synced' | 'Acknowledged';

/** `messages`: the ones that were changed; none: all of the twin's. `generation`: that of the change. */
export function outcomeOf(device: FleetDevice, messages: readonly string[], generation: number, goal: Goal): Outcome {
  const { status, properties } = device;
  const waiting = status?.online === true ? 'pending' : 'offline';
  if ((status?.observedGeneration ?? -1) < generation) return { kind: waiting };
  const names = (messages.length > 0 ? messages : Object.keys(properties?.desired ?? {})).filter((name) =>
    Object.hasOwn(properties?.desired ?? {}, name),
  );
  const records = names.map((name) => ({ name, record: status?.sync?.[name] }));
  for (const { name, record } of records) {
    if (record !== undefined && isRefusal(record.state))
      return { kind: 'failed', why: `${name} ${record.state}: ${record.message ?? record.reason ?? ''}` };
  }
  const stalled = findCondition(status?.conditions, 'Stalled');
  if (stalled !== undefined && !isRefusal(stalled.reason))
    return { kind: 'failed', why: `${stalled.reason}: ${stalled.message}` };
  const states = records.map(({ record }) => record?.state);
  if (states.every((state) => state === 'InSync')) return { kind: 'done' };
  const isReceived = states.every((state) => state === 'InSync' || state === 'Acknowledged');
  if (isReceived && goal === 'Acknowledged') return { kind: 'done' };
  return { kind: isReceived ? 'acknowledged' : waiting };
}
