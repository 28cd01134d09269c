import type { KubeClient } from './client.ts';
import { TransportError } from './errors.ts';

/** The client of a leader: while `mayWrite` says no it reads, and every write rejects without being sent. */
export function fenceWrites(client: KubeClient, mayWrite: () => boolean): KubeClient {
  const check = async (): Promise<void> => {
    if (!mayWrite()) throw new TransportError('not written: the Lease is lost, or was not renewed in time');
  };
  return {
    get: (path, query, signal) => client.get(path, query, signal),
    listMetadata: (path, query, signal) => client.listMetadata(path, query, signal),
    watch: (path, query, signal) => client.watch(path, query, signal),
    create: (path, body, query, signal) => check().then(() => client.create(path, body, query, signal)),
    replace: (path, body, query, signal) => check().then(() => client.replace(path, body, query, signal)),
    patch: (path, type, body, query, signal) => check().then(() => client.patch(path, type, body, query, signal)),
    delete: (path, body, query, signal) => check().then(() => client.delete(path, body, query, signal)),
    close: () => client.close(),
  };
}
