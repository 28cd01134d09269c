/** Puts a world together from a cluster and a broker; the same for every kind. */
import { join } from 'node:path';
import { rmSync } from 'node:fs';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { loadKubeconfig } from '../../src/kubeconfig/kubeconfig.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { startApiProxy } from './api-proxy.ts';
import { createTestBroker } from './broker.ts';
import type { BrokerProcess } from './broker.ts';
import { createNamespace, crdsAreServed, installCrds, removeTraces } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { kubectlFor } from './kubectl.ts';
import { startOperator } from './operator-process.ts';
import type { OperatorProcess } from './operator-process.ts';
import type { World, WorldKind } from './world.ts';

/** Opens cluster and broker, each with a directory of the world's own, and wires the rest to them. */
export async function assembleWorld(
  kind: WorldKind,
  openCluster: (directory: string) => Promise<Cluster>,
  openBroker: (directory: string) => Promise<BrokerProcess>,
): Promise<World> {
  const directory = scratchDirectory(kind);
  const [cluster, brokerProcess] = await Promise.all([openCluster(directory), openBroker(directory)]);
  const kube = createKubeClient(await loadKubeconfig({ kubeconfig: cluster.kubeconfig }), { userAgent: 'mir-test' });
  await installCrds(kube);
  const api = await startApiProxy(
    cluster.operatorKubeconfig ?? cluster.kubeconfig,
    join(directory, 'proxy.kubeconfig'),
  );
  const broker = await createTestBroker(brokerProcess);
  const kubectl = kubectlFor(cluster.kubeconfig, join(directory, 'kubectl-cache'));
  const operators: OperatorProcess[] = [];
  const namespaces: string[] = [];
  return {
    kind,
    kubeconfig: cluster.kubeconfig,
    kube,
    api,
    broker,
    kubectl: (...args) => kubectl(args),
    kubectlWithInput: (stdin, ...args) => kubectl(args, stdin),
    async startOperator(options = {}) {
      const kubeconfig = options.isDirect === true ? cluster.kubeconfig : api.kubeconfig;
      const operator = await startOperator(kubeconfig, broker.url, options);
      operators.push(operator);
      return operator;
    },
    async namespace() {
      const name = await createNamespace(kube);
      namespaces.push(name);
      return name;
    },
    snapshot: () => cluster.snapshot(),
    async restore(snapshot) {
      await cluster.restore(snapshot);
      await crdsAreServed(kube);
    },
    async close() {
      // Killed, not stopped: what a test has left in whatever state must not hold it up.
      await Promise.all(operators.map((operator) => operator.kill()));
      await api.close();
      await broker.close();
      await removeTraces(kube, namespaces);
      await kube.close();
      await cluster.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
