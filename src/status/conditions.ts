import { findCondition } from '../api/conditions.ts';
import type { ConditionVerdict } from '../api/conditions.ts';
import type { Device, DeviceKey, SyncRecord } from '../api/device.ts';
import { factsOf } from '../api/reasons.ts';
import type { Reason } from '../api/reasons.ts';
import { isRefusal, worstOf } from '../api/sync-states.ts';
import type { SyncState } from '../api/sync-states.ts';
import type { StatusInput } from './input.ts';

type SyncMap = Readonly<Record<string, SyncRecord>>;
type Status = ConditionVerdict['status'];

/** The conditions of a device, in the order in which people read them. */
export function judgeConditions(input: StatusInput, sync: SyncMap, online: boolean): ConditionVerdict[] {
  const facts = { input, online, worst: worstMessage(sync) };
  const findings = CHECKS.map((check) => check(facts));
  const [ready, synced] = [decide('Ready', findings), decide('Synced', findings)];
  const verdicts = [ready, synced, decide('Online', findings), ...judgeSchemaValid(input)];
  if (ready.status === 'True') return verdicts;
  // Everything that is not ready is worked on, unless nothing but a person can change it.
  const type = factsOf(ready.reason).stalls ? 'Stalled' : 'Reconciling';
  return [...verdicts, { ...ready, type, status: 'True' }];
}

/** Present only while reported values are left out because the object has no room for them. */
export function judgeSize(missing: readonly string[]): ConditionVerdict[] {
  if (missing.length === 0) return [];
  const more = missing.length > NAMED_MISSING ? ` and ${missing.length - NAMED_MISSING} more` : '';
  const message =
    `the object has no room for all that the device reports; left out are the largest values: ` +
    `${missing.slice(0, NAMED_MISSING).join(', ')}${more}; let the device report less`;
  return [{ type: 'Truncated', status: 'True', reason: 'TwinTooLarge', message }];
}

const NAMED_MISSING = 3;

interface Facts {
  readonly input: StatusInput;
  readonly online: boolean;
  /** Undefined when all messages are in sync. */
  readonly worst: WorstMessage | undefined;
}

type Judged = 'Ready' | 'Synced' | 'Online';

/** What one check has to say: the status of the conditions that it speaks of, and why. */
interface Finding extends Partial<Readonly<Record<Judged, Status>>> {
  readonly reason: Reason;
  /** Where there is more to say than the table of reasons does. */
  readonly message?: string;
}

type Check = (facts: Facts) => Finding | undefined;

/** In order of precedence: of each condition, the first check that speaks of it decides (decision 0074). */
const CHECKS: readonly Check[] = [
  findOtherOwner,
  findUnpublished,
  findNothingDesired,
  findDisabled,
  findRefusedMessage,
  findOpenMessage,
  () => ({ reason: 'Published', Ready: 'True' }),
  () => ({ reason: 'InSync', Synced: 'True' }),
  findPresence,
];

function decide(type: Judged, findings: readonly (Finding | undefined)[]): ConditionVerdict {
  const found = findings.find((finding) => finding?.[type] !== undefined);
  const status = found?.[type];
  if (found === undefined || status === undefined) throw new Error(`no check speaks of ${type}`);
  const { says, isTerse } = factsOf(found.reason);
  return { type, status, reason: found.reason, message: found.message ?? (isTerse ? '' : says) };
}

function findOtherOwner({ input: { claim, device } }: Facts): Finding | undefined {
  switch (claim.kind) {
    case 'owner':
      return undefined;
    case 'duplicate':
      return { reason: 'DuplicateDeviceId', message: duplicateMessage(device, claim.winner), ...NOTHING };
    case 'foreign':
      return { reason: 'ForeignOwner', message: foreignMessage(device), ...NOTHING };
  }
}

const NOTHING = { Ready: 'False', Synced: 'False', Online: 'False' } as const;

function findUnpublished({ input: { publication } }: Facts): Finding | undefined {
  return publication.kind === 'held' ? { ...publication.problem, Ready: 'False', Synced: 'False' } : undefined;
}

function findNothingDesired({ input: { device } }: Facts): Finding | undefined {
  const isAnyDesired = Object.keys(device.properties?.desired ?? {}).length > 0;
  return isAnyDesired ? undefined : { reason: 'NoDesired', Ready: 'True', Synced: 'True' };
}

function findDisabled({ input: { device } }: Facts): Finding | undefined {
  if (device.spec.disabled !== true) return undefined;
  return { reason: 'Disabled', Ready: 'True', Synced: 'False', Online: 'False' };
}

function findRefusedMessage({ worst }: Facts): Finding | undefined {
  if (worst === undefined || !isRefusal(worst.state)) return undefined;
  return { reason: worst.state, message: worst.text, Ready: 'False', Synced: 'False' };
}

/** Ready does not wait for the device's answer, or the roll-out of a fleet would never end. */
function findOpenMessage({ worst }: Facts): Finding | undefined {
  return worst && { reason: worst.state, message: worst.text, Synced: 'False' };
}

function findPresence({ input: { isFlapping, presence }, online }: Facts): Finding {
  return { reason: isFlapping ? 'Flapping' : presence.reason, Online: online ? 'True' : 'False' };
}

/** Whose it is stands in the operator's log: who may see this object may not see that one. */
function foreignMessage({ spec }: Device): string {
  return (
    `the broker holds a document for ${spec.deviceId} of an object in another cluster or namespace, which the ` +
    "operator's log names; delete it there, or let this operator take over (--take-over-foreign)"
  );
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

interface WorstMessage {
  readonly state: Exclude<SyncState, 'InSync'>;
  readonly text: string;
}

/** The message furthest from being in sync; names decide between equals, so that the text does not flap. */
function worstMessage(sync: SyncMap): WorstMessage | undefined {
  const entries = Object.entries(sync).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const state = worstOf(entries.map(([, record]) => record.state));
  const [first, ...others] = entries.filter(([, record]) => record.state === state);
  if (first === undefined || state === undefined || state === 'InSync') return undefined;
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  return { state, text: `${first[0]}: ${first[1].message ?? factsOf(state).says}${more}` };
}

/** Whether what is desired fits the device's schema; nothing while there is none to speak of. */
function judgeSchemaValid({ schemaState, desired, device }: StatusInput): ConditionVerdict[] {
  const verdict = (status: Status, reason: Reason, message: string): ConditionVerdict[] => [
    { type: 'SchemaValid', status, reason, message },
  ];
  switch (schemaState.kind) {
    case 'untyped':
      return [];
    case 'pending': {
      // A verdict that will soon be given anew stands until then.
      const before = findCondition(device.status?.conditions, 'SchemaValid');
      const isVerdict = before !== undefined && before.status !== 'Unknown';
      return isVerdict
        ? [before]
        : verdict('Unknown', 'SchemaPending', 'the schema that the device announced is not here yet');
    }
    case 'unusable':
      return verdict(
        'False',
        schemaState.reason,
        `${schemaState.hash.slice(0, 19)}… cannot be used: ${schemaState.message}`,
      );
    case 'typed':
      return verdict(...judgeFit(desired.invalid));
    default:
      return schemaState satisfies never;
  }
}

function judgeFit(invalid: Readonly<Record<string, string>>): [Status, Reason, string] {
  const [first, ...more] = Object.entries(invalid).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (first === undefined) return ['True', 'Valid', ''];
  const others = more.length > 0 ? ` (and ${more.length} more)` : '';
  return ['False', 'Invalid', `${first[0]}: ${first[1]}${others}`];
}
