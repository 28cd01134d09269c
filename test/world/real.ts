/** The real world's parts: a control plane, given by the runner or of its own, and a mosquitto. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findControlPlane } from '../real/binaries.ts';
import { startControlPlane } from '../real/control-plane.ts';
import { makeOperatorAccount } from '../real/operator-account.ts';
import { findMosquitto } from '../real/system-packages.ts';
import { startMosquitto } from '../real/mosquitto.ts';
import type { BrokerProcess } from './broker.ts';
import type { Cluster } from './cluster.ts';

/** Set by the runner: kubeconfigs of running control planes, one for each jest worker, as a JSON list. */
export const SHARED_CONTROL_PLANES = 'MIR_CONTROL_PLANES';

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

export async function openRealCluster(directory: string, isDedicated: boolean): Promise<Cluster> {
  const cluster = (isDedicated ? undefined : borrowSharedControlPlane()) ?? (await openOwnCluster(directory));
  const operatorKubeconfig = await makeOperatorAccount(cluster.kubeconfig, join(directory, 'operator.kubeconfig'));
  return { ...cluster, operatorKubeconfig };
}

export async function openRealBroker(directory: string): Promise<BrokerProcess> {
  const own = join(directory, 'mosquitto');
  mkdirSync(own);
  return startMosquitto(await findMosquitto(progress), own);
}

async function openOwnCluster(directory: string): Promise<Cluster> {
  const plane = await startControlPlane(await findControlPlane(progress), join(directory, 'control-plane'));
  return {
    kubeconfig: plane.kubeconfig,
    snapshot: async () => ({ state: await plane.backup() }),
    restore: ({ state }) => plane.restore(String(state)),
    close: () => plane.close(),
  };
}

/** The control plane of this jest worker, unless another world of this worker has it. Files of one worker run one after the other. */
function borrowSharedControlPlane(): Cluster | undefined {
  const kubeconfigs = JSON.parse(process.env[SHARED_CONTROL_PLANES] ?? '[]') as string[];
  const kubeconfig = kubeconfigs[Number(process.env['JEST_WORKER_ID'] ?? '1') - 1];
  if (kubeconfig === undefined || !takeLock(`${kubeconfig}.lock`)) return undefined;
  const refuse = (): Promise<never> =>
    Promise.reject(new Error('this API server is shared: open the world with { dedicated: true } to restore it'));
  return {
    kubeconfig,
    snapshot: refuse,
    restore: refuse,
    close() {
      rmSync(`${kubeconfig}.lock`);
      return Promise.resolve();
    },
  };
}

/** Left behind by a test file that did not close its world: then later ones get control planes of their own, and no leftovers. */
function takeLock(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
