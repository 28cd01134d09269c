import type { Config } from '../config/load.ts';

/** Where the operator runs, as far as that is known. */
export interface Home {
  /** Of the pod. */
  readonly podNamespace: string | undefined;
  /** Of the kubeconfig's context, or of the pod. */
  readonly namespace: string | undefined;
}

/**
 * In a pod, its own: there its rights are, and replicas share it. Elsewhere the watched one comes before that of the context, so that
 * operators of several namespaces lead side by side from one kubeconfig, and two of one namespace do not (decision 0095).
 */
export function leaseNamespaceOf(
  { leaseNamespace, namespace: watched }: Pick<Config, 'leaseNamespace' | 'namespace'>,
  { podNamespace, namespace }: Home,
): string {
  return leaseNamespace ?? podNamespace ?? watched ?? namespace ?? 'default';
}
