import type { FieldError } from '../../crd/index.ts';
import { valueAt } from '../../kube-object.ts';
import type { KubeObject } from '../../kube-object.ts';
import { AGE, builtInType, integer, object, text, time } from './built-in-type.ts';

export const leaseType = builtInType({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  isNamespaced: true,
  description: 'Lease defines a lease concept.',
  properties: {
    spec: object('The specification of the Lease.', {
      holderIdentity: text('The identity of the holder of the lease.'),
      leaseDurationSeconds: integer('How long candidates wait after renewTime before they take the lease.'),
      acquireTime: time('When the lease was acquired.'),
      renewTime: time('When the holder last renewed the lease.'),
      leaseTransitions: integer('How often the lease has changed hands.'),
      preferredHolder: text('Whom the holder should hand the lease to.'),
      strategy: text('How the holder is chosen in coordinated leader election.'),
    }),
  },
  columns: [
    { name: 'Holder', type: 'string', description: 'The holder of the lease', jsonPath: '.spec.holderIdentity' },
    AGE,
  ],
  hooks: { validate: checkNumbers },
});

function checkNumbers(lease: KubeObject): FieldError[] {
  const check = (field: string, isWell: (value: number) => boolean, rule: string): FieldError[] => {
    const value = valueAt(lease, field);
    if (typeof value !== 'number' || isWell(value)) return [];
    return [{ type: 'FieldValueInvalid', field, message: `Invalid value: ${value}: ${rule}` }];
  };
  return [
    ...check('spec.leaseDurationSeconds', (value) => value > 0, 'must be greater than 0'),
    ...check('spec.leaseTransitions', (value) => value >= 0, 'must be greater than or equal to 0'),
  ];
}
