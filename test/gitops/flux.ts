/** Flux as processes on the API server of a GitOps world, and what tests ask of it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findGitOpsTool } from '../real/binaries.ts';
import { assertListening, freePort } from '../real/ports.ts';
import { eventually } from '../world/eventually.ts';
import type { GitOpsWorld } from './gitops-world.ts';

export interface FluxCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface Kustomization {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly lastAppliedRevision?: string;
    readonly lastAttemptedRevision?: string;
    readonly lastHandledReconcileAt?: string;
    readonly conditions?: readonly FluxCondition[];
  };
}

export interface Flux {
  kustomization(name: string): Promise<Kustomization>;
  /** Has Git looked at and the Kustomization applied, as `flux reconcile --with-source` does; resolves when both are done. */
  reconcile(name: string): Promise<Kustomization>;
  /** Has Git looked at, without waiting for what follows. */
  fetch(source: string): Promise<void>;
  /** Resolves when the Kustomization has applied `commit` and found it ready. */
  isReadyAt(name: string, commit: string, timeoutMs?: number): Promise<void>;
}

const SYSTEM = 'flux-system';
const KUSTOMIZATIONS = `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/${SYSTEM}/kustomizations`;
const REPOSITORIES = `/apis/source.toolkit.fluxcd.io/v1/namespaces/${SYSTEM}/gitrepositories`;
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const CONTROLLERS = ['source-controller', 'kustomize-controller', 'helm-controller'] as const;

/** Installs Flux's CRDs and starts its controllers with an administrator's rights, as its own installation gives them. */
export async function startFlux(world: GitOpsWorld): Promise<Flux> {
  const storage = join(world.directory, 'flux-storage');
  mkdirSync(storage);
  const artifacts = `127.0.0.1:${await freePort()}`;
  await world.kubectl(['create', 'namespace', SYSTEM]);
  const tools = [];
  for (const name of CONTROLLERS) tools.push({ name, ...(await findGitOpsTool(name, progress)) });
  for (const { source } of tools) {
    await world.kubectl(['apply', '--server-side', '-f', join(source, 'config/crd/bases')]);
  }
  for (const { name, binary } of tools) {
    const health = await freePort();
    const own =
      name === 'source-controller'
        ? [`--storage-path=${storage}`, `--storage-addr=${artifacts}`, `--storage-adv-addr=${artifacts}`]
        : ['--requeue-dependency=2s'];
    const child = await world.launch(
      name,
      binary,
      [
        ...own,
        `--health-addr=127.0.0.1:${health}`,
        `--metrics-addr=127.0.0.1:${await freePort()}`,
        '--watch-all-namespaces=true',
        '--enable-leader-election=false',
        '--events-addr=',
      ],
      { KUBECONFIG: world.kubeconfig, RUNTIME_NAMESPACE: SYSTEM },
    );
    await eventually(`${name} runs`, () => assertListening(health), { signal: child.gone, timeoutMs: 60_000 });
  }
  return fluxOn(world);
}

function fluxOn({ kube }: GitOpsWorld): Flux {
  const kustomization = (name: string): Promise<Kustomization> => kube.get(`${KUSTOMIZATIONS}/${name}`);
  const ask = async (path: string): Promise<string> => {
    const at = new Date().toISOString();
    const metadata = { annotations: { 'reconcile.fluxcd.io/requestedAt': at } };
    await kube.patch(path, 'application/merge-patch+json', { metadata });
    return at;
  };
  const handled = (path: string, at: string): Promise<Kustomization> =>
    eventually(
      `Flux has looked at ${path}`,
      async () => {
        const object = await kube.get<Kustomization>(path);
        const isDone = object.status?.lastHandledReconcileAt === at;
        if (!isDone) throw new Error(JSON.stringify(object.status?.conditions));
        return object;
      },
      { timeoutMs: 120_000, intervalMs: 100 },
    );
  return {
    kustomization,
    async fetch(source) {
      const path = `${REPOSITORIES}/${source}`;
      await handled(path, await ask(path));
    },
    async reconcile(name) {
      await this.fetch('fleet');
      const path = `${KUSTOMIZATIONS}/${name}`;
      return handled(path, await ask(path));
    },
    async isReadyAt(name, commit, timeoutMs = 120_000) {
      await eventually(
        `Kustomization ${name} is ready at ${commit}`,
        async () => {
          const { status, metadata } = await kustomization(name);
          const ready = conditionOf(status?.conditions, 'Ready');
          const isReady = ready?.status === 'True' && status?.observedGeneration === metadata.generation;
          if (!isReady || status?.lastAppliedRevision?.endsWith(commit) !== true)
            throw new Error(JSON.stringify(status));
        },
        { timeoutMs, intervalMs: 100 },
      );
    },
  };
}

export function conditionOf(conditions: readonly FluxCondition[] | undefined, type: string): FluxCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
