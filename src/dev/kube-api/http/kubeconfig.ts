import { dump } from 'js-yaml';

export interface KubeconfigOptions {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
}

/** A kubeconfig with everything inline: one cluster, one user, one context. */
export function kubeconfigYaml({ url, caPem, token }: KubeconfigOptions): string {
  const name = 'mir-embedded';
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } }],
    users: [{ name, user: { token } }],
  });
}
