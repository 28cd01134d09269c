/** What the view serves, in both forms: one document a group version, and everything at once (apidiscovery.k8s.io). */
import { MIR_API_VERSION, MIR_GROUP } from './mir-shape.ts';
import { mirDefinition } from './definition.ts';

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
/** The operator alone writes it, and not here. */
const STATUS_VERBS = ['get'];

const VERSION = MIR_API_VERSION.slice(MIR_GROUP.length + 1);
const { plural, singular = '', kind } = mirDefinition().spec.names;

const GROUP = {
  name: MIR_GROUP,
  versions: [{ groupVersion: MIR_API_VERSION, version: VERSION }],
  preferredVersion: { groupVersion: MIR_API_VERSION, version: VERSION },
};

/** `/apis` */
export const groupList = { kind: 'APIGroupList', apiVersion: 'v1', groups: [GROUP] };

/** `/apis/mir` */
export const group = { kind: 'APIGroup', apiVersion: 'v1', ...GROUP };

/** `/apis/mir/v1alpha` */
export const resourceList = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: MIR_API_VERSION,
  resources: [
    { name: plural, singularName: singular, namespaced: true, kind, verbs: VERBS },
    { name: `${plural}/status`, singularName: '', namespaced: true, kind, verbs: STATUS_VERBS },
  ],
};

const responseKind = { group: MIR_GROUP, version: VERSION, kind };

/** `/apis` for those who ask for everything at once; `version` is that of the form, v2 or v2beta1. */
export function aggregated(version: string): object {
  const resource = {
    resource: plural,
    responseKind,
    scope: 'Namespaced',
    singularResource: singular,
    verbs: VERBS,
    subresources: [{ subresource: 'status', responseKind, verbs: STATUS_VERBS }],
  };
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: [
      {
        metadata: { name: MIR_GROUP, creationTimestamp: null },
        versions: [{ version: VERSION, resources: [resource], freshness: 'Current' }],
      },
    ],
  };
}
