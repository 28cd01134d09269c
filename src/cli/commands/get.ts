import { findCondition } from '../../api/conditions.ts';
import { toMir } from '../../mir-shape/mir-shape.ts';
import { withCluster } from '../base/context.ts';
import type { Cluster, Io } from '../base/context.ts';
import { CliError, EXIT } from '../base/exit.ts';
import { readFleet } from '../fleet/fleet.ts';
import type { FleetDevice, FleetPage, Selection } from '../fleet/fleet.ts';
import type { SelectFlags } from '../fleet/selection.ts';
import { follow } from '../fleet/follow.ts';
import { age } from '../render/age.ts';
import { asJson, asYaml } from '../render/machine.ts';
import { paletteOf } from '../render/color.ts';
import type { Palette } from '../render/color.ts';
import { Table, widthOf } from '../render/table.ts';
import type { Cell } from '../render/table.ts';
import { paintState, syncView } from '../render/sync-view.ts';

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'name', 'mir'] as const;
export type Format = (typeof FORMATS)[number];

export interface GetFlags extends SelectFlags {
  readonly output: Format;
  readonly watch?: boolean;
  readonly headers: boolean;
}

/** `kubectl mir get`: the fleet as a table, or as documents. */
export function get(io: Io, names: readonly string[], flags: GetFlags): Promise<number> {
  const selection: Selection = { names, ...flags };
  return withCluster(io, flags, async (cluster) => {
    if (flags.output === 'table' || flags.output === 'wide') return await printTable(io, cluster, selection, flags);
    if (flags.watch === true) throw new CliError('--watch shows a table; leave out --output');
    return await printDocuments(io, cluster, selection, flags.output);
  });
}

async function printTable(io: Io, cluster: Cluster, selection: Selection, flags: GetFlags): Promise<number> {
  const palette = paletteOf(io.hasColor);
  const shape: RowShape = { isWide: flags.output === 'wide', hasNamespace: selection.allNamespaces === true };
  let table: Table | undefined;
  let last: FleetPage = { devices: [], resourceVersion: '' };
  for await (const page of readFleet(cluster, selection)) {
    const rows = page.devices.map((device) => rowOf(device, shape, palette, io.now()));
    if (table === undefined && (rows.length > 0 || flags.watch === true)) {
      table = new Table(headersOf(shape), rows, shape.isWide ? undefined : widthOf(io));
      if (flags.headers) io.out(`${table.header()}\n`);
    }
    if (rows.length > 0) io.out(rows.map((row) => `${table?.line(row)}\n`).join(''));
    last = page;
  }
  if (table === undefined)
    io.err(`No devices found${shape.hasNamespace ? '' : ` in namespace ${cluster.namespace}`}.\n`);
  if (flags.watch !== true || table === undefined) return EXIT.ok;
  const known = table;
  for await (const event of follow(cluster, selection, io.signal, last)) {
    if (event.kind === 'changed') io.out(`${known.line(rowOf(event.device, shape, palette, io.now()))}\n`);
  }
  return EXIT.ok;
}

interface RowShape {
  readonly isWide: boolean;
  readonly hasNamespace: boolean;
}

function headersOf({ isWide, hasNamespace }: RowShape): string[] {
  return [
    ...(hasNamespace ? ['NAMESPACE'] : []),
    'NAME',
    'DEVICE ID',
    'ONLINE',
    'SYNC',
    'MESSAGES',
    'LAG',
    'HEARTBEAT',
    ...(isWide ? ['READY', 'AGE', 'PACKAGES'] : []),
  ];
}

function rowOf(device: FleetDevice, { isWide, hasNamespace }: RowShape, palette: Palette, now: number): Cell[] {
  const { metadata, spec, status } = device;
  const { state, inSync, desired, waitingSince } = syncView(device);
  const isOnline = status?.online === true;
  const ready = findCondition(status?.conditions, 'Ready');
  return [
    ...(hasNamespace ? [{ text: metadata.namespace }] : []),
    { text: metadata.name },
    { text: spec.deviceId },
    { text: isOnline ? 'yes' : 'no', paint: isOnline ? palette.good : palette.dim },
    { text: state, paint: paintState(palette, state) },
    { text: desired === 0 ? '-' : `${inSync}/${desired}` },
    { text: age(waitingSince, now) },
    { text: age(status?.lastHeartbeat, now) },
    ...(isWide
      ? [
          { text: ready?.status ?? '-' },
          { text: age(metadata.creationTimestamp, now) },
          { text: status?.schema?.packageNames?.join(',') ?? '-' },
        ]
      : []),
  ];
}

async function printDocuments(io: Io, cluster: Cluster, selection: Selection, format: Format): Promise<number> {
  const documents: unknown[] = [];
  for await (const { devices } of readFleet(cluster, selection)) {
    for (const device of devices) {
      if (format === 'name') io.out(`device.iot.mir/${device.metadata.name}\n`);
      else if (format === 'mir') io.out(`${documents.push(device) > 1 ? '---\n' : ''}${asYaml(toMir(device))}`);
      else documents.push(withoutManagedFields(device));
    }
  }
  if (format === 'name' || format === 'mir') return EXIT.ok;
  const whole =
    selection.names.length === 1 ? documents[0] : { apiVersion: 'v1', kind: 'List', metadata: {}, items: documents };
  io.out(format === 'json' ? asJson(whole) : asYaml(whole));
  return EXIT.ok;
}

function withoutManagedFields(device: FleetDevice): unknown {
  const { managedFields: _fields, ...metadata } = device.metadata;
  return { ...device, metadata };
}
