/** The operator as its pod would run it: the ConfigMap's configuration, the service account's token, nothing else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKubeconfig, writeKubeconfig } from '../world/kubeconfig.ts';
import { startOperator } from '../world/operator-process.ts';
import type { OperatorProcess } from '../world/operator-process.ts';

export interface OperatorPod {
  /** Resolves with standard output; rejects when the command fails. */
  readonly kubectl: (args: readonly string[]) => Promise<string>;
  /** The administrator's, for the API server's address. */
  readonly kubeconfig: string;
  readonly mqttUrl: string;
  readonly namespace: string;
  /** Name of the release's service account, and of its ConfigMap unless `configMap` says another. */
  readonly release: string;
  readonly configMap?: string;
  /** Where its files go. */
  readonly directory: string;
  /** Of the pod: its name in the Lease, and of its files. */
  readonly name: string;
  /** The program of another version; default: this one's. */
  readonly entry?: string;
  /** Where it serves the Mir view, if it does; a port of its own by default. */
  readonly viewFlag?: string;
}

/** Rejects while the release is not installed. */
export async function startOperatorPod(pod: OperatorPod): Promise<OperatorProcess> {
  const { kubectl, mqttUrl, namespace, release, directory, name } = pod;
  const jsonpath = String.raw`jsonpath={.data.config\.yaml}`;
  const config = await kubectl(['get', 'configmap', pod.configMap ?? release, '-n', namespace, '-o', jsonpath]);
  const token = await kubectl(['create', 'token', release, '-n', namespace, '--duration=2h']);
  const { url, caPem } = readKubeconfig(pod.kubeconfig);
  const credentials = { token: token.trim() };
  const kubeconfig = writeKubeconfig(join(directory, `${name}.kubeconfig`), { url, caPem, credentials });
  const file = join(directory, `${name}.yaml`);
  writeFileSync(file, config);
  // In a pod its namespace is the Lease's, and its host name the identity.
  // Pods have the same port, processes of one machine have not.
  const view = /^viewAddress:/m.test(config) ? [pod.viewFlag ?? '--view-address=127.0.0.1:0'] : [];
  const flags = [`--config=${file}`, `--lease-namespace=${namespace}`, `--identity=${name}`, ...view];
  return startOperator(kubeconfig, mqttUrl, { flags, ...(pod.entry === undefined ? {} : { entry: pod.entry }) });
}
