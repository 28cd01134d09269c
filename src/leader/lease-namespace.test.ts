import { expect, it } from '@jest/globals';
import { leaseNamespaceOf } from './lease-namespace.ts';

it.each([
  ['the one that is named', { leaseNamespace: 'named', namespace: 'watched' }, 'pod', 'context', 'named'],
  ["the pod's own, also where it watches another one", { namespace: 'watched' }, 'pod', 'pod', 'pod'],
  ['outside a pod the watched one', { namespace: 'watched' }, undefined, 'context', 'watched'],
  ['else that of the context', {}, undefined, 'context', 'context'],
  ['else default', {}, undefined, undefined, 'default'],
])('the Lease is in %s', (_where, config, podNamespace, namespace, expected) => {
  const options = { leaseNamespace: undefined, namespace: undefined, ...config };
  expect(leaseNamespaceOf(options, { podNamespace, namespace })).toBe(expected);
});
