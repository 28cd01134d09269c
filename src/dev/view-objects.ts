/** The Mir view in a cluster without the chart: what the chart makes for it, and what a cluster finds out of pods by itself. */

export const VIEW = { namespace: 'mir-system', name: 'mir-operator-mir-view' } as const;
export const API_SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';

/** What the chart would have made for the Mir view. */
export const VIEW_OBJECTS: readonly (readonly [path: string, object: object])[] = [
  ['/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: VIEW.namespace } }],
  [
    `/api/v1/namespaces/${VIEW.namespace}/services`,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: VIEW.name },
      spec: { ports: [{ name: 'view', port: 443, protocol: 'TCP' }] },
    },
  ],
  [
    API_SERVICES,
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1alpha.mir' },
      spec: {
        group: 'mir',
        version: 'v1alpha',
        groupPriorityMinimum: 900,
        versionPriority: 90,
        service: { ...VIEW, port: 443 },
      },
    },
  ],
];

export const VIEW_SLICES = `/apis/discovery.k8s.io/v1/namespaces/${VIEW.namespace}/endpointslices`;

/** Leads the view's Service to where it listens. */
export function viewSlice(name: string, host: string, port: number): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': VIEW.name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [host], conditions: { ready: true } }],
    ports: [{ name: 'view', port, protocol: 'TCP' }],
  };
}
