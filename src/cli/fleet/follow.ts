import type { Query, WatchEvent } from '../../kube/client.ts';
import { isPassing, pause } from '../base/patiently.ts';
import { isExpired } from '../../kube/errors.ts';
import { listPages } from '../../kube/list-pages.ts';
import type { Cluster } from '../base/context.ts';
import { CliError } from '../base/exit.ts';
import { inTurn } from '../base/in-turn.ts';
import { keyOf, scopesOf } from './fleet.ts';
import type { FleetDevice, FleetPage, Scope, Selection } from './fleet.ts';

export type FleetEvent =
  | { readonly kind: 'changed'; readonly key: string; readonly device: FleetDevice }
  | { readonly kind: 'deleted'; readonly key: string };

/** Milliseconds before a watch that broke is begun anew. */
const RETRY_MS = 1000;

/**
 * The devices of a selection as they change, until `signal` aborts. `from` is what was read of it before. Where that has no resource
 * version, and where the server has forgotten what came after it, all devices are told once, and then what changes. Outages are waited
 * through; what a watch may not see, or cannot, rejects.
 */
export async function* follow(
  cluster: Cluster,
  selection: Selection,
  signal: AbortSignal,
  from: FleetPage,
): AsyncGenerator<FleetEvent> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  try {
    const known = from.devices.map(keyOf);
    yield* inTurn(
      scopesOf(cluster, selection).map((scope) =>
        followScope(cluster, scope, either, { known, resourceVersion: from.resourceVersion }),
      ),
    );
  } finally {
    over.abort();
  }
}

interface Known {
  readonly known: readonly string[];
  readonly resourceVersion: string;
}

async function* followScope(
  { client }: Cluster,
  { path, query, has }: Scope,
  signal: AbortSignal,
  from: Known,
): AsyncGenerator<FleetEvent> {
  const there = new Set(from.known.filter(has));
  const told = (event: FleetEvent): FleetEvent => {
    if (event.kind === 'deleted') there.delete(event.key);
    else there.add(event.key);
    return event;
  };
  let { resourceVersion } = from;
  while (!signal.aborted) {
    try {
      if (resourceVersion === '') {
        const gone = new Set(there);
        for await (const { items, metadata } of listPages<FleetDevice>(client, path, { query, signal })) {
          for (const device of items.filter((one) => has(keyOf(one)))) {
            gone.delete(keyOf(device));
            yield told({ kind: 'changed', key: keyOf(device), device });
          }
          ({ resourceVersion } = metadata);
        }
        for (const key of gone) yield told({ kind: 'deleted', key });
      }
      const since: Query = { ...query, resourceVersion, allowWatchBookmarks: true };
      for await (const event of client.watch<FleetDevice>(path, since, signal)) {
        resourceVersion = versionAfter(event);
        if (resourceVersion === '') break;
        if (event.type === 'BOOKMARK' || event.type === 'ERROR') continue;
        const key = keyOf(event.object);
        if (!has(key)) continue;
        yield told(
          event.type === 'DELETED' ? { kind: 'deleted', key } : { kind: 'changed', key, device: event.object },
        );
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
