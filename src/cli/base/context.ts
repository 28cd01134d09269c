import { createKubeClient } from '../../kube/http-client.ts';
import { loadKubeconfig } from '../../kubeconfig/kubeconfig.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { TextReader } from '../../kube/http-client.ts';
import { CliError } from './exit.ts';
import { ViewClient } from './view-client.ts';
import { messageOf } from '../../base/message-of.ts';

/** Where a command reads and writes; tests have their own. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** The whole of standard input. */
  stdin(): Promise<string>;
  /** A person answers; undefined: there is none to ask. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly hasColor: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Epoch milliseconds. */
  now(): number;
  /** Aborts with Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The flags that every command which talks to a cluster has, named as kubectl names them. */
export interface ClusterFlags {
  readonly namespace?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
}

export interface Cluster {
  readonly client: KubeClient & TextReader;
  /** Of `-n`, else of the kubeconfig's context, else `default`. */
  readonly namespace: string;
}

/** The name under which this tool's changes stand in `managedFields`. */
export const FIELD_MANAGER = 'mir-cli';

/** Runs `work` with a client for the cluster that flags and kubeconfig name. */
export async function withCluster<T>(io: Io, flags: ClusterFlags, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const config = await loadKubeconfig({
    kubeconfig: flags.kubeconfig ?? io.env['KUBECONFIG'],
    context: flags.context,
  }).catch((error: unknown) => {
    throw new CliError(messageOf(error));
  });
  const client = new ViewClient(createKubeClient(config, { connections: 32, userAgent: 'kubectl-mir' }));
  try {
    return await work({ client, namespace: flags.namespace ?? config.namespace ?? 'default' });
  } finally {
    await client.close();
  }
}
