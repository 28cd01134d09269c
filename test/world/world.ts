/**
 * A world to run the operator in: an API server with the CRD, a broker, and proxies in front of both that break on command.
 * One suite runs in either: `embedded` (in this process, ready in a fraction of a second) or `real` (kube-apiserver, etcd,
 * kube-controller-manager, mosquitto).
 */
import type { KubeClient } from '../../src/kube/client.ts';
import type { ApiProxy } from './api-proxy.ts';
import type { CommandResult } from './kubectl.ts';
import type { TestBroker } from './broker.ts';
import type { OperatorOptions, OperatorProcess } from './operator-process.ts';

export interface World {
  readonly kind: WorldKind;
  /** Path of an administrator's kubeconfig, straight to the API server. */
  readonly kubeconfig: string;
  /** A client of that administrator, straight to the API server. */
  readonly kube: KubeClient;
  /** The proxy that the operator connects through. */
  readonly api: ApiProxy;
  readonly broker: TestBroker;
  /** Runs the real kubectl, straight to the API server; resolves whatever its exit code. */
  kubectl(...args: string[]): Promise<CommandResult>;
  /** The same with standard input, for `-f -`. */
  kubectlWithInput(stdin: string, ...args: string[]): Promise<CommandResult>;
  /** Starts the operator as a process of its own and waits until it is ready; ends it when the world closes. */
  startOperator(options?: OperatorOptions): Promise<OperatorProcess>;
  /** Makes a fresh namespace and resolves with its name. */
  namespace(): Promise<string>;
  /** Copies the cluster's whole state. Needs `dedicated`. */
  snapshot(): Promise<Snapshot>;
  /** Puts the cluster back to a snapshot, as a restored etcd does: clients are cut off and history is gone. Needs `dedicated`. */
  restore(snapshot: Snapshot): Promise<void>;
  close(): Promise<void>;
}

export type WorldKind = 'embedded' | 'real';

/** Opaque; belongs to the world that made it. */
export interface Snapshot {
  readonly state: unknown;
}

export interface WorldOptions {
  /** By default what MIR_WORLD says, else embedded. */
  readonly kind?: WorldKind;
  /** An API server that nobody else uses, which can be restored. */
  readonly dedicated?: boolean;
}

/** Opens a world; whoever opens it closes it. Takes a fraction of a second embedded; 1 s (shared) or 4 s (dedicated) real. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const kind = options.kind ?? kindFromEnvironment();
  const { assembleWorld } = await import('./assemble.ts');
  if (kind === 'real') {
    const { openRealCluster, openRealBroker } = await import('./real.ts');
    return assembleWorld(kind, (directory) => openRealCluster(directory, options.dedicated === true), openRealBroker);
  }
  const { openEmbeddedCluster, openEmbeddedBroker } = await import('./embedded.ts');
  return assembleWorld(kind, openEmbeddedCluster, openEmbeddedBroker);
}

function kindFromEnvironment(): WorldKind {
  const kind = process.env['MIR_WORLD'] ?? 'embedded';
  if (kind !== 'embedded' && kind !== 'real') throw new Error(`MIR_WORLD=${kind}: use embedded or real`);
  return kind;
}
