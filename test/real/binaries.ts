/** The servers of the real world: found in $KUBEBUILDER_ASSETS, in the cache, or built from Go modules once. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface ControlPlaneBinaries {
  readonly kubeApiserver: string;
  readonly etcd: string;
  /** Absent when $KUBEBUILDER_ASSETS holds none: then namespaces never finish terminating and nothing is garbage collected. */
  readonly kubeControllerManager?: string;
}

export type Progress = (line: string) => void;

const KUBERNETES = pinned('controlplane', 'k8s.io/kubernetes');
const ETCD = pinned('etcd', 'go.etcd.io/etcd/server/v3');
const HELM = pinned('helm', 'helm.sh/helm/v4');
const HELM_3 = pinned('helm3', 'helm.sh/helm/v3');
const NATS = pinned('nats', 'github.com/nats-io/nats-server/v2');
const MOCHI = pinned('mochi', 'github.com/mochi-mqtt/server/v2');
const SOURCE_CONTROLLER = 'github.com/fluxcd/source-controller';
const KUSTOMIZE_CONTROLLER = 'github.com/fluxcd/kustomize-controller';
const HELM_CONTROLLER = 'github.com/fluxcd/helm-controller';
const ARGO_CD = 'github.com/argoproj/argo-cd/v3';
/** One folder for what must fit together, so that a new version of either is never mixed with an old one. */
const CONTROL_PLANE = `control-plane-${KUBERNETES}-etcd-${ETCD}`;

const BUILT = {
  'kube-apiserver': {
    module: 'controlplane',
    package: 'k8s.io/kubernetes/cmd/kube-apiserver',
    about: '4–5 min',
    version: KUBERNETES,
    folder: CONTROL_PLANE,
  },
  'kube-controller-manager': {
    module: 'controlplane',
    package: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    about: '1–2 min',
    version: KUBERNETES,
    folder: CONTROL_PLANE,
  },
  etcd: {
    module: 'etcd',
    package: 'go.etcd.io/etcd/server/v3',
    about: 'half a minute',
    version: ETCD,
    folder: CONTROL_PLANE,
  },
  helm: {
    module: 'helm',
    package: 'helm.sh/helm/v4/cmd/helm',
    about: '2 min',
    version: HELM,
    folder: `helm-${HELM}`,
  },
  helm3: {
    module: 'helm3',
    package: 'helm.sh/helm/v3/cmd/helm',
    about: 'half a minute after Helm 4, with which it shares most packages',
    version: HELM_3,
    folder: `helm-${HELM_3}`,
  },
  'nats-server': {
    module: 'nats',
    package: 'github.com/nats-io/nats-server/v2',
    about: 'a minute',
    version: NATS,
    folder: `nats-${NATS}`,
  },
  mochi: {
    module: 'mochi',
    package: 'github.com/mochi-mqtt/server/v2/cmd/docker',
    about: 'a minute',
    version: MOCHI,
    folder: `mochi-${MOCHI}`,
  },
  'source-controller': {
    module: 'source-controller',
    package: SOURCE_CONTROLLER,
    about: '3 min',
    version: pinned('source-controller', SOURCE_CONTROLLER),
    folder: `source-controller-${pinned('source-controller', SOURCE_CONTROLLER)}`,
  },
  'kustomize-controller': {
    module: 'kustomize-controller',
    package: KUSTOMIZE_CONTROLLER,
    about: '3 min',
    version: pinned('kustomize-controller', KUSTOMIZE_CONTROLLER),
    folder: `kustomize-controller-${pinned('kustomize-controller', KUSTOMIZE_CONTROLLER)}`,
  },
  'helm-controller': {
    module: 'helm-controller',
    package: HELM_CONTROLLER,
    about: '3 min',
    version: pinned('helm-controller', HELM_CONTROLLER),
    folder: `helm-controller-${pinned('helm-controller', HELM_CONTROLLER)}`,
  },
  'argo-cd': {
    module: 'argo-cd',
    package: `${ARGO_CD}/cmd`,
    about: '4 min',
    version: pinned('argo-cd', ARGO_CD),
    folder: `argo-cd-${pinned('argo-cd', ARGO_CD)}`,
  },
} as const;

type BinaryName = keyof typeof BUILT;

/** Paths of runnable binaries; builds what is missing and says so on `progress`. Rejects with the remedy when Go is missing. */
export async function findControlPlane(progress: Progress): Promise<ControlPlaneBinaries> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '') return fromAssets(assets);
  return {
    etcd: await fromCache('etcd', progress),
    kubeApiserver: await fromCache('kube-apiserver', progress),
    kubeControllerManager: await fromCache('kube-controller-manager', progress),
  };
}

/** Path of Helm, 4 by default; builds it when it is missing. */
export function findHelm(progress: Progress, major: 3 | 4 = 4): Promise<string> {
  return fromCache(major === 4 ? 'helm' : 'helm3', progress);
}

/** Path of a broker that is built from a Go module; builds it when it is missing. */
export function findBroker(name: 'nats-server' | 'mochi', progress: Progress): Promise<string> {
  return fromCache(name, progress);
}

