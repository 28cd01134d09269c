/** The shipped CRD as the API server applies it to what the operator writes. */
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { Device } from '../../src/api/device.ts';
import { factsOf } from '../../src/api/reasons.ts';
import { compileCrd } from '../../src/dev/kube-api/crd/index.ts';
import type { Crd, Json } from '../../src/dev/kube-api/crd/index.ts';

const path = new URL('../../crds/devices.iot.mir.yaml', import.meta.url);
const version = compileCrd(load(readFileSync(path, 'utf8')) as Crd).versions.get('v1alpha');

/** Why a write through the status subresource that leads from `before` to `after` would be refused, or lose something; empty: it fits. */
export function statusFaults(before: Device, after: Device): string[] {
  if (version === undefined) throw new Error('the CRD has no version v1alpha');
  const { object, unknownFields } = version.admit(onTheWire(after), 'status');
  const faults = version.validate(object, onTheWire(before), 'status');
  return [
    ...unknownFields.map((field) => `${field}: unknown field`),
    ...faults.map(({ field, message }) => `${field}: ${message}`),
    ...strayReasons(after),
  ];
}

/** Conditions with a reason that the table does not give to them. */
function strayReasons({ status }: Device): string[] {
  return (status?.conditions ?? [])
    .filter(({ type, reason }) => {
      const { on, stalls = false } = factsOf(reason);
      if (type === 'Stalled' || type === 'Reconciling') return !on.includes('Ready') || stalls !== (type === 'Stalled');
      return !on.includes(type);
    })
    .map(({ type, reason }) => `condition ${type} may not have the reason ${reason}`);
}

/** Numerals that JSON.parse would change are objects in the operator, and plain numbers to the API server. */
function onTheWire(object: Device): Json {
  return JSON.parse(JSON.stringify(object)) as Json;
}
