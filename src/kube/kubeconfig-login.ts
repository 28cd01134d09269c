import type { Cluster } from '@kubernetes/client-node/dist/config_types.js';
import type { KubeconfigUser } from './kubeconfig-files.ts';
import { pemOf, tokenFile } from './kubeconfig-material.ts';

/** Who one is to an API server. */
export interface Login {
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  /** Asked for every request: files and plugins rotate their tokens. Rejects with an Error that names the remedy. */
  token(): Promise<string | undefined>;
}

/** Throws or rejects with an Error that names the user and the remedy. */
export async function loginOf(user: KubeconfigUser, cluster: Cluster, now: () => number): Promise<Login> {
  checkSupported(user);
  if (user.exec || user.authProvider) return pluginLogin(user, cluster);
  const cert = pemOf(`client-certificate of user ${user.name}`, user.certData, user.certFile);
  const key = pemOf(`client-key of user ${user.name}`, user.keyData, user.keyFile);
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error(`user ${user.name} has one of client-certificate and client-key; give both or neither`);
  }
  return {
    cert,
    key,
    token: user.tokenFile
      ? tokenFile(`tokenFile of user ${user.name}`, user.tokenFile, now)
      : () => Promise.resolve(user.token),
  };
}

/** What would be left out in silence makes a client another user than its owner thinks. */
function checkSupported({ name, username, impersonateUser }: KubeconfigUser): void {
  const unsupported = username ? 'username and password' : impersonateUser ? 'impersonation (as)' : undefined;
  if (unsupported === undefined) return;
  throw new Error(`user ${name} has ${unsupported}, which is not supported; use a token, certificate or exec plugin`);
}

/** Exec plugins and cloud providers are what the client library is for; it is loaded only for them. */
async function pluginLogin(user: KubeconfigUser, cluster: Cluster): Promise<Login> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromClusterAndUser(cluster, user);
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
