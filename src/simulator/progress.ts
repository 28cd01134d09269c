import { isFault } from './behaviours/kinds.ts';
import type { Fleet, GroupState } from './fleet.ts';

/** The whole fleet in numbers, as `--json` prints it. Counts are since the start, rates of the time since the last snapshot. */
export interface Snapshot {
  readonly seconds: number;
  readonly devices: number;
  readonly started: number;
  readonly online: number;
  readonly connects: number;
  readonly documents: number;
  readonly reports: number;
  readonly inPerSecond: number;
  readonly outPerSecond: number;
  readonly desired: number;
  readonly applied: number;
  readonly rejected: number;
  readonly pending: number;
  readonly faults: number;
}

export function takeSnapshot(fleet: Fleet, before: Snapshot | undefined): Snapshot {
  const groups = fleet.groups();
  const sum = (number: (group: GroupState) => number): number => groups.reduce((total, g) => total + number(g), 0);
  const seconds = fleet.elapsedMs / 1000;
  const documents = sum(({ tally }) => tally.documents);
  const reports = sum(({ tally }) => tally.reports);
  const connects = sum(({ tally }) => tally.connects);
  const elapsed = Math.max(seconds - (before?.seconds ?? 0), 0.001);
  return {
    seconds: rounded(seconds),
    devices: fleet.size,
    started: sum(({ started }) => started),
    online: sum(({ online }) => online),
    connects,
    documents,
    reports,
    inPerSecond: rounded((documents - (before?.documents ?? 0)) / elapsed),
    outPerSecond: rounded((reports + connects - (before?.reports ?? 0) - (before?.connects ?? 0)) / elapsed),
    desired: sum(({ tally }) => tally.desired),
    applied: sum(({ tally }) => tally.applied),
    rejected: sum(({ tally }) => tally.rejected),
    pending: sum(({ pending }) => pending),
    faults: sum(faultsOf),
  };
}

/** Faults that the group has committed. */
function faultsOf({ tally }: GroupState): number {
  return [...tally.acts].reduce((total, [kind, times]) => total + (isFault(kind) ? times : 0), 0);
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

/** One line that says how it goes. */
export function progressLine(now: Snapshot): string {
  return [
    clockTime(now.seconds),
    `online ${now.online}/${now.devices}`,
    `in ${rate(now.inPerSecond)} out ${rate(now.outPerSecond)}`,
    `desired ${now.desired}`,
    `applied ${now.applied}`,
    `rejected ${now.rejected}`,
    `pending ${now.pending}`,
    `faults ${now.faults}`,
  ].join('  ');
}

/** `0:07`, `12:30`, `1:02:03`. */
function clockTime(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, '0');
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${String(minutes).padStart(2, '0')}:${rest}`;
}

const rate = (perSecond: number): string => `${perSecond < 10 ? perSecond : Math.round(perSecond)}/s`;
