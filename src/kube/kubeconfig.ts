import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
// The parsers alone: the package's index and its KubeConfig cost 85 MB of memory and most of a second.
import { newClusters, newContexts, newUsers } from '@kubernetes/client-node/dist/config_types.js';
import type { Cluster, Context, User } from '@kubernetes/client-node/dist/config_types.js';
import { load } from 'js-yaml';

/** How to reach and be known to one API server. */
export interface ClusterConfig {
  /** `https://host:port`, without a final slash. */
  readonly server: string;
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly serverName: string | undefined;
  readonly insecureSkipVerify: boolean;
  /** Asked for every request: files and plugins rotate their tokens. */
  token(): Promise<string | undefined>;
  /** Namespace of the context, or of the pod. */
  readonly namespace: string | undefined;
}

export interface KubeconfigOptions {
  /** Paths, separated as in $PATH; undefined: in-cluster credentials, else ~/.kube/config. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Throws an Error that names the file and the remedy. */
export async function loadKubeconfig(options: KubeconfigOptions = {}): Promise<ClusterConfig> {
  const now = options.now ?? Date.now;
  const isInCluster = process.env['KUBERNETES_SERVICE_HOST'] !== undefined && existsSync(`${SERVICE_ACCOUNT}/token`);
  if (options.kubeconfig === undefined && isInCluster) return inCluster(now);
  const files = (options.kubeconfig ?? join(homedir(), '.kube', 'config'))
    .split(delimiter)
    .filter((path) => path !== '');
  const merged = mergeFiles(files);
  const { cluster, user, context } = select(merged, files, options.context);
  const usesPlugin = user.exec !== undefined || user.authProvider !== undefined;
  const login = usesPlugin ? await pluginLogin(files, context.name) : plainLogin(user, now);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    ca: material(cluster.caData, cluster.caFile),
    serverName: cluster.tlsServerName,
    insecureSkipVerify: cluster.skipTLSVerify,
    namespace: context.namespace,
    ...login,
  };
}

type Login = Pick<ClusterConfig, 'cert' | 'key' | 'token'>;

function inCluster(now: () => number): ClusterConfig {
  const [host, port] = [process.env['KUBERNETES_SERVICE_HOST'] ?? '', process.env['KUBERNETES_SERVICE_PORT'] ?? '443'];
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readFileSync(`${SERVICE_ACCOUNT}/ca.crt`),
    cert: undefined,
    key: undefined,
    serverName: undefined,
    insecureSkipVerify: false,
    token: tokenFile(`${SERVICE_ACCOUNT}/token`, now),
    namespace: readFileSync(`${SERVICE_ACCOUNT}/namespace`, 'utf8').trim(),
  };
}

interface Merged {
  readonly clusters: readonly Cluster[];
  readonly users: readonly (User & { readonly tokenFile?: string })[];
  readonly contexts: readonly Context[];
  readonly current: string | undefined;
}

/** As kubectl merges: the first file to name a thing wins. */
function mergeFiles(files: readonly string[]): Merged {
  const parsed = files.filter((path, index) => index === 0 || existsSync(path)).map(readFile);
  return {
    clusters: parsed.flatMap(({ clusters }) => clusters),
    users: parsed.flatMap(({ users }) => users),
    contexts: parsed.flatMap(({ contexts }) => contexts),
    current: parsed.find(({ current }) => current !== undefined)?.current,
  };
}

interface RawUser {
  readonly name?: string;
  readonly user?: { readonly tokenFile?: string };
}

function readFile(path: string): Merged {
  try {
    const raw = load(readFileSync(path, 'utf8'), { filename: path }) as Record<string, unknown> | null;
    const inFolder = (file: string | undefined): string | undefined =>
      file ? resolve(dirname(path), file) : undefined;
    const tokenFiles = new Map(
      ((raw?.['users'] ?? []) as readonly RawUser[]).map((entry) => [entry.name, entry.user?.tokenFile]),
    );
    const current = raw?.['current-context'];
    return {
      clusters: newClusters(raw?.['clusters'] ?? []).map((cluster) =>
        withFile(cluster, 'caFile', inFolder(cluster.caFile)),
      ),
      users: newUsers(raw?.['users'] ?? []).map((user) => {
        const certified = withFile(
          withFile(user, 'certFile', inFolder(user.certFile)),
          'keyFile',
          inFolder(user.keyFile),
        );
        return withFile(certified, 'tokenFile', inFolder(tokenFiles.get(user.name)));
      }),
      contexts: newContexts(raw?.['contexts'] ?? []),
      current: typeof current === 'string' && current !== '' ? current : undefined,
    };
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new Error(`kubeconfig ${path} cannot be read: ${why}; give a readable one with --kubeconfig`, {
      cause: error,
    });
  }
}

function withFile<T extends object, K extends string>(
  entry: T,
  key: K,
  path: string | undefined,
): T & { [P in K]?: string } {
  return path === undefined ? entry : { ...entry, [key]: path };
}

function select({ clusters, users, contexts, current }: Merged, files: readonly string[], wanted: string | undefined) {
  const where = files.join(delimiter);
  const name = wanted ?? current;
  if (name === undefined) throw new Error(`kubeconfig ${where} has no current-context; choose one with --context`);
  const context = contexts.find((one) => one.name === name);
  if (context === undefined)
    throw new Error(`kubeconfig ${where} has no context ${name}; choose another with --context`);
  const cluster = clusters.find((one) => one.name === context.cluster);
  if (cluster === undefined)
    throw new Error(`context ${name} names cluster ${context.cluster}, which kubeconfig ${where} lacks`);
  const user = users.find((one) => one.name === context.user) ?? { name: '' };
  return { context, cluster, user };
}

function plainLogin(user: User & { readonly tokenFile?: string }, now: () => number): Login {
  return {
    cert: material(user.certData, user.certFile),
    key: material(user.keyData, user.keyFile),
    token: user.tokenFile === undefined ? () => Promise.resolve(user.token) : tokenFile(user.tokenFile, now),
  };
}

function material(data: string | undefined, file: string | undefined): Buffer | undefined {
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64');
  return file === undefined ? undefined : readFileSync(file);
}

/** Kubelet replaces a projected token well before it expires; a minute is as often as client-go looks. */
const TOKEN_FILE_TTL_MS = 60_000;

function tokenFile(path: string, now: () => number): () => Promise<string> {
  let token = '';
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() - readAt >= TOKEN_FILE_TTL_MS) {
      token = readFileSync(path, 'utf8').trim();
      readAt = now();
    }
    return Promise.resolve(token);
  };
}

/** Exec plugins and cloud providers are what the client library is for; it is loaded only for them. */
async function pluginLogin(files: readonly string[], context: string): Promise<Login> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  for (const [index, file] of files.entries()) {
    if (index === 0) config.loadFromFile(file);
    else if (existsSync(file)) {
      const next = new KubeConfig();
      next.loadFromFile(file);
      config.mergeConfig(next, true);
    }
  }
  config.setCurrentContext(context);
  const login = async (): Promise<{ cert?: unknown; key?: unknown; headers?: Record<string, string> }> => {
    const options: Parameters<typeof config.applyToHTTPSOptions>[0] = {};
    await config.applyToHTTPSOptions(options);
    return options as { cert?: unknown; key?: unknown; headers?: Record<string, string> };
  };
  const first = await login();
  return {
    cert: asBuffer(first.cert),
    key: asBuffer(first.key),
    token: async () => (await login()).headers?.['Authorization']?.replace(/^Bearer /, ''),
  };
}

function asBuffer(value: unknown): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  return typeof value === 'string' ? Buffer.from(value) : undefined;
}
