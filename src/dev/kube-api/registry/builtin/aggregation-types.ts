/** What leads requests to other API servers: APIService, Service, EndpointSlice. */
import { AGE, anything, builtInType, list, map, object, text } from './built-in-type.ts';

export const apiServiceType = builtInType({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  categories: ['api-extensions'],
  isNamespaced: false,
  description: 'APIService represents a server for a particular GroupVersion.',
  properties: {
    spec: anything('group, version, priorities, service, and caBundle: whom its certificate is signed by.'),
    status: anything('Whether it is available.'),
  },
  columns: [
    {
      name: 'Available',
      type: 'string',
      description: 'Whether it answers.',
      jsonPath: '.status.conditions[?(@.type=="Available")].status',
    },
    AGE,
  ],
});

export const serviceType = builtInType({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  isNamespaced: true,
  description: 'Service is a named abstraction of servers; here, only API servers are reached by it.',
  properties: { spec: anything('ports, selector') },
});

export const endpointSliceType = builtInType({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  isNamespaced: true,
  description: 'EndpointSlice represents some of the endpoints of a Service.',
  properties: {
    addressType: text('IPv4, IPv6 or FQDN.'),
    endpoints: list(
      'The endpoints.',
      object('One endpoint.', {
        addresses: list('Its addresses.', { type: 'string' }),
        conditions: anything('ready, serving, terminating'),
        hostname: text('Its host name.'),
        nodeName: text('Its node.'),
        zone: text('Its zone.'),
        targetRef: anything('The pod.'),
        deprecatedTopology: map('Not set any more.'),
      }),
    ),
    ports: list('The ports of every endpoint.', anything('name, port, protocol')),
  },
});
