/** Argo CD as processes on the API server of a GitOps world, and what tests ask of it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { load } from 'js-yaml';
import { findGitOpsTool, findHelm } from '../real/binaries.ts';
import { assertListening, freePort } from '../real/ports.ts';
import { findRedis } from '../real/system-packages.ts';
import { eventually } from '../world/eventually.ts';
import { ROOT } from './gitops-world.ts';
import type { GitOpsWorld } from './gitops-world.ts';

export interface Application {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly sync?: { readonly status: string; readonly revision?: string };
    readonly health?: { readonly status: string };
    readonly operationState?: { readonly phase: string; readonly message?: string; readonly startedAt: string };
    readonly conditions?: readonly { readonly type: string; readonly message: string }[];
  };
}

export interface Argo {
  application(name: string): Promise<Application>;
  /** Has the Application compared with Git and the cluster; resolves when that is done, a sync may follow. */
  refresh(name: string): Promise<void>;
  /** Has the ApplicationSet look at Git again. */
  refreshSet(name: string): Promise<void>;
  /** Resolves when the Application is synced, to `commit` if given, and healthy. */
  isHealthy(name: string, commit?: string, timeoutMs?: number): Promise<void>;
  /** How often the controller has compared the Application so far. */
  comparisons(name: string): number;
}

const SYSTEM = 'argocd';
const PATH = '/apis/argoproj.io/v1alpha1/namespaces/argocd';
const MERGE = 'application/merge-patch+json';
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** Installs Argo CD's CRDs and settings with ours merged in, and starts its parts with an administrator's rights. */
export async function startArgo(world: GitOpsWorld): Promise<Argo> {
  const { binary, source } = await findGitOpsTool('argo-cd', progress);
  await installSettings(world, source);
  const redis = await startRedis(world);
  const repoServer = `127.0.0.1:${await startRepoServer(world, binary, redis)}`;
  const toRepoServer = ['--repo-server-plaintext', `--kubeconfig=${world.kubeconfig}`, `--namespace=${SYSTEM}`];
  await launch(world, binary, 'argocd-application-controller', '--metrics-port', [
    ...toRepoServer,
    `--repo-server=${repoServer}`,
    `--redis=${redis}`,
    // Only events and what a test asks for lead to a comparison.
    '--app-resync=3600',
    '--app-resync-jitter=0',
  ]);
  await launch(world, binary, 'argocd-applicationset-controller', '--probe-addr', [
    ...toRepoServer,
    `--argocd-repo-server=${repoServer}`,
    `--metrics-addr=127.0.0.1:${await freePort()}`,
    `--webhook-addr=127.0.0.1:${await freePort()}`,
  ]);
  return argoOn(world);
}

async function installSettings({ kubectl }: GitOpsWorld, source: string): Promise<void> {
  await kubectl(['create', 'namespace', SYSTEM]);
  for (const name of ['application', 'applicationset', 'appproject']) {
    await kubectl(['apply', '--server-side', '-f', join(source, `manifests/crds/${name}-crd.yaml`)]);
  }
  for (const name of ['argocd-cm', 'argocd-rbac-cm', 'argocd-secret', 'argocd-cmd-params-cm', 'argocd-gpg-keys-cm']) {
    await kubectl(['apply', '-n', SYSTEM, '-f', join(source, `manifests/base/config/${name}.yaml`)]);
  }
  const secret = { stringData: { 'server.secretkey': 'for-tests-only' } };
  await kubectl(['patch', 'secret', 'argocd-secret', '-n', SYSTEM, '--type=merge', '-p', JSON.stringify(secret)]);
  const snippet = join(ROOT, 'manifests/gitops/argo-cd/argocd-cm.yaml');
  assertKeepsExclusions(join(source, 'manifests/base/config/argocd-cm.yaml'), snippet);
  await kubectl(['patch', 'configmap', 'argocd-cm', '-n', SYSTEM, '--type=merge', '--patch-file', snippet]);
  const everything = [{ group: '*', kind: '*' }];
  const project = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AppProject',
    metadata: { name: 'default', namespace: SYSTEM },
    spec: {
      sourceRepos: ['*'],
      destinations: [{ namespace: '*', server: '*' }],
      clusterResourceWhitelist: everything,
    },
  };
  await kubectl(['wait', '--for=condition=Established', 'crd/appprojects.argoproj.io', '--timeout=60s']);
  await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(project));
}

