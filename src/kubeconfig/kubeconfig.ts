import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Cluster, Context } from '@kubernetes/client-node/dist/config_types.js';
import { readKubeconfigs } from './files.ts';
import type { Kubeconfig, KubeconfigUser } from './files.ts';
import { loginOf } from './login.ts';
import type { Login } from './login.ts';
import { fileText, pemOf, tokenFile } from './material.ts';

/** How to reach and be known to one API server. */
export interface ClusterConfig extends Login {
  /** `https://host:port`, without a final slash. */
  readonly server: string;
  readonly ca: Buffer | undefined;
  readonly serverName: string | undefined;
  readonly insecureSkipVerify: boolean;
  /** Namespace of the context, or of the pod. */
  readonly namespace: string | undefined;
  /** The namespace that this process runs in as a pod: POD_NAMESPACE, else what in-cluster credentials say. */
  readonly podNamespace: string | undefined;
}

export interface KubeconfigOptions {
  /** Paths, separated as in $PATH; none: in-cluster credentials, else ~/.kube/config. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The folder that holds `.kube`. */
  readonly home?: string;
  /** The folder where a pod finds `token`, `ca.crt` and `namespace`. */
  readonly serviceAccount?: string;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Throws an Error that names the file and the remedy. */
export async function loadKubeconfig(options: KubeconfigOptions = {}): Promise<ClusterConfig> {
  const { env = process.env, serviceAccount = SERVICE_ACCOUNT, now = Date.now } = options;
  const named = (options.kubeconfig ?? '').split(delimiter).filter((path) => path !== '');
  const host = env['KUBERNETES_SERVICE_HOST'];
  const podNamespace = env['POD_NAMESPACE'] || undefined;
  if (named.length === 0 && host !== undefined && existsSync(join(serviceAccount, 'token'))) {
    const config = inCluster(host, env['KUBERNETES_SERVICE_PORT'] ?? '443', serviceAccount, now);
    return { ...config, podNamespace: podNamespace ?? config.namespace };
  }
  const paths = pathsOf(options);
  const where = `kubeconfig ${paths.join(delimiter)}`;
  const { context, cluster, user } = select(readKubeconfigs(paths), where, options.context);
  return {
    // A scheme in capitals is the same one, but not to every reader of URLs.
    server: cluster.server.replace(/^https?:/i, (scheme) => scheme.toLowerCase()).replace(/\/+$/, ''),
    ca: pemOf(`certificate-authority of cluster ${cluster.name}`, cluster.caData, cluster.caFile),
    serverName: cluster.tlsServerName,
    insecureSkipVerify: cluster.skipTLSVerify,
    namespace: context.namespace,
    podNamespace,
    ...(await loginOf(user, cluster, now)),
  };
}

/** Of the files that `kubeconfig` names, else of ~/.kube/config. Throws an Error that names the file and the remedy. */
export function contextNames(options: Pick<KubeconfigOptions, 'kubeconfig' | 'home'> = {}): string[] {
  return readKubeconfigs(pathsOf(options)).contexts.map(({ name }) => name);
}

function pathsOf({ kubeconfig = '', home = homedir() }: Pick<KubeconfigOptions, 'kubeconfig' | 'home'>): string[] {
  const named = kubeconfig.split(delimiter).filter((path) => path !== '');
  return named.length > 0 ? named : [join(home, '.kube', 'config')];
}

function inCluster(host: string, port: string, folder: string, now: () => number): Omit<ClusterConfig, 'podNamespace'> {
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: pemOf("the pod's service account CA", undefined, join(folder, 'ca.crt')),
    cert: undefined,
    key: undefined,
    serverName: undefined,
    insecureSkipVerify: false,
    token: tokenFile("the pod's service account token", join(folder, 'token'), now),
    namespace: existsSync(join(folder, 'namespace'))
      ? fileText("the pod's namespace", join(folder, 'namespace')).trim()
      : undefined,
  };
}

interface Chosen {
  readonly context: Context;
  readonly cluster: Cluster;
  readonly user: KubeconfigUser;
}

/** `where` names the files in errors. */
function select({ clusters, users, contexts, currentContext }: Kubeconfig, where: string, wanted?: string): Chosen {
  const name = wanted ?? currentContext;
  if (name === undefined) throw new Error(`${where} has no current-context; choose one with --context`);
  const context = contexts.find((one) => one.name === name);
  if (context === undefined) {
    throw new Error(`${where} has no context ${name} that names a cluster; choose another with --context`);
  }
  const cluster = clusters.find((one) => one.name === context.cluster);
  if (cluster === undefined) {
    throw new Error(
      `context ${name} names cluster ${context.cluster}, which ${where} lacks or gives no server; correct one of them`,
    );
  }
  checkReachable(cluster, where);
  const user = users.find((one) => one.name === context.user);
  // A context without a user is anonymous; one whose user is missing is a mistake.
  if (user === undefined && context.user) {
    throw new Error(`context ${name} names user ${context.user}, which ${where} lacks; correct one of them`);
  }
  return { context, cluster, user: user ?? { name: '' } };
}

function checkReachable({ name, server, proxyUrl }: Cluster, where: string): void {
  if (!/^https?:\/\//i.test(server) || !URL.canParse(server)) {
    throw new Error(`server ${server} of cluster ${name} is no URL; write https://host:port in ${where}`);
  }
  if (proxyUrl) {
    throw new Error(`cluster ${name} wants proxy-url, which is not supported; give a cluster reached directly`);
  }
}