/** A folder of the cache for what is fetched and not built. */
export function cacheFolder(name: string): string {
  const base = process.env['XDG_CACHE_HOME'] ?? '';
  return join(base === '' ? join(homedir(), '.cache') : base, 'mir-operator', name);
}

/** A GitOps tool: its program, and the manifests of the same version, which hold its CRDs. */
export interface GitOpsTool {
  readonly binary: string;
  readonly source: string;
}

const GITOPS_TOOLS = {
  'source-controller': SOURCE_CONTROLLER,
  'kustomize-controller': KUSTOMIZE_CONTROLLER,
  'helm-controller': HELM_CONTROLLER,
  'argo-cd': ARGO_CD,
} as const;

/** Builds the tool when it is missing; needs Go also afterwards, to find the manifests among the modules. */
export async function findGitOpsTool(name: keyof typeof GITOPS_TOOLS, progress: Progress): Promise<GitOpsTool> {
  const binary = await fromCache(name, progress);
  await requireGo(name);
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', GITOPS_TOOLS[name]], {
    cwd: join(import.meta.dirname, name),
    env: { ...process.env, GOWORK: 'off' },
  });
  return { binary, source: (JSON.parse(stdout) as { Dir: string }).Dir };
}

function fromAssets(directory: string): ControlPlaneBinaries {
  const found = (name: BinaryName): string | undefined => {
    const path = join(directory, name);
    return isExecutable(path) ? path : undefined;
  };
  const kubeApiserver = found('kube-apiserver');
  const etcd = found('etcd');
  const kubeControllerManager = found('kube-controller-manager');
  if (kubeApiserver === undefined || etcd === undefined) {
    throw new Error(
      `KUBEBUILDER_ASSETS=${directory} does not hold both kube-apiserver and etcd; ` +
        `point it at a directory that does (setup-envtest makes one), or unset it to have them built`,
    );
  }
  return { kubeApiserver, etcd, ...(kubeControllerManager === undefined ? {} : { kubeControllerManager }) };
}

async function fromCache(name: BinaryName, progress: Progress): Promise<string> {
  const path = join(cacheDirectory(name), name);
  if (!isExecutable(path)) await build(name, path, progress);
  return path;
}

function cacheDirectory(name: BinaryName): string {
  return cacheFolder(`${BUILT[name].folder}-${process.platform}-${process.arch}`);
}

async function build(name: BinaryName, path: string, progress: Progress): Promise<void> {
  await requireGo(name);
  const { module, package: source, about, version } = BUILT[name];
  const started = Date.now();
  progress(`building ${name} (${version}, ${about}; kept in ${cacheDirectory(name)})`);
  mkdirSync(cacheDirectory(name), { recursive: true });
  // Beside its final place, so that the rename is atomic and a build that was interrupted is never taken for done.
  const unfinished = `${path}.building-${process.pid}`;
  try {
    await goBuild(join(import.meta.dirname, module), source, unfinished);
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
  progress(`built ${name} in ${Math.round((Date.now() - started) / 1000)} s`);
}

async function goBuild(moduleDirectory: string, source: string, output: string): Promise<void> {
  const go = spawn('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags', linkerFlags(), '-o', output, source], {
    cwd: moduleDirectory,
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=readonly' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = (await once(go, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`go build ${source} failed (exit code ${String(code)}); its output is above`);
}

/** Stripped, and with the versions that a release would report: kubectl, the API server's own gates and the charts of Helm 3 read them. */
function linkerFlags(): string {
  const [major, minor] = KUBERNETES.slice(1).split('.');
  const version = 'k8s.io/component-base/version';
  return [
    '-s -w',
    `-X ${version}.gitVersion=${KUBERNETES}`,
    `-X ${version}.gitMajor=${major}`,
    `-X ${version}.gitMinor=${minor}`,
    ...['pkg/chartutil', 'pkg/lint/rules'].flatMap((folder) => [
      `-X helm.sh/helm/v3/${folder}.k8sVersionMajor=${major}`,
      `-X helm.sh/helm/v3/${folder}.k8sVersionMinor=${minor}`,
    ]),
  ].join(' ');
}

async function requireGo(name: BinaryName): Promise<void> {
  try {
    await promisify(execFile)('go', ['version']);
  } catch (cause) {
    throw new Error(
      `${name} is neither in KUBEBUILDER_ASSETS nor in ${cacheDirectory(name)}, and building it needs Go 1.26 or newer, ` +
        `which is not on PATH: install Go (https://go.dev/dl), or set KUBEBUILDER_ASSETS to a directory that holds ` +
        `kube-apiserver, etcd and kube-controller-manager`,
      { cause },
    );
  }
}

/** The version that a module of ours pins, from its go.mod: the only place where it is written. */
function pinned(module: string, dependency: string): string {
  const text = readFileSync(join(import.meta.dirname, module, 'go.mod'), 'utf8');
  const version = text
    .split(/\s+/)
    .find((word, index, words) => words[index - 1] === dependency && word.startsWith('v'));
  if (version === undefined) throw new Error(`test/real/${module}/go.mod does not require ${dependency}`);
  return version;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
