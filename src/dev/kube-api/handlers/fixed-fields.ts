import type { FieldError, Json } from '../crd/index.ts';
import { invalid } from '../errors.ts';
import { textAt } from '../kube-object.ts';
import type { KubeObject } from '../kube-object.ts';
import type { Call } from './call.ts';

/** What a patch of a custom resource cannot change; of a PUT with the same faults an API server says other things. */
export function checkFixed({ type, name = '' }: Call, old: KubeObject, result: Json): void {
  if (!type.isCustom) return;
  const refuse = (field: string, value: string, why: string, times = 1) => {
    const fault: FieldError = {
      type: 'FieldValueInvalid',
      field,
      message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
    };
    return invalid(
      type.kind,
      type.group,
      name,
      Array.from({ length: times }, () => fault),
    );
  };
  const apiVersion = textAt(result, 'apiVersion');
  if (apiVersion !== old.apiVersion) throw refuse('apiVersion', apiVersion, `must be ${old.apiVersion}`);
  const uid = textAt(result, 'metadata.uid');
  // The metadata of custom resources is checked twice.
  if (uid !== '' && uid !== old.metadata.uid) throw refuse('metadata.uid', uid, 'field is immutable', 2);
}
