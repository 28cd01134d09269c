/** The kubeconfigs of worlds: one cluster, one user, everything inline. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dump, load } from 'js-yaml';

export interface Access {
  /** `https://127.0.0.1:port` */
  readonly url: string;
  readonly caPem: string;
  readonly credentials: Credentials;
  /** Of the context. */
  readonly namespace?: string;
}

export type Credentials =
  | { readonly certPem: string; readonly keyPem: string }
  | { readonly token: string }
  | Record<string, never>;

/** Writes a kubeconfig to `path`, readable by its owner only, and returns the path. */
export function writeKubeconfig(path: string, access: Access): string {
  const namespace = access.namespace === undefined ? {} : { namespace: access.namespace };
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'mir',
    contexts: [{ name: 'mir', context: { cluster: 'mir', user: 'mir', ...namespace } }],
    clusters: [{ name: 'mir', cluster: { server: access.url, 'certificate-authority-data': base64(access.caPem) } }],
    users: [{ name: 'mir', user: userEntry(access.credentials) }],
  };
  writeFileSync(path, dump(document), { mode: 0o600 });
  return path;
}

/** Reads back what `writeKubeconfig` or the embedded API wrote: the first cluster and the first user. */
export function readKubeconfig(path: string): Access {
  const document = load(readFileSync(path, 'utf8')) as KubeconfigDocument;
  const cluster = document.clusters[0]?.cluster;
  if (cluster === undefined) throw new Error(`${path} names no cluster`);
  return {
    url: cluster.server,
    caPem: unbase64(cluster['certificate-authority-data'] ?? ''),
    credentials: credentials(document.users?.[0]?.user ?? {}),
  };
}

interface KubeconfigDocument {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data'?: string };
  }[];
  readonly users?: readonly { readonly user: UserEntry }[];
}

interface UserEntry {
  readonly token?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key-data'?: string;
}

function userEntry(given: Credentials): UserEntry {
  if ('certPem' in given && given.certPem !== undefined) {
    return { 'client-certificate-data': base64(given.certPem), 'client-key-data': base64(given.keyPem) };
  }
  return 'token' in given && given.token !== undefined ? { token: given.token } : {};
}

function credentials(user: UserEntry): Credentials {
  const cert = user['client-certificate-data'];
  const key = user['client-key-data'];
  if (cert !== undefined && key !== undefined) return { certPem: unbase64(cert), keyPem: unbase64(key) };
  return user.token === undefined ? {} : { token: user.token };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const unbase64 = (text: string): string => Buffer.from(text, 'base64').toString('utf8');
