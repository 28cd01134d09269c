/**
 * The service account of the chart: what the operator under test acts as. It has the chart's verbs on the chart's resources and names, but in all
 * namespaces, and on Leases of any name, until `grantChartRights` gives it the chart's roles as they are.
 */
import { createReadStream, readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { request } from '../world/http.ts';
import { readKubeconfig, writeKubeconfig } from '../world/kubeconfig.ts';

const NAMESPACE = 'mir-system';
const ACCOUNT = 'mir-operator';
const USER = `system:serviceaccount:${NAMESPACE}:${ACCOUNT}`;
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const INSTALL = join(import.meta.dirname, '../../manifests/install.yaml');

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
}

const installed = (): Manifest[] =>
  (loadAll(readFileSync(INSTALL, 'utf8')) as (Manifest | null)[]).filter((one) => one !== null);

/** The chart's roles of the operator itself; those for people are not its own. */
function operatorRules(): Rule[] {
  const names = [ACCOUNT, `${ACCOUNT}-lease`, `${ACCOUNT}-mir-view`];
  const own = installed().filter(({ metadata }) => names.includes(metadata.name));
  // In the chart some of these are Roles of its namespace; tests put Leases and provisioned devices into namespaces of their own.
  const provisioning = { apiGroups: ['iot.mir'], resources: ['devices'], verbs: ['create'] };
  return [...own.flatMap((one) => one.rules ?? []), provisioning];
}

const FRONT_PROXY_READER = {
  apiGroup: 'rbac.authorization.k8s.io',
  kind: 'Role',
  name: 'extension-apiserver-authentication-reader',
};

/** Makes the account on the API server of `kubeconfig` and writes a kubeconfig that acts as it; resolves with its path. */
export async function makeOperatorAccount(kubeconfig: string, path: string): Promise<string> {
  const metadata = { name: ACCOUNT };
  const subjects = [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ACCOUNT };
  const accounts = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`;
  const objects: readonly (readonly [collection: string, body: object])[] = [
    ['/api/v1/namespaces', { metadata: { name: NAMESPACE } }],
    [accounts, { metadata }],
    [`${RBAC}/clusterroles`, { metadata, rules: operatorRules().map(inTests) }],
    [`${RBAC}/clusterrolebindings`, { metadata, roleRef, subjects }],
    // The chart makes this one too.
    [`${RBAC}/namespaces/kube-system/rolebindings`, { metadata, roleRef: FRONT_PROXY_READER, subjects }],
  ];
  for (const [collection, body] of objects) {
    const { status, text } = await request(kubeconfig, 'POST', collection, { body });
    if (status !== 201 && status !== 409) throw new Error(`POST ${collection}: ${status} ${text}`);
  }
  return writeOperatorKubeconfig(kubeconfig, path);
}

/** Takes what `makeOperatorAccount` grants back to the chart's roles, each in its namespace and for its names. */
export async function grantChartRights(kubeconfig: string): Promise<void> {
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  for (const body of installed().filter(({ kind }) => /^(Cluster)?Role(Binding)?$/.test(kind))) {
    const { name, namespace } = body.metadata;
    const folder = namespace === undefined ? RBAC : `${RBAC}/namespaces/${namespace}`;
    const path = `${folder}/${body.kind.toLowerCase()}s/${name}?fieldManager=helm&force=true`;
    const { status, text } = await request(kubeconfig, 'PATCH', path, { body, headers });
    if (status !== 200 && status !== 201) throw new Error(`PATCH ${path}: ${status} ${text}`);
  }
}

/** Writes a kubeconfig with a token of the account, one of its own each time; resolves with its path. */
export async function writeOperatorKubeconfig(kubeconfig: string, path: string): Promise<string> {
  const accounts = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`;
  const spec = { expirationSeconds: 86_400 };
  const answer = await request(kubeconfig, 'POST', `${accounts}/${ACCOUNT}/token`, { body: { spec } });
  const { token } = (answer.json as { status: { token: string } }).status;
  const { url, caPem } = readKubeconfig(kubeconfig);
  return writeKubeconfig(path, { url, caPem, credentials: { token } });
}

/** Leases have other names in tests. */
function inTests({ apiGroups, resources, verbs, resourceNames }: Rule): Rule {
  const isNamed = resourceNames !== undefined && !resources.includes('leases');
  return { apiGroups, resources, verbs, ...(isNamed && { resourceNames }) };
}

/** An audit policy that records what the operator asked for, and nothing else. */
export const AUDIT_POLICY = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [{ level: 'Metadata', users: [USER] }, { level: 'None' }],
});

/** Environment variable: the folder in which control planes leave their audit logs. */
export const AUDIT_FOLDER = 'MIR_AUDIT_FOLDER';

export interface RightsComparison {
  /** `verb resource.group` that the chart grants and nobody asked for. */
  readonly unused: readonly string[];
  /** What was asked for and only ever refused with 403. */
  readonly refused: readonly string[];
  readonly used: readonly string[];
}

/** Compares what the chart grants with what the audit logs in `folder` say was asked for. */
export async function compareRights(folder: string): Promise<RightsComparison> {
  const used = new Set<string>();
  const refused = new Set<string>();
  for (const name of readdirSync(folder)) {
    for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
      const { verb, objectRef, responseStatus } = JSON.parse(line) as AuditEvent;
      if (objectRef?.resource === undefined) continue;
      const right = nameOf(
        verb,
        objectRef.apiGroup ?? '',
        [objectRef.resource, objectRef.subresource].filter(Boolean).join('/'),
      );
      (responseStatus?.code === 403 ? refused : used).add(right);
    }
  }
  const granted = operatorRules().flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => nameOf(verb, group, resource)))),
  );
  // An API server that has just started may refuse for a moment what it then grants.
  const neverGranted = [...refused].filter((right) => !used.has(right));
  return { used: [...used].sort(), refused: neverGranted.sort(), unused: granted.filter((right) => !used.has(right)) };
}

interface AuditEvent {
  readonly verb: string;
  readonly objectRef?: { readonly apiGroup?: string; readonly resource?: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code?: number };
}

function nameOf(verb: string, group: string, resource: string): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
}
