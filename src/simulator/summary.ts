import type { Fleet, GroupState } from './fleet.ts';

const COLUMNS = ['GROUP', 'DEVICES', 'CONNECTS', 'DESIRED', 'APPLIED', 'REJECTED', 'PENDING', 'REPORTS', 'IN', 'OUT'];
/** Kinds of problems that are told. */
const MAX_TOLD = 10;

/** What became of a fleet, as a table with a line per group, its behaviours and what went wrong. */
export function summaryOf(fleet: Fleet): string {
  const groups = fleet.groups();
  const rows = groups.map(({ group, tally, started, pending }) => [
    group.name,
    started,
    tally.connects,
    tally.desired,
    tally.applied,
    tally.rejected,
    pending,
    tally.reports,
    bytes(tally.bytesIn),
    bytes(tally.bytesOut),
  ]);
  return [...table([COLUMNS, ...rows]), ...groups.flatMap(actsOf), ...problemsOf(groups)].join('\n');
}

function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}

function actsOf({ group, tally }: GroupState): string[] {
  const acts = [...tally.acts].map(([kind, times]) => `${kind} ${times}×`);
  return acts.length === 0 ? [] : [`${group.name}: ${acts.join(', ')}`];
}

function problemsOf(groups: readonly GroupState[]): string[] {
  const problems = groups
    .flatMap(({ group, tally }) => [...tally.problems].map(([problem, times]) => ({ group, problem, times })))
    .sort((a, b) => b.times - a.times);
  const told = problems.slice(0, MAX_TOLD).map(({ group, problem, times }) => `${group.name}: ${times}× ${problem}`);
  return problems.length > MAX_TOLD ? [...told, `and ${problems.length - MAX_TOLD} more kinds of problems`] : told;
}

function bytes(count: number): string {
  if (count < 10_000) return `${count} B`;
  return count < 10_000_000 ? `${Math.round(count / 1000)} kB` : `${Math.round(count / 1_000_000)} MB`;
}
