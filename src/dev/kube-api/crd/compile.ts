/** From a CustomResourceDefinition to what serving its objects takes. */
import { cloneJson } from '../whole-numbers.ts';
import { applyDefaults, fillDefaults, prune } from './admission.ts';
import { compileRules } from './cel-rules.ts';
import type { RuleCheck } from './cel-rules.ts';
import type { Correlation } from './correlation.ts';
import { checkCrd, InvalidCrdError, schemaPath } from './crd-check.ts';
import { checkEmbeddedResources } from './embedded-resource.ts';
import * as errors from './field-error.ts';
import { checkListTypes } from './list-type.ts';
import { checkDocument, compileSchemaCheck } from './schema-check.ts';
import { isObject, propertySchema } from './schema-lookup.ts';
import { compileTable } from './table.ts';
import type { CompiledCrd, CompiledVersion, Crd, CrdVersion, FieldError, Json, Part, Schema } from './types.ts';

/** Throws InvalidCrdError when an API server would refuse the CRD, or when it needs what is not implemented here (a CEL function). */
export function compileCrd(crd: Crd): CompiledCrd {
  const { spec } = crd;
  const faults = checkCrd(crd);
  if (faults.length > 0) throw new InvalidCrdError(crd.metadata.name, faults);
  const versions = spec.versions.map((version, index) => {
    const path = schemaPath(index, spec.versions.length === 1);
    return { served: version.served, name: version.name, compiled: compileVersion(version, path, faults) };
  });
  if (faults.length > 0) throw new InvalidCrdError(crd.metadata.name, faults);
  const { plural, kind, singular = kind.toLowerCase(), listKind = `${kind}List` } = spec.names;
  const { shortNames = [], categories = [] } = spec.names;
  return {
    group: spec.group,
    scope: spec.scope,
    names: { plural, singular, kind, listKind, shortNames, categories },
    versions: new Map(versions.filter(({ served }) => served).map(({ name, compiled }) => [name, compiled])),
  };
}

function compileVersion(version: CrdVersion, path: string, faults: FieldError[]): CompiledVersion {
  const schema = version.schema?.openAPIV3Schema ?? { type: 'object' };
  const hasStatusSubresource = version.subresources?.status !== undefined;
  return {
    admit: (object, part, keepsNulls = false) =>
      admit(object, schema, { dropsStatus: hasStatusSubresource && part === 'whole', keepsNulls }),
    validate: compileValidation(schema, compileRules(schema, { path, isResourceRoot: true }, faults)),
    table: compileTable(version.additionalPrinterColumns),
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
    hasStatusSubresource,
  };
}

interface Admission {
  readonly dropsStatus: boolean;
  readonly keepsNulls: boolean;
}

function admit(
  sent: Json,
  schema: Schema,
  { dropsStatus, keepsNulls }: Admission,
): { object: Json; unknownFields: string[] } {
  const object = cloneJson(sent);
  if (!isObject(object)) return { object, unknownFields: [] };
  const complete = keepsNulls ? fillDefaults : applyDefaults;
  complete(object, schema);
  const unknownFields = prune(object, schema);
  if (dropsStatus) {
    delete object['status'];
    complete(object, schema);
  }
  return { object, unknownFields };
}

function compileValidation(schema: Schema, rules: RuleCheck | undefined): CompiledVersion['validate'] {
  const checkWhole = compileSchemaCheck(schema);
  const statusSchema = propertySchema(schema, 'status');
  const checkStatus = statusSchema === undefined ? undefined : compileSchemaCheck(statusSchema);
  return (object, old, part: Part = 'whole', before: readonly FieldError[] = []) => {
    const whole = old === undefined ? undefined : { schema, value: object, old };
    const found = [
      ...(part === 'status'
        ? checkStatusPart(checkStatus, statusSchema, object, old)
        : [...checkDocument(checkWhole, object, whole), ...checkEmbeddedResources(object, schema)]),
      ...checkLists(object, old, schema),
    ];
    if (rules === undefined) return found;
    if ([...before, ...found].some(errors.blocksRules)) return [...found, errors.invalid('', null, NOT_CHECKED)];
    return [...found, ...rules(object, old, '', { current: whole, parent: undefined })];
  };
}

const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

function checkStatusPart(
  check: ReturnType<typeof compileSchemaCheck> | undefined,
  schema: Schema | undefined,
  object: Json,
  old: Json | undefined,
): FieldError[] {
  const value = isObject(object) ? object['status'] : undefined;
  if (check === undefined || schema === undefined || value === undefined) return [];
  const oldStatus = isObject(old) ? old['status'] : undefined;
  const correlation: Correlation | undefined = oldStatus === undefined ? undefined : { schema, value, old: oldStatus };
  return checkDocument(check, value, correlation, 'status');
}

/** What was not unique before may stay so. */
function checkLists(object: Json, old: Json | undefined, schema: Schema): FieldError[] {
  const found = checkListTypes(object, schema);
  return found.length > 0 && old !== undefined && checkListTypes(old, schema).length > 0 ? [] : found;
}
