/** Whether a CustomResourceDefinition may be created (apiextensions-apiserver, pkg/apis/apiextensions/validation). */
import { messageOf } from '../../../base/message-of.ts';
import { applyDefaults, prune } from './admission.ts';
import { sameJson } from './correlation.ts';
import { isDnsLabel, LABEL_RULE, MIXED_CASE_RULE } from './dns-label.ts';
import * as errors from './field-error.ts';
import type { Path } from './field-error.ts';
import { fieldSteps } from './field-path.ts';
import { compileJsonPath } from './json-path.ts';
import { checkDocument, compileSchemaCheck } from './schema-check.ts';
import { isObject } from './schema-lookup.ts';
import { checkStructural } from './structural.ts';
import type { Crd, CrdVersion, FieldError, PrinterColumn, Schema } from './types.ts';

const COLUMN_TYPES: ReadonlySet<string> = new Set(['boolean', 'date', 'integer', 'number', 'string']);
const MAX_SELECTABLE_FIELDS = 8;

/** The CRD cannot be served; `message` is what an API server would answer, `errors` its causes. */
export class InvalidCrdError extends Error {
  readonly errors: readonly FieldError[];

  constructor(name: string, found: readonly FieldError[]) {
    const texts = found.map(({ field, message }) => `${field}: ${message}`);
    const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
    super(`CustomResourceDefinition.apiextensions.k8s.io "${name}" is invalid: ${list}`);
    this.name = 'InvalidCrdError';
    this.errors = found;
  }
}

