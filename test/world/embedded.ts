/** The embedded world's parts: the in-process API server and broker of `npm run dev`. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBroker } from '../../src/dev/broker.ts';
import type { DevBroker } from '../../src/dev/broker.ts';
import { startKubeApi } from '../../src/dev/kube-api/index.ts';
import type { Snapshot as DevSnapshot } from '../../src/dev/kube-api/index.ts';
import type { BrokerProcess } from './broker.ts';
import type { Cluster } from './cluster.ts';

export async function openEmbeddedCluster(directory: string): Promise<Cluster> {
  const api = await startKubeApi();
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfigYaml(), { mode: 0o600 });
  return {
    kubeconfig,
    snapshot: () => Promise.resolve({ state: api.snapshot() }),
    // Revisions go back, as they do when etcd's data are put back.
    restore: async ({ state }) => api.restore(state as DevSnapshot, { revision: 'rewind' }),
    close: () => api.close(),
  };
}

export async function openEmbeddedBroker(directory: string): Promise<BrokerProcess> {
  const dataDir = join(directory, 'broker');
  let running: DevBroker | undefined = await startBroker({ dataDir });
  const { port } = running;
  return {
    port,
    async stop() {
      await running?.close();
      running = undefined;
    },
    async start(options = {}) {
      if (running !== undefined) return;
      if (options.empty === true) rmSync(dataDir, { recursive: true, force: true });
      running = await startBroker({ port, dataDir });
    },
  };
}
