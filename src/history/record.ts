/** How a history goes on: pure. */
import type { Device } from '../api/device.ts';
import type { DesiredState, HistoryBody, MessageChange, RecordedChange, RecordedState } from '../api/history.ts';
import { own } from '../api/own.ts';
import { changeOf } from '../api/value-change.ts';
import { digest } from '../protocol/canonical.ts';
import type { Author } from './author.ts';
import { fitChanges, fitValues, recordState } from './fit.ts';
import { isTold, withOutcomes } from './outcome.ts';

export interface HistoryRules {
  /** Changes of one device. */
  readonly limit: number;
  /** Bytes of a message's values, before and after together. */
  readonly valueBytes: number;
  /** A history stays when its device is deleted. */
  readonly keepsDeleted: boolean;
}

/** What was desired at one generation, and who had it so. */
export interface Step extends Author {
  readonly generation: number;
  /** RFC 3339. */
  readonly time: string;
  readonly stamp: string | undefined;
  /** Who has written last, and when (`textOf`). */
  readonly managed: string | undefined;
  readonly state: DesiredState;
}

/** The history after `steps`, of which the last is what `device` desires; none: only what became of earlier changes. */
export function recordSteps(
  before: HistoryBody | undefined,
  device: Device,
  steps: readonly Step[],
  rules: HistoryRules,
): HistoryBody {
  const beginning = continueOf(before, device, rules);
  const body = steps.reduce((history, step) => withStep(history, step, rules), beginning);
  return { ...body, changes: fitChanges(withOutcomes(body.changes, device), rules.limit) };
}

/** The history as that of `device`: one of an earlier object of the name ends, or is kept apart. */
function continueOf(before: HistoryBody | undefined, { metadata, spec }: Device, rules: HistoryRules): HistoryBody {
  const { uid } = metadata;
  if (before?.device.uid === uid) return before;
  const former = before?.device.uid;
  const kept = rules.keepsDeleted && former !== undefined ? (before?.changes ?? []) : [];
  return {
    device: { uid, deviceId: spec.deviceId, generation: 0 },
    recorded: {},
    changes: kept.map((change) => ({ uid: former ?? '', ...change })),
  };
}

function withStep(history: HistoryBody, step: Step, rules: HistoryRules): HistoryBody {
  const { generation, time, stamp, managed, state, author, authorKind, manager } = step;
  const { uid, deviceId } = history.device;
  const difference = differenceOf(history.recorded, state, rules.valueBytes);
  const change: RecordedChange | undefined = difference && {
    revision: generation,
    time,
    author,
    authorKind,
    ...(manager !== undefined && { manager }),
    ...difference,
    outcome: { state: 'Pending' },
  };
  return {
    device: {
      uid,
      deviceId,
      generation,
      ...(stamp !== undefined && { stamp }),
      ...(managed !== undefined && { managed }),
    },
    recorded: recordState(state, rules.valueBytes),
    changes: change === undefined ? history.changes : [change, ...history.changes],
  };
}

type Difference = Pick<RecordedChange, 'disabled' | 'messages'>;

/** Undefined: nothing that a history tells of. */
export function differenceOf(
  before: RecordedState,
  { desired, disabled }: DesiredState,
  valueBytes: number,
): Difference | undefined {
  const names = new Set([
    ...Object.keys(before.desired ?? {}),
    ...Object.keys(before.digests ?? {}),
    ...Object.keys(desired),
  ]);
  const messages = [...names].flatMap((name): [string, MessageChange][] => {
    const known = own(before.digests, name);
    const after = own(desired, name);
    if (known !== undefined)
      return after !== undefined && digest(after) === known ? [] : [[name, { omitted: TOO_LONG }]];
    const change = changeOf(own(before.desired, name), after);
    return change === undefined ? [] : [[name, fitValues(change, valueBytes)]];
  });
  const wasDisabled = before.disabled ?? false;
  const isSwitched = wasDisabled !== disabled;
  if (messages.length === 0 && !isSwitched) return undefined;
  return {
    ...(isSwitched && { disabled: { before: wasDisabled, after: disabled } }),
    ...(messages.length > 0 && { messages: Object.fromEntries(messages) }),
  };
}

const TOO_LONG = 'the value before was too long to keep';

/** True when `after` tells people something that `before` does not. */
export function isWorthAWrite(before: HistoryBody | undefined, after: HistoryBody): boolean {
  if (before === undefined) return after.changes.length > 0;
  const { uid, generation } = before.device;
  if (uid !== after.device.uid || generation !== after.device.generation) return true;
  return after.changes.some(
    ({ outcome }, at) => isTold(outcome) && outcome.state !== before.changes[at]?.outcome.state,
  );
}

export function stateOf({ spec, properties }: Pick<Device, 'spec' | 'properties'>): DesiredState {
  return { desired: properties?.desired ?? {}, disabled: spec.disabled === true };
}
