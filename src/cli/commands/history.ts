import type { JsonObject, JsonValue } from '../../api/device.ts';
import type { ChangeOutcome, DeviceHistory, RecordedChange } from '../../api/history.ts';
import { isRefusal } from '../../api/sync-states.ts';
import { withCluster } from '../base/context.ts';
import type { Cluster, Io } from '../base/context.ts';
import { CliError, EXIT } from '../base/exit.ts';
import { fieldDiff } from '../render/field-diff.ts';
import type { FieldChange } from '../render/field-diff.ts';
import { keyOf, NoDeviceError, readAll } from '../fleet/fleet.ts';
import type { FleetDevice, Selection } from '../fleet/fleet.ts';
import { HistoryShelf } from '../fleet/histories.ts';
import { renderChanges, show } from '../render/changes.ts';
import { asJson, asYaml } from '../render/machine.ts';
import { paletteOf } from '../render/color.ts';
import type { Palette } from '../render/color.ts';
import { Table, clip, widthOf } from '../render/table.ts';
import type { Cell } from '../render/table.ts';
import { selectionOf } from '../fleet/selection.ts';
import type { SelectFlags } from '../fleet/selection.ts';

export interface HistoryFlags extends SelectFlags {
  readonly output: 'table' | 'json' | 'yaml';
  /** One change as a whole. */
  readonly revision?: number;
  readonly headers: boolean;
}

interface Known {
  /** `namespace/name` */
  readonly key: string;
  /** Undefined: it was deleted. */
  readonly device: FleetDevice | undefined;
  readonly history: DeviceHistory | undefined;
}

/** `kubectl mir history`: who changed what of devices, and what became of it; the newest first. */
export async function history(io: Io, names: readonly string[], flags: HistoryFlags): Promise<number> {
  const selection = selectionOf(names, flags);
  return await withCluster(io, flags, async (cluster) => {
    const all = await readKnown(cluster, selection);
    const known = flags.revision === undefined ? all : all.map((one) => ofRevision(one, flags.revision));
    if (flags.output !== 'table') printDocuments(io, known, names.length === 1, flags);
    else if (flags.revision === undefined) printTable(io, known, flags);
    else io.out(known.map((one) => wholeChange(io, one)).join('\n'));
    tellOfGone(io, all);
    tellOfLag(io, all);
    return EXIT.ok;
  });
}

/** A named device may be gone, and its history kept. */
async function readKnown(cluster: Cluster, selection: Selection): Promise<Known[]> {
  const shelf = new HistoryShelf(cluster, selection);
  const read = async (one: Selection): Promise<Known[]> => {
    const { devices } = await readAll(cluster, one);
    return Promise.all(
      devices.map(async (device) => ({ key: keyOf(device), device, history: await shelf.of(device) })),
    );
  };
  const readOrKept = async (name: string): Promise<Known[]> => {
    try {
      return await read({ ...selection, names: [name] });
    } catch (error) {
      if (!(error instanceof NoDeviceError)) throw error;
      const kept = await shelf.kept(error.key);
      if (kept === undefined) throw error;
      return [{ key: error.key, device: undefined, history: kept }];
    }
  };
  if (selection.names.length === 0) return await read(selection);
  return (await Promise.all([...new Set(selection.names)].map(readOrKept))).flat();
}

function ofRevision({ key, device, history: whole }: Known, revision: number | undefined): Known {
  const changes = (whole?.changes ?? []).filter((change) => change.revision === revision);
  if (whole === undefined || changes.length === 0) {
    const revisions = (whole?.changes ?? []).map((change) => change.revision).join(', ');
    throw new CliError(
      `${key} has no revision ${revision}${revisions === '' ? ': nothing is recorded of it' : `; it has ${revisions}`}`,
      EXIT.failed,
    );
  }
  return { key, device, history: { ...whole, changes } };
}

function printDocuments(io: Io, known: readonly Known[], isOne: boolean, { output, revision }: HistoryFlags): void {
  const documents: unknown[] = known.flatMap(({ history: one }): unknown[] => {
    if (one === undefined) return [];
    const { managedFields: _fields, ...metadata } = one.metadata as DeviceHistory['metadata'] & {
      readonly managedFields?: unknown;
    };
    return revision === undefined ? [{ ...one, metadata }] : [...one.changes];
  });
  const whole = isOne ? documents[0] : { apiVersion: 'v1', kind: 'List', metadata: {}, items: documents };
  if (whole === undefined) return;
  io.out(output === 'json' ? asJson(whole) : asYaml(whole));
}

function printTable(io: Io, known: readonly Known[], { headers }: HistoryFlags): void {
  const palette = paletteOf(io.hasColor);
  const isOne = known.length === 1;
  const rows = known.flatMap(({ key, history: one }) =>
    (one?.changes ?? []).map((change) => [
      ...(isOne ? [] : [{ text: key.split('/')[1] ?? '' }]),
      ...rowOf(change, palette),
    ]),
  );
  if (rows.length === 0) return io.err('Nothing is recorded.\n');
  const titles = [...(isOne ? [] : ['NAME']), 'REVISION', 'WHEN', 'AUTHOR', 'OUTCOME', 'CHANGE'];
  const width = widthOf(io);
  const wide = new Table(titles, rows);
  const room = width - (wide.header().length - 'CHANGE'.length);
  const isNarrow = room < LEAST_OF_CHANGE;
  const shown = isNarrow ? withAuthorsOf(rows, roomOfAuthors(wide.header(), width)) : rows;
  const table = isNarrow ? new Table(titles.slice(0, -1), shown, width) : wide;
  if (headers) io.out(`${table.header()}\n`);
  for (const row of shown) {
    const { text } = row.at(-1) ?? { text: '' };
    if (isNarrow) io.out(`${table.line(row.slice(0, -1))}\n${INDENT}${clip(text, width - INDENT.length)}\n`);
    else io.out(`${table.line([...row.slice(0, -1), { text: clip(text, room) }])}\n`);
  }
}

