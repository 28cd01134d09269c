/**
 * Holds a value against an OpenAPI schema as kube-openapi's `validate` does: same order of checks, same wording, same choice of
 * the errors to show where anyOf or oneOf fail. On an update, errors of what did not change are dropped (ratcheting).
 */
import { combinationCheck } from './combination-check.ts';
import { correlateField, correlateItem, isUnchanged, sameJson } from './correlation.ts';
import type { Correlation } from './correlation.ts';
import * as errors from './field-error.ts';
import { enumCheck, formatCheck, numberCheck, stringCheck, typeCheck } from './scalar-checks.ts';
import { Report } from './report.ts';
import type { Check } from './report.ts';
import { isObject } from './schema-lookup.ts';
import type { FieldError, Json, JsonObject, Schema } from './types.ts';

export function compileSchemaCheck(schema: Schema): Check {
  const checks: Check[] = [
    typeCheck(schema),
    combinationCheck(schema, compileSchemaCheck),
    stringCheck(schema),
    formatCheck(schema),
    numberCheck(schema),
    listCheck(schema),
    enumCheck(schema),
    objectCheck(schema),
  ].filter((check) => check !== undefined);
  const nullChecks = [typeCheck(schema), enumCheck(schema)].filter((check) => check !== undefined);
  return (value, path, correlation, report) => {
    for (const check of value === null ? nullChecks : checks) {
      check(value, path, correlation, report);
    }
    report.matchCount += value === null ? 0 : checksMade(value);
  };
}

/** How many checks the original counts for a value of this kind, whether or not the schema limits it. */
function checksMade(value: Json): number {
  if (typeof value === 'boolean') return 4;
  return typeof value === 'number' || Array.isArray(value) ? 6 : 5;
}

/** A child's check: what it finds does not count where the child is as it was. */
function ratcheted(check: Check): Check {
  return (value, path, correlation, report) => {
    const before = report.errors.length;
    check(value, path, correlation, report);
    if (report.errors.length > before && isUnchanged(correlation)) report.errors.length = before;
  };
}

/** Validates a whole document; its root is ratcheted too. */
export function checkDocument(
  check: Check,
  value: Json,
  correlation: Correlation | undefined,
  prefix = '',
): FieldError[] {
  const report = new Report(prefix);
  ratcheted(check)(value, '', correlation, report);
  const seen = new Set<string>();
  return report.errors.filter((error) => {
    const key = `${error.field}: ${error.message}`;
    return !seen.has(key) && seen.add(key);
  });
}

function listCheck(schema: Schema): Check | undefined {
  const items = schema.items === undefined ? undefined : ratcheted(compileSchemaCheck(schema.items));
  const { minItems, maxItems, uniqueItems } = schema;
  if (items === undefined && minItems === undefined && maxItems === undefined && uniqueItems !== true) return undefined;
  return (value, path, correlation, report) => {
    if (!Array.isArray(value)) return;
    for (const [index, one] of value.entries()) {
      items?.(one, errors.item(path, index), correlateItem(correlation, index), report);
    }
    const place = report.place(path);
    if (minItems !== undefined && value.length < minItems) {
      report.errors.push(errors.invalid(place, value.length, `${path} in body should have at least ${minItems} items`));
    }
    if (maxItems !== undefined && value.length > maxItems) {
      report.errors.push(errors.tooMany(place, value.length, maxItems));
    }
    if (uniqueItems === true && hasDuplicates(value)) {
      report.errors.push(errors.invalid(place, '', `${path} in body shouldn't contain duplicates`));
    }
  };
}

function hasDuplicates(list: readonly Json[]): boolean {
  return list.some((one, index) => list.slice(0, index).some((before) => sameJson(one, before)));
}

function objectCheck(schema: Schema): Check | undefined {
  const properties = new Map(
    Object.entries(schema.properties ?? {}).map(([name, one]) => [name, ratcheted(compileSchemaCheck(one))]),
  );
  const { minProperties, maxProperties, required = [], additionalProperties } = schema;
  const additional =
    typeof additionalProperties === 'object' ? ratcheted(compileSchemaCheck(additionalProperties)) : undefined;
  const hasLimits = minProperties !== undefined || maxProperties !== undefined || required.length > 0;
  if (properties.size === 0 && additional === undefined && !hasLimits) return undefined;
  return (value, path, correlation, report) => {
    if (!isObject(value)) return;
    const names = Object.keys(value);
    if (hasLimits) checkSize(schema, names.length, path, report);
    if (additional !== undefined) {
      for (const name of names) {
        if (properties.has(name)) continue;
        additional(value[name] ?? null, `${path}.${name}`, correlateField(correlation, name), report);
      }
    }
    checkProperties(properties, value, path, correlation, report);
    for (const name of required) {
      if (!Object.hasOwn(value, name)) report.errors.push(errors.required(report.place(`${path}.${name}`)));
    }
  };
}

function checkSize(schema: Schema, size: number, path: string, report: Report): void {
  const { minProperties, maxProperties } = schema;
  if (minProperties !== undefined && size < minProperties) {
    const detail = `${path} in body should have at least ${minProperties} properties`;
    report.errors.push(errors.invalid(report.place(path), size, detail));
  }
  if (maxProperties !== undefined && size > maxProperties) {
    report.errors.push(errors.tooMany(report.place(path), size, maxProperties));
  }
}

function checkProperties(
  properties: ReadonlyMap<string, Check>,
  object: JsonObject,
  path: string,
  correlation: Correlation | undefined,
  report: Report,
): void {
  for (const [name, check] of properties) {
    if (!Object.hasOwn(object, name)) continue;
    // The type is not the sender's to keep: a change of version may have rewritten it.
    const isTypeMeta = path === '' && (name === 'apiVersion' || name === 'kind');
    const childCorrelation = isTypeMeta ? undefined : correlateField(correlation, name);
    check(object[name] ?? null, path === '' ? name : `${path}.${name}`, childCorrelation, report);
  }
}
