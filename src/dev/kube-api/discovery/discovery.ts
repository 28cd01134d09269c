/** What is served, in both forms: one document a group version, and everything at once (apidiscovery.k8s.io/v2). */
import type { Registry } from '../registry/registry.ts';
import { createHash } from 'node:crypto';
import { verbsOf } from '../registry/resource-type.ts';
import type { ResourceType } from '../registry/resource-type.ts';
import { REVIEWS } from './reviews.ts';
import type { Review } from './reviews.ts';

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

const STATUS_VERBS = ['get', 'patch', 'update'];

/** `/api`. */
export function coreVersions(serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `/apis`. */
export function groupList(registry: Registry, behind: readonly GroupVersion[]): object {
  const groups = [
    ...groupNames(registry).map((group) => groupDocument(registry, group)),
    ...behind.map(({ group }) => groupBehind(behind, group)),
  ];
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** `/apis/<group>`; undefined for an unknown group. */
export function groupDocument(registry: Registry, group: string): object | undefined {
  const versions = versionsOf(registry, group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  if (versions.length === 0) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions, preferredVersion: versions[0] };
}

/** `/apis/<group>` of a server behind this one. */
export function groupBehind(behind: readonly GroupVersion[], group: string): object | undefined {
  const versions = behind
    .filter((one) => one.group === group)
    .map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  if (versions.length === 0) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions, preferredVersion: versions[0] };
}

/** `/apis/<group>/<version>` and `/api/v1`; undefined for an unknown one. */
export function resourceList(registry: Registry, { group, version }: GroupVersion): object | undefined {
  if (!allVersions(registry).some((one) => one.group === group && one.version === version)) return undefined;
  const resources = registry.ofGroupVersion(group, version).flatMap((type) => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.isNamespaced,
      kind: type.kind,
      verbs: verbsOf(type),
      ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }),
      ...(type.categories.length === 0 ? {} : { categories: type.categories }),
      storageVersionHash: storageVersionHash(type),
    },
    ...subresources(type).map(({ name, verbs }) => ({
      name: `${type.plural}/${name}`,
      singularName: '',
      namespaced: type.isNamespaced,
      kind: type.kind,
      verbs,
    })),
  ]);
  const reviews = reviewsOf(group, version).map(({ plural, kind }) => ({
    name: plural,
    singularName: kind.toLowerCase(),
    namespaced: false,
    kind,
    verbs: ['create'],
  }));
  const groupVersion = group === '' ? version : `${group}/${version}`;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [...resources, ...reviews] };
}

/** `/api` or `/apis` as an APIGroupDiscoveryList; `root` says which. */
export function aggregated(registry: Registry, root: 'api' | 'apis', behind: readonly unknown[]): object {
  const groups = root === 'api' ? [''] : groupNames(registry);
  const items = groups.map((group) => ({
    metadata: group === '' ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
    versions: versionsOf(registry, group).map((version) => ({
      version,
      resources: [
        ...registry.ofGroupVersion(group, version).map(aggregatedResource),
        ...reviewsOf(group, version).map(aggregatedReview),
      ],
      freshness: 'Current',
    })),
  }));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [...items, ...behind],
  };
}

function aggregatedResource(type: ResourceType): object {
  const { group, version, kind, plural, singular, shortNames, categories } = type;
  const found = subresources(type).map(({ name, verbs }) => ({
    subresource: name,
    responseKind: { group, version, kind },
    verbs,
  }));
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: type.isNamespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: verbsOf(type),
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(found.length === 0 ? {} : { subresources: found }),
  };
}

function aggregatedReview({ group, version, plural, kind }: Review): object {
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: 'Cluster',
    singularResource: kind.toLowerCase(),
    verbs: ['create'],
  };
}

/** Tells clients when objects are stored in another version (apiserver, pkg/endpoints/discovery/storageversionhash.go). */
function storageVersionHash({ group, storageVersion, kind }: ResourceType): string {
  const whole = createHash('sha256').update(`${group}/${storageVersion}/${kind}`).digest();
  return whole.subarray(0, 8).toString('base64');
}

function subresources(type: ResourceType): { name: string; verbs: readonly string[] }[] {
  return [
    ...(type.plural === 'namespaces' && type.group === '' ? [{ name: 'finalize', verbs: ['update'] }] : []),
    ...(type.hasStatus ? [{ name: 'status', verbs: STATUS_VERBS }] : []),
  ];
}

function allVersions(registry: Registry): GroupVersion[] {
  return [...registry.groupVersions(), ...REVIEWS.map(({ group, version }) => ({ group, version }))];
}

function groupNames(registry: Registry): string[] {
  return [...new Set(allVersions(registry).map(({ group }) => group))].filter((group) => group !== '');
}

function versionsOf(registry: Registry, group: string): string[] {
  const versions = allVersions(registry).filter((one) => one.group === group);
  return [...new Set(versions.map(({ version }) => version))].sort(byStability);
}

function reviewsOf(group: string, version: string): Review[] {
  return REVIEWS.filter((review) => review.group === group && review.version === version);
}

/** Kubernetes' order of versions: v2, v1, v1beta1, v1alpha1, then everything else by name. */
function byStability(a: string, b: string): number {
  const rank = (version: string): number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (match === null) return [0, 0, 0];
    const stability = match[2] === undefined ? 3 : match[2] === 'beta' ? 2 : 1;
    return [stability, Number(match[1]), Number(match[3] ?? 0)];
  };
  const [left, right] = [rank(a), rank(b)];
  const index = left.findIndex((value, at) => value !== right[at]);
  return index < 0 ? a.localeCompare(b) : (right[index] ?? 0) - (left[index] ?? 0);
}