/** Least width of the column that tells a change; on a narrower terminal a change has a line of its own. */
const LEAST_OF_CHANGE = 40;
const INDENT = '    ';
const LEAST_OF_AUTHOR = 12;

/** The width that the columns to the left, a space between them, and an outcome leave free. `header`: three spaces between them. */
function roomOfAuthors(header: string, width: number): number {
  const before = header.slice(0, header.indexOf('AUTHOR'));
  const spared = 2 * before.trim().split(/ +/).length;
  return Math.max(LEAST_OF_AUTHOR, width - (before.length - spared) - ' Acknowledged'.length);
}

function withAuthorsOf(rows: readonly Cell[][], most: number): Cell[][] {
  return rows.map((row) => row.map((cell, at) => (at === row.length - 3 ? { text: clip(cell.text, most) } : cell)));
}

function rowOf(change: RecordedChange, palette: Palette): Cell[] {
  const { revision, time, uid, outcome } = change;
  return [
    // One of an earlier object of the name cannot be named any more.
    { text: uid === undefined ? String(revision) : '-' },
    { text: time.replace(/\.\d+/, '') },
    { text: authorOf(change) },
    { text: outcome.state, paint: paintOutcome(palette, outcome) },
    { text: inShort(change) },
  ];
}

function authorOf({ author, authorKind }: RecordedChange): string {
  return authorKind === 'FieldManager' ? `(${author})` : author;
}

function paintOutcome(palette: Palette, { state }: ChangeOutcome): (text: string) => string {
  if (state === 'InSync') return palette.good;
  if (isRefusal(state)) return palette.bad;
  return state === 'Superseded' ? palette.dim : palette.waiting;
}

function inShort(change: RecordedChange): string {
  const fields = changesOf(change).map(({ path, before, after }) => {
    if (before === undefined) return `+ ${path}: ${show(after)}`;
    return after === undefined ? `- ${path}` : `${path}: ${show(before)} → ${show(after)}`;
  });
  const { message } = change.outcome;
  const [only, other] = Object.keys(change.messages ?? {});
  // Which message it is of has been said where there is one.
  const why = other === undefined ? message?.replace(`${only}: `, '') : message;
  return [...fields, ...omittedOf(change)].join(', ') + (why === undefined ? '' : ` (${why})`);
}

function changesOf({ messages = {}, disabled }: RecordedChange): FieldChange[] {
  const side = (which: 'before' | 'after'): JsonObject => {
    const values = Object.entries(messages).flatMap(([name, change]): [string, JsonValue][] => {
      const value = change[which];
      return value === undefined ? [] : [[name, value]];
    });
    return { ...Object.fromEntries(values), ...(disabled && { disabled: disabled[which] }) };
  };
  return fieldDiff(side('before'), side('after'));
}

function omittedOf({ messages = {} }: RecordedChange): string[] {
  return Object.entries(messages).flatMap(([name, { omitted }]) =>
    omitted === undefined ? [] : [`[${name}]: ${omitted}`],
  );
}

function wholeChange(io: Io, { key, history: one }: Known): string {
  const palette = paletteOf(io.hasColor);
  const texts = (one?.changes ?? []).map((change) => {
    const { revision, time, manager, outcome } = change;
    const why = outcome.message === undefined ? '' : `  ${outcome.message}`;
    const since = outcome.time === undefined ? '' : `  since ${outcome.time}`;
    const lines: [string, string][] = [
      ['Device', key],
      ['Revision', String(revision)],
      ['Time', time],
      ['Author', change.authorKind === 'FieldManager' ? `${change.author} (a field manager)` : change.author],
      ...(manager === undefined ? [] : [['Field manager', manager] as [string, string]]),
      ['Outcome', `${paintOutcome(palette, outcome)(outcome.state)}${since}${why}`],
    ];
    const head = lines.map(([key, value]) => `${palette.bold(`${key}:`.padEnd(15))}${value}\n`).join('');
    const omitted = omittedOf(change).map((line) => `  ${line}\n`);
    return `${head}${renderChanges(changesOf(change), palette)}${omitted.join('')}`;
  });
  return texts.join('\n');
}

function tellOfGone(io: Io, known: readonly Known[]): void {
  for (const { key, device, history: one } of known) {
    if (device === undefined)
      io.err(`${key} was deleted${` ${one?.device.deleted ?? ''}`.trimEnd()}; its history is kept.\n`);
  }
}

/** It is written a moment after the change. */
function tellOfLag(io: Io, known: readonly Known[]): void {
  const behind = known.filter(({ device, history: one }) => {
    const generation = device?.metadata.generation ?? 0;
    return one === undefined ? generation > 1 : one.device.generation < generation;
  });
  const [first] = behind;
  if (first === undefined) return;
  const which = behind.length === 1 ? first.key : `${behind.length} devices`;
  io.err(`The newest change of ${which} is not recorded yet.\n`);
}
