/** The operator as its pod would run it: what its Deployment names and the service account's token, nothing else. */
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
  /** Name of the Deployment. */
  readonly release: string;
  /** Where its files go. */
  readonly directory: string;
  /** Of the pod: its name in the Lease, and of its files. */
  readonly name: string;
  /** The program of another version; default: this one's. */
  readonly entry?: string;
  /** Where it serves the Mir view, if it does; a port of its own by default. */
  readonly viewFlag?: string;
}

interface PodSpec {
  readonly serviceAccountName: string;
  readonly containers: readonly { readonly name: string; readonly env?: readonly EnvVar[] }[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

/** Rejects while the release is not installed. */
export async function startOperatorPod(pod: OperatorPod): Promise<OperatorProcess> {
  const { kubectl, mqttUrl, namespace, release, directory, name } = pod;
  const get = async (...what: readonly string[]): Promise<unknown> =>
    JSON.parse(await kubectl(['get', ...what, '-n', namespace, '-o', 'json']));
  const deployment = (await get('deployment', release)) as { spec: { template: { spec: PodSpec } } };
  const { serviceAccountName, containers, volumes } = deployment.spec.template.spec;
  const configMap = volumes.find((volume) => volume.name === 'config')?.configMap?.name ?? '';
  const { data } = (await get('configmap', configMap)) as { data: Record<string, string> };
  const config = data['config.yaml'] ?? '';
  const token = await kubectl(['create', 'token', serviceAccountName, '-n', namespace, '--duration=2h']);
  const { url, caPem } = readKubeconfig(pod.kubeconfig);
  // The service account's folder, as far as a process can have one: token, authority, namespace.
  const access = { url, caPem, credentials: { token: token.trim() }, namespace };
  const kubeconfig = writeKubeconfig(join(directory, `${name}.kubeconfig`), access);
  const file = join(directory, `${name}.yaml`);
  writeFileSync(file, config);
  // In a pod its host name is the identity. Pods have the same port, processes of one machine have not.
  const view = /^viewAddress:/m.test(config) ? [pod.viewFlag ?? '--view-address=127.0.0.1:0'] : [];
  const flags = [`--config=${file}`, `--identity=${name}`, ...view];
  const variables = containers.find((container) => container.name === 'operator')?.env ?? [];
  const env = Object.fromEntries(variables.map((one) => [one.name, valueOf(one, { namespace, name })]));
  return startOperator(kubeconfig, mqttUrl, { flags, env, ...(pod.entry === undefined ? {} : { entry: pod.entry }) });
}

/** As a kubelet fills it in. */
function valueOf({ name, value = '', valueFrom }: EnvVar, metadata: Readonly<Record<string, string>>): string {
  if (valueFrom === undefined) return value;
  const [, field = ''] = /^metadata\.(\w+)$/.exec(valueFrom.fieldRef?.fieldPath ?? '') ?? [];
  const found = metadata[field];
  if (found === undefined) throw new Error(`${name} is from what this pod does not have`);
  return found;
}