export function checkCrd({ metadata, spec }: Crd): FieldError[] {
  const found: FieldError[] = [];
  if (metadata.name !== `${spec.names.plural}.${spec.group}`) {
    found.push(errors.invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  if (!spec.group.includes('.')) {
    found.push(errors.invalid('spec.group', spec.group, 'should be a domain with at least one dot'));
  }
  if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') {
    found.push(errors.notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  }
  return [...found, ...checkNames(spec.names), ...checkVersions(spec.versions)];
}

function checkNames(names: Crd['spec']['names']): FieldError[] {
  const { plural, singular = plural, kind, listKind = `${kind}List`, shortNames = [], categories = [] } = names;
  const label = (path: Path, name: string, why = LABEL_RULE): FieldError[] =>
    isDnsLabel(why === LABEL_RULE ? name : name.toLowerCase()) ? [] : [errors.invalid(path, name, why)];
  return [
    ...label('spec.names.plural', plural),
    ...label('spec.names.singular', singular),
    ...label('spec.names.kind', kind, MIXED_CASE_RULE),
    ...label('spec.names.listKind', listKind, MIXED_CASE_RULE),
    ...shortNames.flatMap((name, index) => label(errors.item('spec.names.shortNames', index), name)),
    ...(kind === listKind
      ? [errors.invalid('spec.names.listKind', listKind, 'kind and listKind may not be the same')]
      : []),
    ...categories.flatMap((name, index) => label(errors.item('spec.names.categories', index), name)),
  ];
}

function checkVersions(versions: readonly CrdVersion[]): FieldError[] {
  const found = versions.flatMap((version, index) => checkVersion(version, index, versions.length === 1));
  const names = versions.map(({ name }) => name);
  if (new Set(names).size !== names.length) {
    found.push(errors.invalid('spec.versions', names, 'must contain unique version names'));
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    found.push(errors.invalid('spec.versions', names, 'must have exactly one version marked as storage version'));
  }
  return found;
}

/** What an only version says is looked at, and found fault with, as if it were said of the whole CRD. */
export function schemaPath(index: number, isOnly: boolean): Path {
  return isOnly ? 'spec.validation.openAPIV3Schema' : `spec.versions[${index}].schema.openAPIV3Schema`;
}

function checkVersion(version: CrdVersion, index: number, isOnly: boolean): FieldError[] {
  const own = errors.item('spec.versions', index);
  const path = isOnly ? 'spec' : own;
  const found: FieldError[] = isDnsLabel(version.name)
    ? []
    : [errors.invalid(errors.child(own, 'name'), version.name, LABEL_RULE)];
  const columns = (version.additionalPrinterColumns ?? []).flatMap((column, position) =>
    checkColumn(column, errors.item(errors.child(path, 'additionalPrinterColumns'), position)),
  );
  const schema = version.schema?.openAPIV3Schema;
  if (schema === undefined) return [...found, errors.required(errors.child(own, 'schema.openAPIV3Schema')), ...columns];
  const place = schemaPath(index, isOnly);
  const structural = checkStructural(schema, place);
  // Defaults are tried out, which takes a schema that is sound.
  const defaults = structural.length === 0 ? checkDefaults(schema, place) : [];
  return [...found, ...structural, ...defaults, ...columns, ...checkSelectable(version, schema, path)];
}

function checkDefaults(schema: Schema, path: Path): FieldError[] {
  const own = schema.default === undefined ? [] : checkDefault(schema, errors.child(path, 'default'));
  const additional = schema.additionalProperties;
  return [
    ...own,
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      checkDefaults(property, errors.item(errors.child(path, 'properties'), name)),
    ),
    ...(schema.items === undefined ? [] : checkDefaults(schema.items, errors.child(path, 'items'))),
    ...(typeof additional === 'object' ? checkDefaults(additional, errors.child(path, 'additionalProperties')) : []),
  ];
}

function checkDefault(schema: Schema, path: Path): FieldError[] {
  const value = structuredClone(schema.default ?? null);
  applyDefaults(value, schema);
  const unknown = isObject(value) ? prune(value, { ...schema, 'x-kubernetes-embedded-resource': false }) : [];
  const before = structuredClone(schema.default ?? null);
  applyDefaults(before, schema);
  const pruned =
    unknown.length === 0 || sameJson(value, before)
      ? []
      : [errors.invalid(path, schema.default ?? null, 'must not have unknown fields')];
  return [...pruned, ...checkDocument(compileSchemaCheck(schema), value, undefined, path)];
}

function checkColumn(column: PrinterColumn, path: Path): FieldError[] {
  const found: FieldError[] = [];
  if (!COLUMN_TYPES.has(column.type)) {
    const why = `must be one of ${[...COLUMN_TYPES].join(',')}`;
    found.push(errors.invalid(errors.child(path, 'type'), column.type, why));
  }
  const place = errors.child(path, 'JSONPath');
  if (!column.jsonPath.startsWith('.')) {
    found.push(errors.invalid(place, column.jsonPath, 'must be a simple json path starting with .'));
    return found;
  }
  try {
    compileJsonPath(column.jsonPath);
  } catch (cause) {
    found.push(errors.invalid(place, column.jsonPath, messageOf(cause)));
  }
  return found;
}

function checkSelectable(version: CrdVersion, schema: Schema, path: Path): FieldError[] {
  const fields = version.selectableFields ?? [];
  const place = errors.child(path, 'selectableFields');
  const found = fields.flatMap(({ jsonPath }, index) =>
    checkSelectableField(jsonPath, schema, errors.child(errors.item(place, index), 'jsonPath')),
  );
  const distinct = new Set(fields.map(({ jsonPath }) => jsonPath)).size;
  return distinct > MAX_SELECTABLE_FIELDS ? [...found, errors.tooMany(place, distinct, MAX_SELECTABLE_FIELDS)] : found;
}

function checkSelectableField(jsonPath: string, schema: Schema, place: Path): FieldError[] {
  try {
    if (jsonPath.includes('[')) throw new Error('array notation is not allowed');
    const steps = fieldSteps(jsonPath, schema);
    if (steps[0]?.name === 'metadata') return [errors.invalid(place, jsonPath, 'must not point to fields in metadata')];
    const type = steps.at(-1)?.schema.type;
    if (type === 'string' || type === 'boolean' || type === 'integer') return [];
    const why =
      'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
    return [errors.invalid(place, jsonPath, why)];
  } catch (cause) {
    return [errors.invalid(place, jsonPath, `is an invalid path: ${messageOf(cause)}`)];
  }
}
