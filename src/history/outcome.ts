/** What became of a change, by the status of its device. */
import { findCondition } from '../api/conditions.ts';
import type { Device, DeviceStatus, SyncRecord } from '../api/device.ts';
import type { ChangeOutcome, RecordedChange } from '../api/history.ts';
import { own } from '../api/own.ts';
import { isOnItsWay, worstOf } from '../api/sync-states.ts';

const MOST_CHARACTERS = 256;

/** Nothing that happens later says anything else about it. */
const isFinal = ({ state }: ChangeOutcome): boolean => state === 'InSync' || state === 'Superseded';
/** Worth a write by itself. */
export const isTold = ({ state }: ChangeOutcome): boolean => !isOnItsWay(state);

/** `changes` with what is known by now of those that have no final outcome; the newest first. */
export function withOutcomes(changes: readonly RecordedChange[], device: Device): RecordedChange[] {
  return withLiveParts(changes).map(({ change, live, since }) =>
    change.uid !== undefined || isFinal(change.outcome)
      ? change
      : { ...change, outcome: outcomeOf(change, live, device, since) },
  );
}

/** Messages whose changes have no final outcome and were not changed again; undefined: every change has its final outcome. */
export function openMessages(changes: readonly RecordedChange[]): string[] | undefined {
  const open = withLiveParts(changes).filter(
    ({ change, live }) => change.uid === undefined && live.length > 0 && !isFinal(change.outcome),
  );
  if (open.length === 0) return undefined;
  return [...new Set(open.flatMap(({ live }) => live.filter((part) => part !== DISABLED)))];
}

/** Each change with those of its parts that no later one has changed again, and with the revision after which it came. */
function withLiveParts(changes: readonly RecordedChange[]) {
  const later = new Set<string>();
  return changes.map((change, at) => {
    const former = changes[at + 1];
    const since = former?.uid === undefined ? (former?.revision ?? 0) : 0;
    const parts = change.uid === undefined ? partsOf(change) : [];
    const live = parts.filter((part) => !later.has(part));
    for (const part of parts) later.add(part);
    return { change, live, since };
  });
}

/** Where `messages` stand, as text to compare: another one means that there may be news for the history. */
export function standingOf(messages: readonly string[] | undefined, { metadata, status }: Device): string {
  if (!isObserved(status, metadata.generation)) return '';
  const names = messages ?? Object.keys(status?.sync ?? {});
  return names.map((name) => codeOf(own(status?.sync, name))).join('') || SEEN;
}

/** Of a change that leaves no message behind to wait for. */
const SEEN = 'seen';
const ON_ITS_WAY = '.';

/** False when all of it is on its way, which is not worth a write. */
export function tellsSomething(standing: string): boolean {
  return standing.replaceAll(ON_ITS_WAY, '') !== '';
}

function codeOf(record: SyncRecord | undefined): string {
  if (record === undefined) return '-';
  return isTold({ state: record.state }) ? record.state.charAt(0) : ON_ITS_WAY;
}

/** `spec.disabled` is a part of its own, with a name that no message has. */
const DISABLED = '#disabled';

function partsOf({ messages = {}, disabled }: RecordedChange): string[] {
  return [...Object.keys(messages), ...(disabled === undefined ? [] : [DISABLED])];
}

function outcomeOf(
  { revision, outcome }: RecordedChange,
  live: readonly string[],
  { status, properties }: Device,
  since: number,
): ChangeOutcome {
  // What the device said of it before stays true.
  if (live.length === 0) return isTold(outcome) ? outcome : { state: 'Superseded' };
  if (!isObserved(status, revision)) return { state: 'Pending' };
  const isAllSynced = findCondition(status?.conditions, 'Synced')?.status === 'True';
  const records = live.flatMap((name) => {
    const record = own(status?.sync, name);
    // What was taken away has no record: it is done when it was looked at.
    if (record === undefined && own(properties?.desired, name) === undefined) return [];
    // One of a value before: nothing can be said of this one, because another object has the device, or its schema is on its way.
    const isOfBefore = record === undefined || (record.revision <= since && !isAllSynced);
    return [{ name, record: isOfBefore ? ON_HOLD : record }];
  });
  const state = worstOf(records.map(({ record }) => record.state)) ?? 'InSync';
  const time = records
    .flatMap(({ record }) => record.since ?? [])
    .toSorted()
    .at(-1);
  const worst = records.find(({ record }) => record.state === state);
  const isTrouble = state !== 'InSync' && !isOnItsWay(state);
  const why = isTrouble ? (worst?.record.message ?? worst?.record.reason) : undefined;
  return {
    state,
    ...(time !== undefined && { time }),
    ...(why !== undefined && { message: clip(`${worst?.name}: ${why}`) }),
  };
}

const ON_HOLD: Partial<SyncRecord> = { state: 'Pending' };

function isObserved(status: DeviceStatus | undefined, generation: number): boolean {
  return (status?.observedGeneration ?? -1) >= generation;
}

function clip(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1).toWellFormed()}…`;
}
