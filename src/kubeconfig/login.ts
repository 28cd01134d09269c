import type { Cluster } from '@kubernetes/client-node/dist/config_types.js';
import type { KubeconfigUser } from './files.ts';
import { pemOf, tokenFile } from './material.ts';

/** Who one is to an API server. */
export interface Login {
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  /**
   * Asked for every request: files and plugins rotate their tokens. The one that the API server just `refused` is not given again when
   * there is a newer one. Rejects with an Error that names the remedy.
   */
  token(refused?: string): Promise<string | undefined>;
}

/** Throws or rejects with an Error that names the user and the remedy. */
export async function loginOf(user: KubeconfigUser, cluster: Cluster, now: () => number): Promise<Login> {
  checkSupported(user);
  if (user.exec) return execPluginLogin(user, cluster, now);
  if (user.authProvider) return oidcLogin(user);
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
function checkSupported({ name, username, impersonateUser, authProvider }: KubeconfigUser): void {
  const provider: unknown = authProvider?.name;
  const unsupported = username
    ? 'username and password'
    : impersonateUser
      ? 'impersonation (as)'
      : authProvider && provider !== 'oidc'
        ? `auth-provider ${String(provider)}`
        : undefined;
  if (unsupported === undefined) return;
  throw new Error(`user ${name} has ${unsupported}, which is not supported; use a token, certificate or exec plugin`);
}

/** Certificates of a plugin are those it gave at first: connections are made with them for as long as the process runs. */
async function execPluginLogin(user: KubeconfigUser, cluster: Cluster, now: () => number): Promise<Login> {
  // Loaded only for those who need it, like the rest of what starts processes.
  const { execLogin } = await import('./exec.ts');
  const credential = execLogin(user.name, user.exec, cluster, now);
  const { certPem, keyPem } = await credential();
  return { cert: pem(certPem), key: pem(keyPem), token: async (refused) => (await credential(refused)).token };
}

/** The one login that kubectl still has inside is what the client library is for; it is loaded only for that. */
async function oidcLogin(user: KubeconfigUser): Promise<Login> {
  const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js');
  const token = async (): Promise<string> => {
    const headers: Record<string, string> = {};
    // Made anew, because an old one takes the lifetime of a refreshed token for its end; what was refreshed stays in `user`.
    await new OpenIDConnectAuth().applyAuthentication(user, { headers });
    const current = headers['Authorization']?.replace(/^Bearer /, '');
    if (!current)
      throw new Error(`the id-token of user ${user.name} has expired; log in again, or give a refresh-token`);
    return current;
  };
  await token();
  return { cert: undefined, key: undefined, token };
}

function pem(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text);
}
