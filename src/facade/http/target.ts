import { API_VERSION } from '../../api/device.ts';
import { MIR_API_VERSION } from '../../mir-shape/mir-shape.ts';

/** What a request below `/apis/mir/v1alpha` is about. */
export interface Target {
  readonly namespace: string | undefined;
  /** Undefined: the collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** Where the CRD's API has it. */
  readonly storedPath: string;
}

const PREFIX = `/apis/${MIR_API_VERSION}/`;

/** Undefined for what is no device. Steps stay encoded as they came: what is not decoded cannot mean another path. */
export function parseTarget(path: string): Target | undefined {
  if (!path.startsWith(PREFIX)) return undefined;
  const steps = path.slice(PREFIX.length).replace(/\/$/, '').split('/');
  const namespace = steps[0] === 'namespaces' ? steps[1] : undefined;
  const [resource, name, subresource, ...more] = namespace === undefined ? steps : steps.slice(2);
  if (resource !== 'devices' || more.length > 0 || [namespace, name, subresource].some(isOdd)) return undefined;
  if (namespace === undefined && name !== undefined) return undefined;
  // The status is read with the object, which asks for no other right.
  const stored = subresource === undefined ? steps : steps.slice(0, -1);
  return { namespace, name, subresource, storedPath: `/apis/${API_VERSION}/${stored.join('/')}` };
}

/** No step is empty, or stands for another folder. */
function isOdd(step: string | undefined): boolean {
  return step !== undefined && (step === '' || /^(\.|%2e){1,2}$/i.test(step) || /%2f/i.test(step));
}
