/** The shipped CRD as the API server applies it to what the operator writes. */
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { Device } from '../../src/api/device.ts';
import type { DeviceHistory } from '../../src/api/history.ts';
import { factsOf } from '../../src/api/reasons.ts';
import { compileCrd } from '../../src/dev/kube-api/crd/index.ts';
import type { Crd, Json } from '../../src/dev/kube-api/crd/index.ts';

const versionOf = (name: string) => {
  const path = new URL(`../../crds/${name}.iot.mir.yaml`, import.meta.url);
  return compileCrd(load(readFileSync(path, 'utf8')) as Crd).versions.get('v1alpha');
};
const version = versionOf('devices');
const historyVersion = versionOf('devicehistories');

/** Why a history would be refused, or lose something; empty: it fits. */
export function historyFaults(history: DeviceHistory): string[] {
  if (historyVersion === undefined) throw new Error('the CRD has no version v1alpha');
  const { object, unknownFields } = historyVersion.admit(onTheWire(history), 'whole');
  return [
    ...unknownFields.map((field) => `${field}: unknown field`),
    ...historyVersion.validate(object).map(({ field, message }) => `${field}: ${message}`),
  ];
}

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
function onTheWire(object: Device | DeviceHistory): Json {
  return JSON.parse(JSON.stringify(object)) as Json;
}
