import type { WatchEvent } from '../../kube/client.ts';
import { isPassing, pause } from '../base/patiently.ts';
import { isExpired } from '../../kube/errors.ts';
import type { Cluster } from '../base/context.ts';
import { CliError } from '../base/exit.ts';
import { keyOfTarget, listOf, readAll } from './fleet.ts';
import type { FleetDevice, Selection } from './fleet.ts';

export type FleetEvent =
  | { readonly kind: 'changed'; readonly device: FleetDevice }
  | { readonly kind: 'deleted'; readonly device: FleetDevice };

/** Milliseconds before a watch that broke is begun anew. */
const RETRY_MS = 1000;

/**
 * The devices of a selection as they change, until `signal` aborts. `from` is the resource version of a LIST; without it, and where the
 * server has forgotten what came after, all devices are told once and then what changes. Outages are waited through.
 */
export async function* follow(
  cluster: Cluster,
  selection: Selection,
  signal: AbortSignal,
  from = '',
): AsyncGenerator<FleetEvent> {
  const isWanted = filterOf(cluster, selection);
  const { path, query } = listOf(cluster, selection);
  let resourceVersion = from;
  while (!signal.aborted) {
    try {
      if (resourceVersion === '') {
        const page = await readAll(cluster, { ...selection, names: [] });
        for (const device of page.devices.filter(isWanted)) yield { kind: 'changed', device };
        ({ resourceVersion } = page);
      }
      const events = cluster.client.watch<FleetDevice>(
        path,
        { ...query, resourceVersion, allowWatchBookmarks: true },
        signal,
      );
      for await (const event of events) {
        resourceVersion = versionAfter(event);
        if (resourceVersion === '') break;
        if (event.type === 'BOOKMARK' || event.type === 'ERROR' || !isWanted(event.object)) continue;
        yield { kind: event.type === 'DELETED' ? 'deleted' : 'changed', device: event.object };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isExpired(error)) resourceVersion = '';
      else if (!isPassing(error)) throw error;
      await pause(RETRY_MS, signal);
    }
  }
}

/** `''`: what came since is forgotten there. */
function versionAfter(event: WatchEvent<FleetDevice>): string {
  if (event.type !== 'ERROR') return event.object.metadata.resourceVersion;
  if (event.object.code === 410) return '';
  throw new CliError(event.object.message ?? 'the watch failed');
}

function filterOf(cluster: Cluster, { names }: Selection): (device: FleetDevice) => boolean {
  if (names.length === 0) return () => true;
  const keys = new Set(names.map((name) => keyOfTarget(cluster, name)));
  return ({ metadata }) => keys.has(`${metadata.namespace}/${metadata.name}`);
}
