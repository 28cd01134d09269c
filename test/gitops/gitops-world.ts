/** A fresh real control plane with nothing of ours on it, a broker, and a Git server: what a GitOps tool finds at a new site. */
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { loadKubeconfig } from '../../src/kubeconfig/kubeconfig.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { devicesPath } from '../../src/api/device.ts';
import type { Device } from '../../src/api/device.ts';
import { findControlPlane } from '../real/binaries.ts';
import { startControlPlane } from '../real/control-plane.ts';
import { startMosquitto } from '../real/mosquitto.ts';
import { startOperatorPod } from '../real/operator-pod.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { startSubprocess } from '../real/subprocess.ts';
import type { Subprocess } from '../real/subprocess.ts';
import { findMosquitto } from '../real/system-packages.ts';
import { createTestBroker } from '../world/broker.ts';
import type { TestBroker } from '../world/broker.ts';
import { eventually } from '../world/eventually.ts';
import { kubectlFor } from '../world/kubectl.ts';
import { routeView, viewFlag } from '../world/view-service.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { startGitServer } from './git-server.ts';
import type { GitServer, Repository } from './git-server.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
const EXAMPLES = join(ROOT, 'manifests/gitops');
const NAMESPACE = 'mir-system';
const RELEASE = 'mir-operator';

export interface GitOpsWorld {
  readonly directory: string;
  readonly kubeconfig: string;
  readonly kube: KubeClient;
  readonly broker: TestBroker;
  readonly git: GitServer;
  /** The repository of the examples' fleet; `mir-operator.git` beside it holds the chart and the CRDs. */
  readonly fleet: Repository;
  /** Runs kubectl and resolves with what it printed; rejects when it fails. */
  readonly kubectl: (args: readonly string[], stdin?: string) => Promise<string>;
  /** Text of the examples' files in a folder of manifests/gitops, with this world's Git server in them. */
  example(folder: string): string;
  /** The same of one file. */
  exampleFile(path: string): string;
  device(namespace: string, name: string): Promise<Device>;
  devices(namespace: string): Promise<readonly Device[]>;
  /** Starts a program that ends with the world; its output goes to `<name>.log`. */
  launch(name: string, command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Subprocess>;
  log(name: string): string;
  /**
   * Does what a kubelet would, which is not there: runs the operator with the ConfigMap and the service account of the chart, and says
   * of the Deployment's pods that they are ready.
   */
  playKubelet(): Promise<OperatorProcess>;
  close(): Promise<void>;
}

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** `apiServerFlags`: further flags of kube-apiserver. */
export async function openGitOpsWorld(apiServerFlags: readonly string[] = []): Promise<GitOpsWorld> {
  const directory = scratchDirectory('gitops');
  const path = (name: string): string => join(directory, name);
  mkdirSync(path('mosquitto'));
  const plane = await startControlPlane(await findControlPlane(progress), path('plane'), apiServerFlags);
  const { kubeconfig } = plane;
  const broker = await createTestBroker(await startMosquitto(await findMosquitto(progress), path('mosquitto')));
  const kube = createKubeClient(await loadKubeconfig({ kubeconfig }), { userAgent: 'mir-test' });
  const git = await startGitServer(path('git'));
  const run = kubectlFor(kubeconfig, path('kubectl-cache'));
  const processes: Subprocess[] = [];
  const operators: OperatorProcess[] = [];
  await publishProject(git);

  const kubectl = async (args: readonly string[], stdin?: string): Promise<string> => {
    const { code, stdout, stderr } = await run(args, stdin);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  return {
    directory,
    kubeconfig,
    kube,
    broker,
    git,
    fleet: await publishFleet(git),
    kubectl,
    example: (folder) => readExample(folder, git.url),
    exampleFile: (path) => withGit(readFileSync(join(EXAMPLES, path), 'utf8'), git.url),
    device: (namespace, name) => kube.get<Device>(`${devicesPath(namespace)}/${name}`),
    async devices(namespace) {
      const { items } = await kube.get<{ items: readonly Device[] }>(devicesPath(namespace));
      return items;
    },
    async launch(name, command, args, env = {}) {
      const logFile = path(`${name}.log`);
      const child = await startSubprocess(command, args, { logFile, env: { ...process.env, ...env } });
      processes.push(child);
      return child;
    },
    log: (name) => readFileSync(path(`${name}.log`), 'utf8'),
    async playKubelet() {
      const operator = await runAsPod(kubectl, kubeconfig, broker, directory);
      operators.push(operator);
      await routeView({ kube }, operator);
      await declareReady(kube);
      return operator;
    },
    async close() {
      await Promise.all([...operators, ...processes].map((child) => child.kill()));
      await git.close();
      await broker.close();
      await kube.close();
      await plane.close();
      if (process.env['MIR_KEEP_LOGS'] === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function publishProject(git: GitServer): Promise<void> {
  const project = await git.repository('mir-operator');
  await project.commit((work) => {
    for (const folder of ['crds', 'helm']) cpSync(join(ROOT, folder), join(work, folder), { recursive: true });
  });
}

async function publishFleet(git: GitServer): Promise<Repository> {
  const fleet = await git.repository('fleet');
  await fleet.commit((work) => {
    cpSync(join(EXAMPLES, 'fleet'), work, { recursive: true });
    const applications = join(work, 'argo-cd/applications.yaml');
    writeFileSync(applications, withGit(readFileSync(applications, 'utf8'), git.url));
  });
  return fleet;
}

function readExample(folder: string, gitUrl: string): string {
  const directory = join(EXAMPLES, folder);
  const names = readdirSync(directory).filter((name) => name.endsWith('.yaml'));
  const texts = names.map((name) => readFileSync(join(directory, name), 'utf8'));
  return withGit(texts.join('\n---\n'), gitUrl);
}

function withGit(text: string, url: string): string {
  return text.replaceAll('https://git.example', url);
}

type RunKubectl = (args: readonly string[]) => Promise<string>;

/** Waits until the chart is installed. */
async function runAsPod(
  kubectl: RunKubectl,
  kubeconfig: string,
  broker: TestBroker,
  directory: string,
): Promise<OperatorProcess> {
  await eventually(
    'the chart is installed',
    () => kubectl(['get', 'configmap', RELEASE, '-n', NAMESPACE, '-o', 'name']),
    { timeoutMs: 120_000, intervalMs: 200 },
  );
  const pod = { namespace: NAMESPACE, release: RELEASE, directory, name: 'operator', viewFlag: viewFlag() };
  return startOperatorPod({ ...pod, kubectl, kubeconfig, mqttUrl: broker.url });
}

interface Pods {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

/** Nothing schedules these pods; the Deployment counts as available by what their status says. */
async function declareReady(kube: KubeClient): Promise<void> {
  const pods = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const now = new Date().toISOString();
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }] };
  await eventually('the Deployment is available', async () => {
    const { items } = await kube.get<Pods>(pods);
    for (const { metadata } of items) {
      await kube.patch(`${pods}/${metadata.name}/status`, 'application/merge-patch+json', { status });
    }
    const deployment = await kube.get<{ status?: { availableReplicas?: number } }>(
      `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${RELEASE}`,
    );
    if (deployment.status?.availableReplicas !== 2) throw new Error(JSON.stringify(deployment.status));
  });
}
