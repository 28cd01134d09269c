/** The rows of `kubectl get` (apiextensions-apiserver, pkg/registry/customresource/tableconvertor). */
import { goJson } from '../../../api/go-json.ts';
import { goNumber } from './go-format.ts';
import { humanDuration } from './human-duration.ts';
import { compileJsonPath } from './json-path.ts';
import { isObject } from './schema-lookup.ts';
import type { Json, PrinterColumn, Table, TableColumn } from './types.ts';

const NAME_COLUMN: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
  priority: 0,
};

/** What a CRD without columns shows. */
const AGE_COLUMN: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
  jsonPath: '.metadata.creationTimestamp',
};

export function compileTable(columns: readonly PrinterColumn[] | undefined): Table {
  const shown = columns === undefined || columns.length === 0 ? [AGE_COLUMN] : columns;
  const cells = shown.map((column) => ({ column, find: compileJsonPath(column.jsonPath) }));
  return {
    columnDefinitions: [NAME_COLUMN, ...shown.map(describeColumn)],
    row(object, now) {
      return [nameOf(object), ...cells.map(({ column, find }) => cell(column.type, find(object)[0], now))];
    },
  };
}

function describeColumn({ name, type, format = '', description, priority = 0, jsonPath }: PrinterColumn): TableColumn {
  return {
    name,
    type,
    format,
    description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority,
  };
}

function nameOf(object: Json): Json {
  const metadata = isObject(object) ? object['metadata'] : undefined;
  return isObject(metadata) ? (metadata['name'] ?? '') : '';
}

function cell(type: string, value: Json | undefined, now: number): Json {
  if (value === undefined) return null;
  switch (type) {
    case 'string':
      return printText(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? printAge(value, now) : null;
    default:
      return null;
  }
}

function printText(value: Json): string {
  if (value === null) return '<no value>';
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? goNumber(value) : goJson(value);
}

function printAge(text: string, now: number): string {
  const time = Date.parse(text);
  const isRfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  return isRfc3339 && !Number.isNaN(time) ? humanDuration(now - time) : '<invalid>';
}