/** A merge patch replaces the text of exclusions: what Argo CD comes with has to stand in ours. */
function assertKeepsExclusions(theirs: string, ours: string): void {
  const kept = exclusionsIn(ours);
  const lost = exclusionsIn(theirs).filter((one) => !kept.includes(one));
  if (lost.length > 0) throw new Error(`${ours} takes exclusions of Argo CD away: ${lost.join(', ')}`);
}

/** `group/Kind` of each. */
function exclusionsIn(file: string): readonly string[] {
  const { data } = load(readFileSync(file, 'utf8')) as { data: Readonly<Record<string, string>> };
  const exclusions = load(data['resource.exclusions'] ?? '[]') as { apiGroups: string[]; kinds: string[] }[];
  return exclusions.flatMap(({ apiGroups, kinds }) =>
    apiGroups.flatMap((group) => kinds.map((kind) => `${group}/${kind}`)),
  );
}

async function startRedis(world: GitOpsWorld): Promise<string> {
  const port = await freePort();
  const redis = await findRedis(progress);
  const child = await world.launch('redis', redis, [
    `--port`,
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    world.directory,
  ]);
  await eventually('redis listens', () => assertListening(port), { signal: child.gone });
  return `127.0.0.1:${port}`;
}

async function startRepoServer(world: GitOpsWorld, binary: string, redis: string): Promise<number> {
  const port = await freePort();
  await launch(world, binary, 'argocd-repo-server', '--metrics-port', [
    '--disable-tls',
    '--address=127.0.0.1',
    `--port=${port}`,
    '--metrics-address=127.0.0.1',
    `--redis=${redis}`,
    // What a branch points at is asked of Git again after this time, instead of three minutes.
    '--revision-cache-expiration=1s',
  ]);
  return port;
}

/** One binary plays every part, by the name that it is told. `healthFlag` names the option that gets a port to wait for. */
async function launch(
  world: GitOpsWorld,
  binary: string,
  part: string,
  healthFlag: string,
  flags: readonly string[],
): Promise<void> {
  const port = await freePort();
  const temporary = join(world.directory, `${part}-tmp`);
  mkdirSync(temporary);
  const child = await world.launch(
    part,
    binary,
    [...flags, `${healthFlag}=${healthFlag === '--probe-addr' ? '127.0.0.1:' : ''}${port}`],
    {
      // Argo CD renders charts with the helm of its image.
      PATH: [dirname(await findHelm(progress)), process.env['PATH']].join(delimiter),
      HOME: temporary,
      TMPDIR: temporary,
      KUBECONFIG: world.kubeconfig,
      ARGOCD_BINARY_NAME: part,
      ARGOCD_FAKE_IN_CLUSTER: 'true',
      ARGOCD_GPG_ENABLED: 'false',
    },
  );
  await eventually(`${part} runs`, () => assertListening(port), { signal: child.gone, timeoutMs: 60_000 });
}

function argoOn(world: GitOpsWorld): Argo {
  const { kube } = world;
  const application = (name: string): Promise<Application> => kube.get(`${PATH}/applications/${name}`);
  const ask = async (path: string, annotation: string, value: string): Promise<void> => {
    await kube.patch(path, MERGE, { metadata: { annotations: { [annotation]: value } } });
    await eventually(
      `Argo CD has looked at ${path}`,
      async () => {
        const { metadata } = await kube.get<Application>(path);
        if (metadata.annotations?.[annotation] !== undefined) throw new Error('not yet');
      },
      { timeoutMs: 120_000, intervalMs: 100 },
    );
  };
  return {
    application,
    refresh: (name) => ask(`${PATH}/applications/${name}`, 'argocd.argoproj.io/refresh', 'normal'),
    refreshSet: (name) => ask(`${PATH}/applicationsets/${name}`, 'argocd.argoproj.io/application-set-refresh', 'true'),
    async isHealthy(name, commit, timeoutMs = 120_000) {
      await eventually(
        `Application ${name} is synced and healthy at ${commit ?? 'any commit'}`,
        async () => {
          const { status } = await application(name);
          const isThere = status?.sync?.status === 'Synced' && status.health?.status === 'Healthy';
          const isDone = status?.operationState === undefined || status.operationState.phase === 'Succeeded';
          if (!isThere || !isDone || (commit !== undefined && status.sync?.revision !== commit)) {
            throw new Error(JSON.stringify({ ...status, resources: undefined, history: undefined }));
          }
        },
        { timeoutMs, intervalMs: 200 },
      );
    },
    comparisons: (name) =>
      world
        .log('argocd-application-controller')
        .split('\n')
        .filter((line) => line.includes('Refreshing app status') && line.includes(`"application":"${name}"`)).length,
  };
}
