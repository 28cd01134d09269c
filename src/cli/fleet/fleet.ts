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
  const { path, query } = listOf(cluster, selection);
  for await (const { items, metadata } of listPages<FleetDevice>(cluster.client, path, { query, first: FIRST_PAGE }))
    yield { devices: items, resourceVersion: metadata.resourceVersion };
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

/** Path and selectors of the narrowest LIST, or watch, that has all devices of a selection. */
export function listOf(cluster: Cluster, { names, selector, fieldSelector, allNamespaces }: Selection) {
  const keys = names.map((name) => keyOfTarget(cluster, name).split('/'));
  const namespaces = new Set(keys.length === 0 ? [cluster.namespace] : keys.map(([namespace]) => namespace));
  const [only] = namespaces;
  const byName = keys.length === 1 ? `metadata.name=${keys[0]?.[1]}` : undefined;
  return {
    path: devicesPath(allNamespaces === true || namespaces.size > 1 ? undefined : only),
    query: { labelSelector: selector, fieldSelector: byName ?? fieldSelector },
  };
}

async function readNamed(cluster: Cluster, { names, selector, fieldSelector }: Selection): Promise<FleetDevice[]> {
  if (selector !== undefined || fieldSelector !== undefined)
    throw new CliError('name the devices, or select them with -l or --field-selector; not both');
  return Promise.all([...new Set(names)].map((name) => readOne(cluster, name)));
}

/** `name`, or `name/namespace` as Mir writes it. */
export function keyOfTarget({ namespace }: Cluster, target: string): string {
  const [name = '', other = namespace, ...rest] = target.split('/');
  if (name === '' || other === '' || rest.length > 0)
    throw new CliError(`"${target}" names no device; write its name, or name/namespace`);
  return `${other}/${name}`;
}

async function readOne(cluster: Cluster, target: string): Promise<FleetDevice> {
  const key = keyOfTarget(cluster, target);
  try {
    return await cluster.client.get<FleetDevice>(devicePath(key));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const [namespace, name] = key.split('/');
    throw new CliError(`there is no device "${name}" in namespace "${namespace}"; see kubectl mir list -A`);
  }
}

export function keyOf({ metadata }: FleetDevice): string {
  return `${metadata.namespace}/${metadata.name}`;
}
