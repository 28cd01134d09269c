/** What names, labels, annotations and finalizers must look like (apimachinery, pkg/api/validation). */
import type { FieldError } from '../crd/index.ts';
import type { ObjectMeta } from '../kube-object.ts';
import type { ResourceType } from '../registry/resource-type.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART_RULE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
export const KEY_RULE =
  "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const LABEL_VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

export function checkMetadata(meta: ObjectMeta, nameRule: ResourceType['nameRule']): FieldError[] {
  return [
    ...checkGenerateName(meta.generateName ?? '', nameRule),
    ...checkName(meta.name ?? '', nameRule),
    ...checkLabels(meta.labels ?? {}),
    ...checkAnnotations(meta.annotations ?? {}),
    ...(meta.ownerReferences ?? []).flatMap(checkOwner),
    ...(meta.finalizers ?? []).flatMap((name) => checkQualifiedName('metadata.finalizers', name)),
  ];
}

/** Finalizers that are new and could be anyone's. */
export function warnOfFinalizers({ finalizers = [] }: ObjectMeta, old: ObjectMeta = {}): string[] {
  return finalizers
    .filter((name) => !name.includes('/') && old.finalizers?.includes(name) !== true)
    .map(
      (name) =>
        `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name to avoid accidental ` +
        'conflicts with other finalizer writers',
    );
}

function checkName(name: string, rule: ResourceType['nameRule']): FieldError[] {
  if (name === '') {
    return [
      {
        type: 'FieldValueRequired',
        field: 'metadata.name',
        message: 'Required value: name or generateName is required',
      },
    ];
  }
  const [pattern, text, maximum] =
    rule === 'label' ? ([LABEL, LABEL_RULE, 63] as const) : ([SUBDOMAIN, SUBDOMAIN_RULE, 253] as const);
  return [
    ...(name.length > maximum ? [invalid('metadata.name', name, `must be no more than ${maximum} characters`)] : []),
    ...(pattern.test(name) ? [] : [invalid('metadata.name', name, text)]),
  ];
}

/** What is generated does not end in the dash that the prefix ends in. */
function checkGenerateName(prefix: string, rule: ResourceType['nameRule']): FieldError[] {
  if (prefix === '') return [];
  const [pattern, text] = rule === 'label' ? ([LABEL, LABEL_RULE] as const) : ([SUBDOMAIN, SUBDOMAIN_RULE] as const);
  return pattern.test(prefix.replace(/-$/, 'a')) ? [] : [invalid('metadata.generateName', prefix, text)];
}

function checkLabels(labels: Readonly<Record<string, string>>): FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...checkQualifiedName('metadata.labels', key),
    ...(value.length > 63 ? [invalid('metadata.labels', value, 'must be no more than 63 bytes')] : []),
    ...(value === '' || QUALIFIED.test(value) ? [] : [invalid('metadata.labels', value, LABEL_VALUE_RULE)]),
  ]);
}

function checkAnnotations(annotations: Readonly<Record<string, string>>): FieldError[] {
  const entries = Object.entries(annotations);
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  const tooLong: FieldError = {
    type: 'FieldValueTooLong',
    field: 'metadata.annotations',
    message: `Too long: may not be more than ${MAX_ANNOTATIONS_BYTES} bytes`,
  };
  return [
    ...entries.flatMap(([key]) => checkQualifiedName('metadata.annotations', key.toLowerCase(), key)),
    ...(size > MAX_ANNOTATIONS_BYTES ? [tooLong] : []),
  ];
}

function checkOwner(owner: object, index: number): FieldError[] {
  const held = new Map(Object.entries(owner));
  return ['apiVersion', 'kind', 'name', 'uid']
    .filter((field) => !held.get(field))
    .map((field) => ({
      type: 'FieldValueRequired',
      field: `metadata.ownerReferences[${index}].${field}`,
      message: 'Required value: must not be empty',
    }));
}

function checkQualifiedName(field: string, text: string, shown = text): FieldError[] {
  const parts = text.split('/');
  if (parts.length > 2) return [invalid(field, shown, KEY_RULE)];
  const name = parts.at(-1) ?? '';
  const prefix = parts.length > 1 ? parts[0] : undefined;
  const found: FieldError[] = [];
  if (prefix !== undefined && !(SUBDOMAIN.test(prefix) && prefix.length <= 253)) {
    found.push(
      invalid(field, shown, prefix === '' ? 'prefix part must be non-empty' : `prefix part ${SUBDOMAIN_RULE}`),
    );
  }
  if (name === '') found.push(invalid(field, shown, 'name part must be non-empty'));
  if (name.length > 63) found.push(invalid(field, shown, 'name part must be no more than 63 bytes'));
  if (!QUALIFIED.test(name)) found.push(invalid(field, shown, NAME_PART_RULE));
  return found;
}

function invalid(field: string, value: string, rule: string): FieldError {
  return { type: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${rule}` };
}
