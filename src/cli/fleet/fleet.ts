/** Reads devices, page by page. */
import { devicePath, devicesPath } from '../../api/device.ts';
import type { Device, ObjectMeta } from '../../api/device.ts';
import type { ManagedFields } from '../../api/managed-fields.ts';
import { listPages } from '../../kube/list-pages.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { Cluster } from '../base/context.ts';
import { CliError } from '../base/exit.ts';

/** A device as it is read here, with what the operator's cache leaves out. */
export type FleetDevice = Omit<Device, 'metadata'> & { readonly metadata: FleetMeta };

interface FleetMeta extends ObjectMeta {
  readonly managedFields?: readonly ManagedFields[];
}

/** Which devices a command is about. */
export interface Selection {
  /** Names, or `name/namespace`. */
  readonly names: readonly string[];
  readonly selector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
}

/** The first page is small, so that the first lines come at once. */
const FIRST_PAGE = 100;

export interface FleetPage {
  readonly devices: readonly FleetDevice[];
  /** From which a watch goes on. */
  readonly resourceVersion: string;
}

/** The devices of a selection, in pages; the next page is on its way while one is used. */
export async function* readFleet(cluster: Cluster, selection: Selection): AsyncGenerator<FleetPage> {
  if (selection.names.length > 0) {
    yield { devices: await readNamed(cluster, selection), resourceVersion: '' };
    return;
  }
  for (const { path, query } of scopesOf(cluster, selection)) {
    for await (const { items, metadata } of listPages<FleetDevice>(cluster.client, path, { query, first: FIRST_PAGE }))
      yield { devices: items, resourceVersion: metadata.resourceVersion };
  }
}

/** All devices of a selection at once. */
export async function readAll(cluster: Cluster, selection: Selection): Promise<FleetPage> {
  const devices: FleetDevice[] = [];
  let resourceVersion = '';
  for await (const page of readFleet(cluster, selection)) {
    for (const device of page.devices) devices.push(device);
    resourceVersion = page.resourceVersion;
  }
  return { devices, resourceVersion };
}

/** One LIST, or watch, in which devices of a selection are. */
export interface Scope {
  readonly path: string;
  readonly query: { readonly labelSelector?: string | undefined; readonly fieldSelector?: string | undefined };
  /** Whether a device there, `namespace/name`, is of the selection. */
  readonly has: (key: string) => boolean;
}

/** A watch each of so many named devices costs less than one of all devices of their namespaces. */
const MOST_BY_NAME = 10;

/** The narrowest LISTs, or watches, that have all devices of a selection: no right is asked for where none of them is. */
export function scopesOf(cluster: Cluster, { names, selector, fieldSelector, allNamespaces }: Selection): Scope[] {
  if (names.length === 0) {
    const path = devicesPath(allNamespaces === true ? undefined : cluster.namespace);
    return [{ path, query: { labelSelector: selector, fieldSelector }, has: () => true }];
  }
  const keys = [...new Set(names.map((name) => keyOfTarget(cluster, name)))];
  const groups = Map.groupBy(keys, (key) => (keys.length <= MOST_BY_NAME ? key : namespaceOf(key)));
  return [...groups.values()].map((group) => {
    const [first = ''] = group;
    const query = group.length === 1 ? { fieldSelector: `metadata.name=${first.split('/')[1]}` } : {};
    const wanted = new Set(group);
    return { path: devicesPath(namespaceOf(first)), query, has: (key) => wanted.has(key) };
  });
}

/**
 * What to watch for `devices` of a selection that are waited for: with selectors, whatever no longer fits them, as by its label or because
 * it went offline, would be told as deleted. Of many devices this tells of others, too.
 */
export function withoutSelectors(selection: Selection, devices: readonly FleetDevice[]): Selection {
  if (selection.selector === undefined && selection.fieldSelector === undefined) return selection;
  if (devices.length > MOST_BY_NAME) return { ...selection, selector: undefined, fieldSelector: undefined };
  return { names: devices.map(({ metadata }) => `${metadata.name}/${metadata.namespace}`) };
}

const namespaceOf = (key: string): string => key.split('/')[0] ?? '';

async function readNamed(cluster: Cluster, { names, selector, fieldSelector }: Selection): Promise<FleetDevice[]> {
  if (selector !== undefined || fieldSelector !== undefined)
    throw new CliError('name the devices, or select them with -l or --field-selector; not both');
  return Promise.all([...new Set(names)].map((name) => readOne(cluster, name)));
}

/** `name`, or `name/namespace` as Mir writes it. */
function keyOfTarget({ namespace }: Cluster, target: string): string {
  const [name = '', other = namespace, ...rest] = target.split('/');
  if (name === '' || other === '' || rest.length > 0)
    throw new CliError(`"${target}" names no device; write its name, or name/namespace`);
  return `${other}/${name}`;
}

/** Nothing has the name that was given. */
export class NoDeviceError extends CliError {
  /** `namespace/name` */
  readonly key: string;

  constructor(key: string, message: string) {
    super(message);
    this.key = key;
  }
}

async function readOne(cluster: Cluster, target: string): Promise<FleetDevice> {
  const key = keyOfTarget(cluster, target);
  try {
    return await cluster.client.get<FleetDevice>(devicePath(key));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const [namespace, name] = key.split('/');
    throw new NoDeviceError(key, `there is no device "${name}" in namespace "${namespace}"; see kubectl mir list -A`);
  }
}

export function keyOf({ metadata }: FleetDevice): string {
  return `${metadata.namespace}/${metadata.name}`;
}
