/** Watch events on the wire: one JSON object a line. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { WatchItem } from '../handlers/watch.ts';
import type { Presenter } from '../present/presenter.ts';
import { apiVersionOf } from '../registry/resource-type.ts';
import type { ResourceType } from '../registry/resource-type.ts';

export interface WatchStream {
  readonly items: AsyncIterable<WatchItem>;
  readonly presenter: Presenter;
  readonly type: ResourceType;
}

/** Writes until the watch ends or `signal` aborts. Waits for a slow reader, so that nothing piles up here. */
export async function sendWatch(response: ServerResponse, stream: WatchStream, signal: AbortSignal): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  try {
    for await (const item of stream.items) {
      if (signal.aborted) return;
      if (!response.write(`${line(item, stream)}\n`)) await once(response, 'drain', { signal });
    }
  } catch (error) {
    // The client has gone or the server is closing: there is nobody left to tell.
    if (!signal.aborted) throw error;
  } finally {
    response.end();
  }
}

function line(item: WatchItem, { presenter, type }: WatchStream): string {
  switch (item.type) {
    case 'ERROR':
      return `{"type":"ERROR","object":${JSON.stringify(item.status)}}`;
    case 'BOOKMARK':
      return `{"type":"BOOKMARK","object":${presenter.watched({ json: bookmark(item, type) })}}`;
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return `{"type":"${item.type}","object":${presenter.watched(item.object)}}`;
    default:
      return item satisfies never;
  }
}

function bookmark(
  { revision, endsInitialEvents }: Extract<WatchItem, { type: 'BOOKMARK' }>,
  type: ResourceType,
): string {
  const annotations = endsInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  const metadata = { resourceVersion: String(revision), ...annotations };
  const { kind, storageVersion } = type;
  return JSON.stringify({ apiVersion: apiVersionOf({ ...type, version: storageVersion }), kind, metadata });
}
