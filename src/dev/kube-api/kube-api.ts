/**
 * A Kubernetes API in this process, for trying and for tests: real enough for kubectl and for the operator, never a claim to be
 * the real one. What it does not implement it refuses: protobuf (406/415) and subresources other than status (404/501). It hands requests
 * on to the servers that APIServices name, and collects no garbage by owner references.
 */
import { randomBytes } from 'node:crypto';
import { silentLogger } from '../../base/log.ts';
import type { Logger } from '../../base/log.ts';
import { Aggregator } from './aggregation/aggregator.ts';
import { publishFrontProxy } from './aggregation/front-proxy.ts';
import type { Api } from './handlers/call.ts';
import { createServerIdentity } from './http/certificates.ts';
import { kubeconfigYaml } from './http/kubeconfig.ts';
import { listen } from './http/server.ts';
import { serveDefinitions } from './lifecycle/definitions.ts';
import { expireEvents } from './lifecycle/events.ts';
import { tendNamespaces } from './lifecycle/namespaces.ts';
import { BUILT_IN_TYPES } from './registry/builtin/index.ts';
import { Registry } from './registry/registry.ts';
import { openJournal } from './storage/journal.ts';
import { Store } from './storage/store.ts';
import type { Snapshot } from './storage/store.ts';

export type { Snapshot } from './storage/store.ts';

export interface KubeApiOptions {
  /** Default 0: a free one. */
  readonly port?: number;
  /** Folder in which everything survives a restart; without it everything is in memory. */
  readonly dataDir?: string;
  readonly log?: Logger;
  /** Default one minute, as kube-apiserver. */
  readonly bookmarkIntervalMs?: number;
  /** Changes remembered for each resource, for watches and consistent pages; default 10,000. */
  readonly historySize?: number;
}

export interface RestoreOptions {
  /**
   * `continue` (default): revisions go on upward, as after `etcdutl snapshot restore --bump-revision --mark-compacted`.
   * `rewind`: they go back to the snapshot's, as after a plain restore of etcd's data.
   */
  readonly revision?: 'continue' | 'rewind';
}

export interface KubeApi {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  readonly caPem: string;
  /** The bearer token of the administrator, also in the kubeconfig. */
  readonly token: string;
  kubeconfigYaml(): string;
  snapshot(): Snapshot;
  /** Puts a snapshot in the place of everything, as when etcd is restored from a backup; every watch ends. */
  restore(snapshot: Snapshot, options?: RestoreOptions): void;
  /** From now on every resourceVersion handed out so far is too old to list or watch from (410). */
  expireHistory(): void;
  close(): Promise<void>;
}

/** Starts the API; rejects when the port is taken or the folder cannot be used. */
export async function startKubeApi(options: KubeApiOptions = {}): Promise<KubeApi> {
  const { port = 0, dataDir, log = silentLogger, bookmarkIntervalMs = 60_000, historySize = 10_000 } = options;
  const journal = dataDir === undefined ? undefined : openJournal(dataDir);
  const store = new Store({ historySize, ...(journal === undefined ? {} : { journal }) });
  const api: Api = { store, registry: new Registry(BUILT_IN_TYPES), now: () => Date.now() };
  const running = new AbortController();
  serveDefinitions(api, running.signal);
  tendNamespaces(api, running.signal);
  expireEvents(api, running.signal);
  const identity = await createServerIdentity(api.now());
  publishFrontProxy(api, identity);
  const aggregator = new Aggregator(api, identity, log);
  void aggregator.run(running.signal);
  const token = randomBytes(24).toString('base64url');
  const server = await listen({ api, identity, aggregator, token, port, bookmarkIntervalMs, log });
  const url = `https://127.0.0.1:${server.port}`;
  const { caPem } = identity;
  return {
    url,
    caPem,
    token,
    kubeconfigYaml: () => kubeconfigYaml({ url, caPem, token }),
    snapshot: () => store.snapshot(),
    restore(snapshot, { revision = 'continue' } = {}) {
      store.restore(snapshot, revision === 'rewind' ? snapshot.revision : store.revision + 1);
    },
    expireHistory: () => store.expireHistory(),
    async close() {
      running.abort();
      await server.close();
      store.close();
    },
  };
}
