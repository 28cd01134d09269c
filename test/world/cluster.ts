/** The API server of a world, and how tests put it into a known state. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { KubeClient } from '../../src/kube/client.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { eventually } from './eventually.ts';
import type { Snapshot } from './world.ts';

/** What a kind of world has to bring. */
export interface Cluster {
  readonly kubeconfig: string;
  /** Of the account that the operator acts as, where the API server knows rights; the administrator's by default. */
  readonly operatorKubeconfig?: string;
  snapshot(): Promise<Snapshot>;
  restore(snapshot: Snapshot): Promise<void>;
  close(): Promise<void>;
}

const CRD_FILES = ['devices.iot.mir.yaml', 'schemas.iot.mir.yaml', 'devicehistories.iot.mir.yaml'].map(
  (name) => new URL(`../../crds/${name}`, import.meta.url),
);
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MIR = '/apis/iot.mir/v1alpha';

interface CustomResourceDefinition {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Applies the project's CRDs and waits until the API server has established them and serves them. */
export async function installCrds(kube: KubeClient): Promise<void> {
  for (const file of CRD_FILES) await installCrd(kube, load(readFileSync(file, 'utf8')) as CustomResourceDefinition);
  await crdsAreServed(kube);
}

async function installCrd(kube: KubeClient, crd: CustomResourceDefinition): Promise<void> {
  const path = `${CRDS}/${crd.metadata.name}`;
  const existing = await kube.get<CustomResourceDefinition>(path).catch(unlessMissing);
  if (existing === undefined) await kube.create(CRDS, crd);
  else await kube.replace(path, { ...crd, metadata: { ...existing.metadata, ...crd.metadata } });
  await eventually(`${crd.metadata.name} is established`, async () => {
    const { status } = await kube.get<CustomResourceDefinition>(path);
    const established = status?.conditions?.find(({ type }) => type === 'Established');
    if (established?.status !== 'True') throw new Error(JSON.stringify(status));
  });
}

/** An API server that has just started, or just learned of a CRD, answers 404 or 429 for a while. */
export async function crdsAreServed(kube: KubeClient): Promise<void> {
  for (const resource of ['devices', 'schemas', 'devicehistories']) {
    await eventually(`${resource} are served`, () => kube.get(`${MIR}/${resource}`, { limit: 1 }));
  }
}

export async function createNamespace(kube: KubeClient): Promise<string> {
  const name = `test-${randomBytes(4).toString('hex')}`;
  await kube.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

/** Leaves nothing that an operator of the next world on the same API server would see. */
export async function removeTraces(kube: KubeClient, namespaces: readonly string[]): Promise<void> {
  for (const namespace of ['default', ...namespaces]) {
    await kube.delete(`${MIR}/namespaces/${namespace}/devices`);
    await kube.delete(`${MIR}/namespaces/${namespace}/devicehistories`);
    await kube.delete(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`);
  }
  await kube.delete(`${MIR}/schemas`);
  // Takes the controller manager seconds; nobody needs to wait for it.
  for (const namespace of namespaces) await kube.delete(`/api/v1/namespaces/${namespace}`).catch(unlessMissing);
}

function unlessMissing(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
