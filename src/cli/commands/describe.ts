import { findCondition } from '../../api/conditions.ts';
import type { JsonObject, SyncRecord } from '../../api/device.ts';
import { CONDITION_TYPES, factsOfCondition } from '../../api/reasons.ts';
import { withCluster } from '../base/context.ts';
import type { Cluster, Io } from '../base/context.ts';
import { CliError, EXIT } from '../base/exit.ts';
import { readAll } from '../fleet/fleet.ts';
import type { FleetDevice, Selection } from '../fleet/fleet.ts';
import type { SelectFlags } from '../fleet/selection.ts';
import { sideBySide } from '../render/side-by-side.ts';
import { show } from '../render/changes.ts';
import { age } from '../render/age.ts';
import { paletteOf } from '../render/color.ts';
import type { Palette } from '../render/color.ts';
import { Table, clip } from '../render/table.ts';
import { paintState } from '../render/sync-view.ts';

/** Presence has a line of its own, and Reconciling says what Ready says. */
const LISTED = CONDITION_TYPES.filter((type) => type !== 'Online' && type !== 'Reconciling');

/** `kubectl mir describe`: what is desired and what is reported beside each other, what differs, since when, and why. */
export function describe(io: Io, names: readonly string[], flags: SelectFlags): Promise<number> {
  const selection: Selection = { names, ...flags };
  if (names.length === 0 && flags.selector === undefined && flags.fieldSelector === undefined)
    throw new CliError('name a device, or select some with -l or --field-selector');
  return withCluster(io, flags, async (cluster) => {
    const { devices } = await readAll(cluster, selection);
    const texts: string[] = [];
    for (const device of devices) texts.push(await describeOne(io, cluster, device));
    io.out(texts.join('\n\n'));
    return EXIT.ok;
  });
}

/** The indent of an event, what is between its columns, and what ages differ by. */
const EVENT_GAPS = 12;

async function describeOne(io: Io, cluster: Cluster, device: FleetDevice): Promise<string> {
  const palette = paletteOf(io.hasColor);
  const now = io.now();
  const parts = [headOf(device, palette, now), ...messagesOf(device, palette, now, io.columns)];
  const events = await eventsOf(cluster, device);
  if (events.length > 0) {
    const used = Math.max(...events.map(({ reason, at }) => age(at, now).length + reason.length)) + EVENT_GAPS;
    const rows = events.map(({ type, reason, message, at }) => [
      { text: age(at, now) },
      { text: reason, paint: type === 'Warning' ? palette.bad : palette.dim },
      { text: clip(message, Math.max(40, io.columns - used)) },
    ]);
    const table = new Table(['', '', ''], rows);
    parts.push(`${palette.bold('Events')}\n${rows.map((row) => `  ${table.line(row)}\n`).join('')}`);
  }
  return parts.join('\n');
}

function headOf({ metadata, spec, status }: FleetDevice, palette: Palette, now: number): string {
  const labels = Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const online = findCondition(status?.conditions, 'Online');
  const heard = status?.lastHeartbeat === undefined ? '' : `, last heard ${age(status.lastHeartbeat, now)} ago`;
  const isOnline = status?.online === true;
  const presence = spec.disabled === true ? 'disabled' : isOnline ? 'online' : 'offline';
  const lines: [string, string][] = [
    ['Name', `${metadata.name} (namespace ${metadata.namespace})`],
    ['Device ID', spec.deviceId],
    ...(labels.length > 0 ? [['Labels', labels.join(', ')] as [string, string]] : []),
    [
      'Presence',
      `${(isOnline ? palette.good : palette.dim)(presence)} (${online?.reason ?? 'not looked at yet'}${heard})`,
    ],
    ...(status?.schema?.packageNames ? [['Schema', status.schema.packageNames.join(', ')] as [string, string]] : []),
    ...LISTED.flatMap((type): [string, string][] => {
      const condition = findCondition(status?.conditions, type);
      if (condition === undefined) return [];
      const isGood = (condition.status === 'True') === (factsOfCondition(type).isProblem !== true);
      const why = condition.message === '' ? condition.reason : `${condition.reason}: ${condition.message}`;
      return [[type, `${(isGood ? palette.good : palette.waiting)(condition.status)}  ${why}`]];
    }),
  ];
  const width = Math.max(...lines.map(([key]) => key.length)) + 2;
  return lines.map(([key, value]) => `${palette.bold(`${key}:`.padEnd(width))}${value}\n`).join('');
}

function messagesOf(device: FleetDevice, palette: Palette, now: number, columns: number): string[] {
  const { properties, status } = device;
  const desired = properties?.desired ?? {};
  const reported = status?.reported ?? {};
  const names = [...new Set([...Object.keys(desired), ...Object.keys(reported)])].toSorted();
  return names.map((name) => {
    const record = status?.sync?.[name];
    const head = messageHead(name, desired[name], record, palette, now);
    return head + fieldTable(desired[name], reported[name], palette, columns);
  });
}

function messageHead(
  name: string,
  desired: JsonObject | undefined,
  record: SyncRecord | undefined,
  palette: Palette,
  now: number,
): string {
  if (desired === undefined) return `${palette.bold(name)}  ${palette.dim('reported only')}\n`;
  const state = record?.state ?? 'Pending';
  const since = record === undefined ? '' : `  ${age(record.since, now)}`;
  const why = record?.message === undefined ? '' : `  ${record.message}`;
  return `${palette.bold(name)}  ${paintState(palette, state)(state)}${since}${why}\n`;
}

function fieldTable(
  desired: JsonObject | undefined,
  reported: JsonObject | undefined,
  palette: Palette,
  columns: number,
): string {
  const lines = sideBySide(desired, reported);
  if (lines.length === 0) return '';
  const width = Math.max(12, Math.floor((columns - 40) / 2));
  const rows = lines.map(({ path, desired: want, reported: is, differs }) => [
    { text: differs ? '≠' : ' ', paint: palette.waiting },
    { text: path },
    { text: clip(show(want), width), paint: differs ? palette.waiting : undefined },
    { text: clip(show(is), width), paint: differs ? palette.waiting : undefined },
  ]);
  const table = new Table(['', 'FIELD', 'DESIRED', 'REPORTED'], rows);
  return `  ${palette.dim(table.header())}\n${rows.map((row) => `  ${table.line(row)}\n`).join('')}`;
}

interface DeviceEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly at: string | undefined;
}

interface EventList {
  readonly items: readonly {
    readonly type?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly note?: string;
    readonly lastTimestamp?: string | null;
    readonly eventTime?: string | null;
    readonly firstTimestamp?: string | null;
    readonly series?: { readonly lastObservedTime?: string } | null;
  }[];
}

const MOST_EVENTS = 10;

/** The newest last. Whoever may not read events sees the rest all the same. */
async function eventsOf({ client }: Cluster, { metadata }: FleetDevice): Promise<DeviceEvent[]> {
  const { items } = await client
    .get<EventList>(`/api/v1/namespaces/${metadata.namespace}/events`, {
      fieldSelector: `involvedObject.uid=${metadata.uid}`,
    })
    .catch((): EventList => ({ items: [] }));
  return items
    .map((event) => ({
      type: event.type ?? 'Normal',
      reason: event.reason ?? '',
      message: event.message ?? event.note ?? '',
      at: event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? undefined,
    }))
    .toSorted((a, b) => ((a.at ?? '') < (b.at ?? '') ? -1 : 1))
    .slice(-MOST_EVENTS);
}
