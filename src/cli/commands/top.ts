import { SYNC_STATES } from '../../api/sync-states.ts';
import { withCluster } from '../base/context.ts';
import type { Cluster, Io } from '../base/context.ts';
import { CliError, EXIT } from '../base/exit.ts';
import { keyOf, readAll } from '../fleet/fleet.ts';
import type { FleetDevice, Selection } from '../fleet/fleet.ts';
import { pause } from '../base/patiently.ts';
import { metricsSource, quantileOf, since, valueOf } from '../fleet/operator-metrics.ts';
import type { Samples } from '../fleet/operator-metrics.ts';
import { age } from '../render/age.ts';
import { paletteOf } from '../render/color.ts';
import type { Palette } from '../render/color.ts';
import { Table, widthOf } from '../render/table.ts';
import { paintState, syncView } from '../render/sync-view.ts';
import type { SelectFlags } from '../fleet/selection.ts';

export interface TopFlags extends SelectFlags {
  readonly metricsUrl?: string;
  readonly operatorNamespace?: string;
  /** Milliseconds between the two readings that rates are made of. */
  readonly interval: number;
  /** Devices to show. */
  readonly limit: number;
}

/** `kubectl mir top`: how the operator keeps up, and which devices have waited longest. */
export function top(io: Io, names: readonly string[], flags: TopFlags): Promise<number> {
  // The operator is one for all namespaces.
  const isOfAll = names.length === 0 && flags.namespace === undefined;
  const selection: Selection = { names, ...flags, allNamespaces: flags.allNamespaces ?? isOfAll };
  return withCluster(io, flags, async (cluster) => {
    const palette = paletteOf(io.hasColor);
    const lines = await operatorLines(io, cluster, flags, palette).catch((error: unknown) => {
      if (!(error instanceof CliError)) throw error;
      io.err(`${palette.waiting('!')} no metrics: ${error.message}\n\n`);
      return '';
    });
    io.out(lines);
    const { devices } = await readAll(cluster, selection);
    io.out(slowest(io, devices, flags.limit, palette));
    return EXIT.ok;
  });
}

async function operatorLines(io: Io, cluster: Cluster, flags: TopFlags, palette: Palette): Promise<string> {
  const read = await metricsSource(cluster, flags, io.signal);
  const before = await read();
  const beganAt = io.now();
  await pause(flags.interval, io.signal);
  const after = await read();
  const seconds = Math.max(0.001, (io.now() - beganAt) / 1000);
  return `${renderOperator(before, after, seconds, palette)}\n`;
}

/** The operator between two readings. */
export function renderOperator(before: Samples, after: Samples, seconds: number, palette: Palette): string {
  const moved = since(before, after);
  const perSecond = (name: string, labels = {}): string => rate(valueOf(moved, name, labels) / seconds);
  const total = valueOf(after, 'mir_devices');
  const inSync = valueOf(after, 'mir_devices_by_sync', { sync: 'InSync' });
  const waiting = SYNC_STATES.filter((state) => state !== 'InSync')
    .map((sync): [string, number] => [sync, valueOf(after, 'mir_devices_by_sync', { sync })])
    .filter(([, count]) => count > 0)
    .map(([sync, count]) => `${paintState(palette, sync)(sync)} ${count}`);
  const classes = ['sync', 'online', 'reported', 'pending', 'heartbeat']
    .filter((name) => valueOf(moved, 'mir_status_writes_total', { class: name }) > 0)
    .map((name) => `${name} ${perSecond('mir_status_writes_total', { class: name })}`);
  const split = classes.length === 0 ? '' : ` (${classes.join(', ')})`;
  const broker =
    valueOf(after, 'mir_broker_connected') === 1 ? palette.good('connected') : palette.bad('not connected');
  const rows: [string, string][] = [
    ['Devices', `${total}, ${valueOf(after, 'mir_devices_online')} online, ${inSync} in sync`],
    ...(waiting.length > 0 ? [['Not in sync', waiting.join(', ')] as [string, string]] : []),
    [
      'Broker',
      `${broker}, ${perSecond('mir_desired_published_total')} documents out, ${perSecond('mir_reports_total')} reports in`,
    ],
    ['Report lag', quantiles(moved, after, 'mir_report_lag_seconds')],
    ['Status writes', `${perSecond('mir_status_writes_total')}${split}`],
    [
      'Write budget',
      `${valueOf(after, 'controller_runtime_max_concurrent_reconciles', { controller: 'status' })} at once, ${valueOf(after, 'workqueue_depth', { name: 'status' })} wait, ${valueOf(after, 'mir_api_overload_pauses_total')} pauses asked for by the API server`,
    ],
    [
      'Process',
      `${percent(valueOf(moved, 'process_cpu_seconds_total') / seconds)} of a core, ${(valueOf(after, 'process_resident_memory_bytes') / 1e6).toFixed(0)} MB`,
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, text]) => `${palette.bold(`${name}:`.padEnd(width))}${text}\n`).join('');
}

const rate = (value: number): string => `${value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)}/s`;

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** Of what came between the readings; where nothing came, of all since the start. */
function quantiles(moved: Samples, all: Samples, name: string): string {
  const [samples, when] = quantileOf(moved, name, 0.5) === undefined ? [all, ', since the start'] : [moved, ''];
  const [half, most] = [quantileOf(samples, name, 0.5), quantileOf(samples, name, 0.99)];
  if (half === undefined || most === undefined) return 'no reports yet';
  return `p50 ${milliseconds(half)}, p99 ${milliseconds(most)} from a report to its status${when}`;
}

const milliseconds = (seconds: number): string =>
  seconds < 1 ? `${Math.ceil(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;

/** The devices that have waited longest for what is desired. */
function slowest(io: Io, devices: readonly FleetDevice[], limit: number, palette: Palette): string {
  const waiting = devices
    .map((device) => ({ device, view: syncView(device) }))
    .filter(({ view }) => view.waitingSince !== undefined)
    .toSorted((a, b) => Date.parse(a.view.waitingSince ?? '') - Date.parse(b.view.waitingSince ?? ''));
  if (devices.length === 0) return 'There is no device.\n';
  if (waiting.length === 0) return `${palette.good('No device waits')} (${devices.length} looked at).\n`;
  const rows = waiting
    .slice(0, limit)
    .map(({ device, view }) => [
      { text: keyOf(device) },
      { text: view.state, paint: paintState(palette, view.state) },
      { text: `${view.inSync}/${view.desired}` },
      { text: age(view.waitingSince, io.now()) },
      { text: device.status?.online === true ? 'yes' : 'no' },
      { text: age(device.status?.lastHeartbeat, io.now()) },
    ]);
  const table = new Table(['DEVICE', 'SYNC', 'MESSAGES', 'WAITS', 'ONLINE', 'HEARTBEAT'], rows, widthOf(io));
  const more = waiting.length > limit ? palette.dim(`… and ${waiting.length - limit} more\n`) : '';
  return `${[table.header(), ...rows.map((row) => table.line(row)), ''].join('\n')}${more}`;
}
