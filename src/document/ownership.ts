import type { Owner } from '../protocol/envelopes.ts';

/** Whose documents this operator may write and withdraw. */
export interface OwnershipScope {
  /** Names this cluster in documents. */
  readonly cluster: string;
  /** The watched namespace; undefined: all. Documents of other namespaces belong to another installation. */
  readonly namespace: string | undefined;
  /** Cluster ids whose documents may be replaced; `*` for all. Never withdrawn: taking over needs an object here. */
  readonly takeOver: readonly string[];
}

/** True when `owner` is an object that this operator serves, or served. */
export function isOurs(owner: Owner, scope: OwnershipScope): boolean {
  return owner.cluster === scope.cluster && (scope.namespace === undefined || owner.namespace === scope.namespace);
}

/** True when the document of `owner` may be replaced by one of an object here. */
export function mayReplace(owner: Owner, scope: OwnershipScope): boolean {
  return isOurs(owner, scope) || scope.takeOver.includes('*') || scope.takeOver.includes(owner.cluster);
}
