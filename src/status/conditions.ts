import { findCondition } from '../api/conditions.ts';
import type { Verdict } from '../api/conditions.ts';
import type { Device, DeviceKey, SyncRecord, SyncState } from '../api/device.ts';
import type { Reason } from '../api/reasons.ts';
import type { TwinView } from './view.ts';

type SyncMap = Readonly<Record<string, SyncRecord>>;

/**
 * The conditions of a device, in the order in which people read them. Every byte of them costs the API server with every write, so where
 * all is well the reason alone says it.
 */
export function judgeConditions(view: TwinView, sync: SyncMap, online: boolean): Verdict[] {
  const ready = judgeReady(view, sync);
  const verdicts = [ready, judgeSynced(view, sync), judgeOnline(view, online), ...judgeSchemaValid(view)];
  if (ready.status === 'True') return verdicts;
  // Stalled: a person must act. Everything else that is not ready is being worked on.
  const type = STALLING.has(ready.reason) ? 'Stalled' : 'Reconciling';
  return [...verdicts, { ...ready, type, status: 'True' }];
}

/** Present only while reported values are left out because the object has no room for them. */
export function judgeSize(missing: readonly string[]): Verdict[] {
  if (missing.length === 0) return [];
  const more = missing.length > NAMED_MISSING ? ` and ${missing.length - NAMED_MISSING} more` : '';
  const message =
    `the object has no room for all that the device reports; left out are the largest values: ` +
    `${missing.slice(0, NAMED_MISSING).join(', ')}${more}; let the device report less`;
  return [{ type: 'Truncated', status: 'True', reason: 'TwinTooLarge', message }];
}

const NAMED_MISSING = 3;

const STALLING: ReadonlySet<Reason> = new Set([
  'DuplicateDeviceId',
  'ReservedDeviceId',
  'DeviceIdTooLong',
  'ForeignOwner',
  'Rejected',
  'Invalid',
  'TooLarge',
  'TooLargeForDevice',
  'TooManyMessages',
  'RevisionsExhausted',
  'SchemaInvalid',
  'HashMismatch',
]);

/** Whether what is desired fits the device's schema; nothing while there is none to speak of. */
function judgeSchemaValid({ typing, desired, device }: TwinView): Verdict[] {
  const verdict = (status: Verdict['status'], reason: Reason, message: string): Verdict[] => [
    { type: 'SchemaValid', status, reason, message },
  ];
  switch (typing.kind) {
    case 'untyped':
      return [];
    case 'pending': {
      // A verdict that will soon be given anew stands until then.
      const before = findCondition(device.status?.conditions, 'SchemaValid');
      const isVerdict = before !== undefined && before.reason !== 'NoSchema';
      return isVerdict
        ? [before]
        : verdict('Unknown', 'SchemaPending', 'the schema that the device announced is not here yet');
    }
    case 'unusable':
      return verdict('False', typing.reason, `${typing.hash.slice(0, 19)}… cannot be used: ${typing.message}`);
    case 'typed':
      return verdict(...judgeFit(desired.invalid));
    default:
      return typing satisfies never;
  }
}

function judgeFit(invalid: Readonly<Record<string, string>>): [Verdict['status'], Reason, string] {
  const [first, ...more] = Object.entries(invalid).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (first === undefined) return ['True', 'Valid', ''];
  const others = more.length > 0 ? ` (and ${more.length} more)` : '';
  return ['False', 'Invalid', `${first[0]}: ${first[1]}${others}`];
}

/** Valid, retained at the broker, not rejected. Whether the device is there does not matter, or a fleet's roll-out never ends. */
function judgeReady(view: TwinView, sync: SyncMap): Verdict {
  const claimed = judgeClaim(view);
  if (claimed !== undefined) return { type: 'Ready', status: 'False', ...claimed };
  if (view.publication.kind === 'held') return { type: 'Ready', status: 'False', ...view.publication.problem };
  if (view.device.spec.disabled === true) return { type: 'Ready', status: 'True', ...DISABLED };
  const worst = worstMessage(sync);
  if (worst?.state === 'Rejected' || worst?.state === 'Invalid') {
    return { type: 'Ready', status: 'False', reason: worst.state, message: worst.text };
  }
  if (desiredNames(view).length === 0) return { type: 'Ready', status: 'True', ...NO_DESIRED };
  return { type: 'Ready', status: 'True', reason: 'Published', message: '' };
}

