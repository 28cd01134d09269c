/** What the chart grants for the view is a closed list: whatever is added must be added here too. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { loadAll } from 'js-yaml';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly object[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
}

const INSTALL = join(import.meta.dirname, '../../manifests/install.yaml');
const NAME = 'mir-operator-mir-view';

it('is granted what it needs, and nothing else', () => {
  const manifests = (loadAll(readFileSync(INSTALL, 'utf8')) as (Manifest | null)[]).filter((one) => one !== null);
  const own = manifests.filter(({ metadata }) => metadata.name.startsWith(NAME));
  const roles = own
    .filter(({ kind }) => kind.endsWith('Role'))
    .map(({ kind, metadata: { name, namespace }, rules }) => ({ kind, name, namespace, rules }));
  expect(roles).toEqual([
    {
      kind: 'ClusterRole',
      name: NAME,
      namespace: undefined,
      rules: [
        {
          apiGroups: ['iot.mir'],
          resources: ['devices'],
          verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
        },
        {
          apiGroups: ['apiregistration.k8s.io'],
          resources: ['apiservices'],
          resourceNames: ['v1alpha.mir'],
          verbs: ['list', 'watch', 'patch'],
        },
        { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
      ],
    },
    {
      kind: 'Role',
      name: NAME,
      namespace: 'mir-system',
      rules: [
        { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
        {
          apiGroups: [''],
          resources: ['secrets'],
          resourceNames: [`${NAME}-tls`],
          verbs: ['list', 'watch', 'update'],
        },
      ],
    },
  ]);
  const bindings = own
    .filter(({ kind }) => kind.endsWith('RoleBinding'))
    .map(({ kind, metadata: { namespace }, roleRef }) => [kind, namespace, roleRef?.kind, roleRef?.name]);
  expect(bindings).toEqual([
    ['ClusterRoleBinding', undefined, 'ClusterRole', NAME],
    ['RoleBinding', 'mir-system', 'Role', NAME],
    ['RoleBinding', 'kube-system', 'Role', 'extension-apiserver-authentication-reader'],
  ]);
});
