/** ConfigMaps and Secrets: plain data under checked keys. */
import type { FieldError, Json, Table, TableColumn } from '../../crd/index.ts';
import { humanDuration } from '../../crd/human-duration.ts';
import { isObject, textAt, valueAt } from '../../kube-object.ts';
import type { KubeObject } from '../../kube-object.ts';
import { builtInType, flag, map, text } from './built-in-type.ts';

export const configMapType = builtInType({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  isNamespaced: true,
  description: 'ConfigMap holds configuration data for pods to consume.',
  properties: {
    data: map('The configuration data.'),
    binaryData: map('Binary data, base64 encoded.'),
    immutable: flag('If true, the data cannot be updated.'),
  },
  table: dataTable([]),
  hooks: { validate: (object, old) => [...checkKeys(object), ...checkImmutable(object, old)] },
});

export const secretType = builtInType({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  isNamespaced: true,
  description: 'Secret holds secret data of a certain type.',
  properties: {
    data: map('The secret data, base64 encoded.'),
    stringData: map('Secret data as text; written into data, never read back.'),
    type: text('Used to facilitate programmatic handling of secret data.'),
    immutable: flag('If true, the data cannot be updated.'),
  },
  table: dataTable(['type']),
  selectable: { type: 'type' },
  hooks: {
    prepareCreate: encodeStringData,
    prepareUpdate: encodeStringData,
    validate: (object, old) => [...checkKeys(object), ...checkImmutable(object, old), ...checkType(object, old)],
  },
});

function encodeStringData(secret: KubeObject): void {
  secret['type'] ??= 'Opaque';
  const plain = secret['stringData'];
  delete secret['stringData'];
  if (!isObject(plain)) return;
  const data = isObject(secret['data']) ? secret['data'] : {};
  for (const [key, value] of Object.entries(plain)) {
    if (typeof value === 'string') data[key] = Buffer.from(value).toString('base64');
  }
  secret['data'] = data;
}

function checkKeys(object: KubeObject): FieldError[] {
  return ['data', 'binaryData'].flatMap((field) =>
    Object.keys(isObject(object[field]) ? object[field] : {})
      .filter((key) => !/^[-._a-zA-Z0-9]{1,253}$/.test(key) || key === '.' || key.startsWith('..'))
      .map((key) => ({
        type: 'FieldValueInvalid' as const,
        field: `${field}[${key}]`,
        message: `Invalid value: ${JSON.stringify(key)}: a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
      })),
  );
}

function checkImmutable(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  if (old?.['immutable'] !== true) return [];
  return ['immutable', 'data', 'binaryData']
    .filter((field) => JSON.stringify(object[field] ?? null) !== JSON.stringify(old[field] ?? null))
    .map((field) => ({
      type: 'FieldValueForbidden' as const,
      field,
      message: 'Forbidden: field is immutable when `immutable` is set',
    }));
}

function checkType(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  if (old === undefined || old['type'] === object['type']) return [];
  const message = `Invalid value: ${JSON.stringify(object['type'] ?? '')}: field is immutable`;
  return [{ type: 'FieldValueInvalid', field: 'type', message }];
}

/** Name, then fields as they are, then the number of keys, then the age. */
function dataTable(fields: readonly string[]): Table {
  const column = (name: string, type = 'string', format = ''): TableColumn => ({
    name,
    type,
    format,
    description: name,
    priority: 0,
  });
  const shown = fields.map((field) => column(field.replace(/^./, (first) => first.toUpperCase())));
  return {
    columnDefinitions: [column('Name', 'string', 'name'), ...shown, column('Data', 'integer'), column('Age')],
    row: (object, now) => [
      valueAt(object, 'metadata.name') ?? '',
      ...fields.map((field) => valueAt(object, field) ?? ''),
      countKeys(object, 'data') + countKeys(object, 'binaryData'),
      humanDuration(now - Date.parse(textAt(object, 'metadata.creationTimestamp'))),
    ],
  };
}

function countKeys(object: Json, field: string): number {
  const data = valueAt(object, field);
  return isObject(data) ? Object.keys(data).length : 0;
}