function judgeSynced(view: TwinView, sync: SyncMap): Verdict {
  const claimed = judgeClaim(view);
  if (claimed !== undefined) return { type: 'Synced', status: 'False', ...claimed };
  const names = desiredNames(view);
  if (names.length === 0) return { type: 'Synced', status: 'True', ...NO_DESIRED };
  if (view.device.spec.disabled === true) return { type: 'Synced', status: 'False', ...DISABLED };
  const worst = worstMessage(sync);
  if (worst !== undefined) return { type: 'Synced', status: 'False', reason: worst.state, message: worst.text };
  if (view.publication.kind === 'held') return { type: 'Synced', status: 'False', ...view.publication.problem };
  return { type: 'Synced', status: 'True', reason: 'InSync', message: '' };
}

function judgeOnline(view: TwinView, online: boolean): Verdict {
  const claimed = judgeClaim(view);
  if (claimed !== undefined) return { type: 'Online', status: 'False', ...claimed };
  if (view.device.spec.disabled === true) return { type: 'Online', status: 'False', ...DISABLED };
  const reason = view.isFlapping ? 'Flapping' : view.presence.reason;
  return { type: 'Online', status: online ? 'True' : 'False', reason, message: ONLINE_MESSAGES[reason] ?? '' };
}

const ONLINE_MESSAGES: Partial<Record<Reason, string>> = {
  Goodbye: 'the device said goodbye',
  LastWill: 'the connection of the device broke',
  Silence: 'no heartbeat for longer than the device announced',
  Asleep: 'the device said that it sleeps',
  NeverSeen: 'the device has never been heard',
  Flapping: 'the device comes and goes all the time; its state is written every 10 s at most',
};

const DISABLED = {
  reason: 'Disabled',
  message:
    'spec.disabled is true: the device gets no messages and what it sends is dropped; revoke its credentials at the broker',
} as const;

const NO_DESIRED = { reason: 'NoDesired', message: '' } as const;

function judgeClaim({ claim, device }: TwinView): { reason: Reason; message: string } | undefined {
  switch (claim.kind) {
    case 'owner':
      return undefined;
    case 'duplicate':
      return { reason: 'DuplicateDeviceId', message: duplicateMessage(device, claim.winner) };
    case 'foreign':
      // Whose it is stands in the operator's log: who may see this object may not see that one.
      return {
        reason: 'ForeignOwner',
        message:
          `the broker holds a document for ${device.spec.deviceId} of an object in another cluster or namespace, which the ` +
          "operator's log names; delete it there, or let this operator take over (--take-over-foreign)",
      };
  }
}

/** Objects of other namespaces are not named: who may see this one may not see those. */
function duplicateMessage({ spec, metadata }: Device, winner: DeviceKey | undefined): string {
  const id = `device id ${spec.deviceId}`;
  if (winner === undefined) {
    return `${id} was another namespace's until a moment ago and is kept for it for a while; then this object takes over`;
  }
  const isNeighbour = winner.startsWith(`${metadata.namespace}/`);
  return isNeighbour
    ? `${id} belongs to the older object ${winner}; delete one of the two`
    : `${id} belongs to an object of another namespace; give this device an id of its own, or delete this object`;
}

const WORST_FIRST: readonly SyncState[] = ['Rejected', 'Invalid', 'Drifted', 'Pending', 'Acknowledged'];

interface WorstMessage {
  readonly state: Exclude<SyncState, 'InSync'>;
  readonly text: string;
}

/** The message furthest from being in sync; names decide between equals, so that the text does not flap. */
function worstMessage(sync: SyncMap): WorstMessage | undefined {
  const entries = Object.entries(sync).toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const state of WORST_FIRST) {
    const found = entries.filter(([, record]) => record.state === state);
    const [first] = found;
    if (first === undefined || state === 'InSync') continue;
    const more = found.length > 1 ? ` (and ${found.length - 1} more)` : '';
    const detail = first[1].message ?? STATE_MESSAGES[state];
    return { state, text: `${first[0]}: ${detail}${more}` };
  }
  return undefined;
}

const STATE_MESSAGES: Record<Exclude<SyncState, 'InSync'>, string> = {
  Pending: 'waiting for the device',
  Acknowledged: 'the device has it and has not applied it yet',
  Rejected: 'the device rejected it',
  Drifted: 'the device reports another value',
  Invalid: 'not sent',
};

function desiredNames(view: TwinView): string[] {
  return Object.keys(view.device.properties?.desired ?? {});
}
