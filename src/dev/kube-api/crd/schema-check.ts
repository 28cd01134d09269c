/**
 * Holds a value against an OpenAPI schema as kube-openapi's `validate` does: same order of checks, same wording, same choice of
 * the errors to show where anyOf or oneOf fail. On an update, errors of what did not change are dropped (ratcheting).
 */
import { correlateField, correlateItem, isUnchanged, sameJson } from './correlation.ts';
import type { Correlation } from './correlation.ts';
import * as errors from './field-error.ts';
import { stringFormat } from './formats.ts';
import { goNumber, goQuote } from './go-format.ts';
import { compilePattern } from './pattern.ts';
import { isObject } from './schema-lookup.ts';
import type { FieldError, Json, JsonObject, Schema } from './types.ts';

/** Checks a value; `path` is where it stands inside the document that is checked, `''` at its root. */
export type SchemaCheck = (value: Json, path: string, correlation: Correlation | undefined, report: Report) => void;

/** What checks leave behind: errors, and how many checks were made, by which the best of several failures is chosen. */
export class Report {
  readonly errors: FieldError[] = [];
  matchCount = 0;

  /** A path is prefixed with the document's own place in the object (`status`). */
  readonly #prefix: string;

  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  fork(): Report {
    return new Report(this.#prefix);
  }

  merge(other: Report): void {
    this.errors.push(...other.errors);
    this.matchCount += other.matchCount;
  }

  place(path: string): string {
    const trimmed = path.startsWith('.') ? path.slice(1) : path;
    return trimmed === '' ? this.#prefix : errors.child(this.#prefix, trimmed);
  }

  /** An error without a place of its own: shown at the document's. */
  addUnplaced(detail: string): void {
    this.errors.push(errors.invalid(this.#prefix, '', detail));
  }
}

type Check = (value: Json, path: string, correlation: Correlation | undefined, report: Report) => void;

export function compileSchemaCheck(schema: Schema): SchemaCheck {
  const checks: Check[] = [
    typeCheck(schema),
    combinationCheck(schema),
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
function ratcheted(check: SchemaCheck): SchemaCheck {
  return (value, path, correlation, report) => {
    const before = report.errors.length;
    check(value, path, correlation, report);
    if (report.errors.length > before && isUnchanged(correlation)) report.errors.length = before;
  };
}

/** Validates a whole document; its root is ratcheted too. */
export function checkDocument(
  check: SchemaCheck,
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

function typesOf(schema: Schema): readonly string[] {
  if (schema['x-kubernetes-int-or-string'] === true) return ['integer', 'string'];
  return schema.type === undefined || schema.type === '' ? [] : [schema.type];
}

/** The format where it is one that the server knows for the type. */
function formatOf(schema: Schema): string {
  const { format = '' } = schema;
  const types = typesOf(schema);
  const type = types.length === 1 ? types[0] : '';
  if (type === 'integer') return format === 'int32' || format === 'int64' ? format : '';
  if (type === 'number') return format === 'float' || format === 'double' ? format : '';
  if (type === '' || type === 'string') return stringFormat(format) === undefined ? '' : format;
  return '';
}

function describeType(value: Json): { type: string; format: string } {
  if (typeof value === 'boolean') return { type: 'boolean', format: '' };
  if (typeof value === 'string') return { type: 'string', format: '' };
  if (typeof value === 'number') {
    const isInt64 = Number.isInteger(value) && Math.abs(value) < 2 ** 63;
    return isInt64 ? { type: 'integer', format: 'int64' } : { type: 'number', format: 'float64' };
  }
  return { type: Array.isArray(value) ? 'array' : 'object', format: '' };
}

function typeCheck(schema: Schema): Check | undefined {
  const types = typesOf(schema);
  const format = formatOf(schema);
  const nullable = schema.nullable === true;
  const isNumeric = types.includes('number') || types.includes('integer');
  if (types.length === 0 && format === '') return undefined;
  return (value, path, _correlation, report) => {
    report.matchCount += value === null ? 1 : 2;
    const wrong = (expected: string, actual: string): void => {
      report.matchCount -= 1;
      const detail = `${path} in body must be of type ${expected}: ${goQuote(actual)}`;
      report.errors.push(errors.typeInvalid(report.place(path), actual, detail));
    };
    if (value === null) {
      if (types.length > 0 && !nullable) wrong(types.join(','), 'null');
      return;
    }
    const actual = describeType(value);
    const isOfType = types.includes(actual.type) || (actual.type === 'integer' && types.includes('number'));
    const mayHaveFormat = actual.type === 'string' || actual.type === 'array';
    if (!mayHaveFormat && format !== '' && !isOfType && actual.format !== format) wrong(format, actual.format);
    else if (!(mayHaveFormat && format !== '' && !isNumeric) && !isOfType) wrong(types.join(','), actual.type);
  };
}

function combinationCheck(schema: Schema): Check | undefined {
  const any = schema.anyOf?.map(compileSchemaCheck) ?? [];
  const one = schema.oneOf?.map(compileSchemaCheck) ?? [];
  const all = schema.allOf?.map(compileSchemaCheck) ?? [];
  const not = schema.not === undefined ? undefined : compileSchemaCheck(schema.not);
  if (any.length + one.length + all.length === 0 && not === undefined) return undefined;
  return (value, path, correlation, report) => {
    const run = (check: SchemaCheck): Report => {
      const fork = report.fork();
      check(value, path, correlation, fork);
      return fork;
    };
    if (any.length > 0) checkAnyOf(any.map(run), path, report);
    if (one.length > 0) checkOneOf(one.map(run), path, report);
    if (all.length > 0) checkAllOf(all.map(run), path, report);
    if (not !== undefined && run(not).errors.length === 0) {
      report.addUnplaced(`${goQuote(path)} must not validate the schema (not)`);
    }
  };
}

function checkAnyOf(results: readonly Report[], path: string, report: Report): void {
  const passed = results.find(isValid);
  if (passed === undefined) report.addUnplaced(`${goQuote(path)} must validate at least one schema (anyOf)`);
  report.merge(passed ?? bestFailure(results));
}

function checkOneOf(results: readonly Report[], path: string, report: Report): void {
  const passed = results.filter(isValid);
  const [first] = passed;
  if (passed.length === 1 && first !== undefined) {
    report.merge(first);
    return;
  }
  const found = passed.length === 0 ? 'Found none valid' : `Found ${passed.length} valid alternatives`;
  report.addUnplaced(`${goQuote(path)} must validate one and only one schema (oneOf). ${found}`);
  if (passed.length === 0) report.merge(bestFailure(results));
}

function checkAllOf(results: readonly Report[], path: string, report: Report): void {
  const passed = results.filter(isValid).length;
  for (const result of results) report.merge(result);
  if (passed === results.length) return;
  report.addUnplaced(`${goQuote(path)} must validate all the schemas (allOf)${passed === 0 ? '. None validated' : ''}`);
}

const isValid = (report: Report): boolean => report.errors.length === 0;

/** The failure that got furthest; the first of equals. */
function bestFailure(results: readonly Report[]): Report {
  return results.reduce((best, result) => (result.matchCount > best.matchCount ? result : best));
}

function stringCheck(schema: Schema): Check | undefined {
  const { minLength, maxLength, pattern } = schema;
  const expression = pattern === undefined || pattern === '' ? undefined : compilePattern(pattern);
  if (minLength === undefined && maxLength === undefined && expression === undefined) return undefined;
  return (value, path, _correlation, report) => {
    if (typeof value !== 'string') return;
    const place = report.place(path);
    if (maxLength !== undefined && isLonger(value, maxLength)) {
      report.errors.push(errors.tooLong(place, maxLength));
    } else if (minLength !== undefined && !isLonger(value, minLength - 1)) {
      const detail = `${path} in body should be at least ${minLength} chars long`;
      report.errors.push(errors.invalid(place, value, detail));
    } else if (expression !== undefined && !expression.test(value)) {
      report.errors.push(errors.invalid(place, value, `${path} in body should match '${pattern}'`));
    }
  };
}

/** Length counts code points. */
function isLonger(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  if (text.length > 2 * limit) return true;
  return Array.from(text).length > limit;
}

function formatCheck(schema: Schema): Check | undefined {
  const { format = '' } = schema;
  const check = formatOf(schema) === '' ? undefined : stringFormat(format);
  if (check === undefined) return undefined;
  return (value, path, _correlation, report) => {
    if (typeof value !== 'string') return;
    report.matchCount += 1;
    if (check(value)) return;
    const detail = `${path} in body must be of type ${format}: ${goQuote(value)}`;
    report.errors.push(errors.typeInvalid(report.place(path), value, detail));
  };
}

function numberCheck(schema: Schema): Check | undefined {
  const types = typesOf(schema);
  const type = types.length === 1 ? types[0] : undefined;
  const inRange = rangeOf(type, formatOf(schema));
  const { minimum, maximum, multipleOf } = schema;
  const format = formatOf(schema) === '' ? '(default format)' : `with format ${formatOf(schema)}`;
  return (value, path, _correlation, report) => {
    if (typeof value !== 'number') return;
    if (!inRange(value)) report.addUnplaced(`Checked value must be of type ${type} ${format} in ${path}`);
    const fail = (demand: string): void => {
      report.errors.push(errors.invalid(report.place(path), value, `${path} in body should be ${demand}`));
    };
    if (multipleOf !== undefined && !isMultiple(value, multipleOf)) fail(`a multiple of ${goNumber(multipleOf)}`);
    if (minimum !== undefined && isBeyond(minimum - value, schema.exclusiveMinimum)) {
      fail(`greater than ${schema.exclusiveMinimum === true ? '' : 'or equal to '}${goNumber(minimum)}`);
    }
    if (maximum !== undefined && isBeyond(value - maximum, schema.exclusiveMaximum)) {
      fail(`less than ${schema.exclusiveMaximum === true ? '' : 'or equal to '}${goNumber(maximum)}`);
    }
  };
}

function rangeOf(type: string | undefined, format: string): (value: number) => boolean {
  if (type === 'integer' && format === 'int32') return (value) => Number.isInteger(value) && value === (value | 0);
  if (type === 'integer') return (value) => Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
  if (type === 'number' && format === 'float') return (value) => Number.isFinite(Math.fround(value));
  return () => true;
}

function isBeyond(excess: number, exclusive: boolean | undefined): boolean {
  return exclusive === true ? excess >= 0 : excess > 0;
}

function isMultiple(value: number, factor: number): boolean {
  if (Number.isInteger(value) && Number.isInteger(factor)) return value % factor === 0;
  return Number.isInteger(factor < 1 ? (1 / factor) * value : value / factor);
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

function enumCheck(schema: Schema): Check | undefined {
  const { enum: allowed } = schema;
  if (allowed === undefined || allowed.length === 0) return undefined;
  return (value, path, _correlation, report) => {
    if (value !== null && allowed.some((one) => sameJson(one, value))) return;
    report.errors.push(errors.notSupported(report.place(path), value, allowed));
  };
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
  properties: ReadonlyMap<string, SchemaCheck>,
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
