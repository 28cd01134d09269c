/** What tests of an installation start with: a control plane and a mosquitto of their own, kubectl, Helm, and operators as pods. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createTestBroker } from '../world/broker.ts';
import type { TestBroker } from '../world/broker.ts';
import { kubectlFor } from '../world/kubectl.ts';
import type { Kubectl } from '../world/kubectl.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { findControlPlane, findHelm } from './binaries.ts';
import { startControlPlane } from './control-plane.ts';
import { helmFor, succeed } from './helm.ts';
import type { Helm } from './helm.ts';
import { startMosquitto } from './mosquitto.ts';
import { startOperatorPod } from './operator-pod.ts';
import type { OperatorPod } from './operator-pod.ts';
import { scratchDirectory } from './reaper.ts';
import { findMosquitto } from './system-packages.ts';

/** As the README's command has them. */
export const SYSTEM = 'mir-system';
export const RELEASE = 'mir-operator';

export const progress = (line: string): void => void process.stderr.write(`${line}\n`);

export interface InstallWorld {
  /** For what tests write; goes when the world closes. */
  readonly directory: string;
  readonly kubeconfig: string;
  readonly broker: TestBroker;
  readonly kubectl: Kubectl;
  /** kubectl that must succeed; resolves with its standard output. */
  readonly run: (...args: readonly string[]) => Promise<string>;
  /** Client-side apply of one object. */
  readonly apply: (object: object) => Promise<void>;
  /** With a home of its own; Helm 4 by default. */
  readonly helm: (major?: 3 | 4) => Promise<Helm>;
  /** The operator of an installed release; ends with the world. */
  readonly startPod: (pod: InstalledPod) => Promise<OperatorProcess>;
  readonly close: () => Promise<void>;
}

export type InstalledPod = Pick<OperatorPod, 'name'> &
  Partial<Pick<OperatorPod, 'namespace' | 'release' | 'entry' | 'viewFlag'>>;

/** Takes some seconds. A broker that is `shared` is closed by whoever opened it. */
export async function openInstallWorld(name: string, shared?: TestBroker): Promise<InstallWorld> {
  const directory = scratchDirectory(name);
  const broker = shared ?? (await openInstallBroker(join(directory, 'mosquitto')));
  const plane = await startControlPlane(await findControlPlane(progress), join(directory, 'plane'));
  const { kubeconfig } = plane;
  const kubectl = kubectlFor(kubeconfig, join(directory, 'kubectl-cache'));
  const operators: OperatorProcess[] = [];
  return {
    directory,
    kubeconfig,
    broker,
    kubectl,
    run: (...args) => succeed(kubectl(args)),
    apply: async (object) => void (await succeed(kubectl(['apply', '-f', '-'], JSON.stringify(object)))),
    helm: async (major = 4) => helmFor(await findHelm(progress, major), kubeconfig, join(directory, `helm-${major}`)),
    async startPod(pod) {
      const operator = await startOperatorPod({
        kubectl: (args) => succeed(kubectl(args)),
        kubeconfig,
        mqttUrl: broker.url,
        namespace: SYSTEM,
        release: RELEASE,
        directory,
        ...pod,
      });
      operators.push(operator);
      return operator;
    },
    async close() {
      await Promise.all(operators.map((operator) => operator.kill()));
      if (shared === undefined) await broker.close();
      await plane.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A mosquitto with its files in `directory`, which must not be there yet. */
export async function openInstallBroker(directory: string): Promise<TestBroker> {
  mkdirSync(directory);
  return createTestBroker(await startMosquitto(await findMosquitto(progress), directory));
}
