/** The checks of single values: type, length and pattern, format, range, enum. Undefined where the schema demands nothing. */
import { sameJson } from './correlation.ts';
import * as errors from './field-error.ts';
import { stringFormat } from './formats.ts';
import { goNumber, goQuote } from './go-format.ts';
import { compilePattern } from './pattern.ts';
import type { Check } from './report.ts';
import type { Json, Schema } from './types.ts';

export function typeCheck(schema: Schema): Check | undefined {
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

export function stringCheck(schema: Schema): Check | undefined {
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

export function formatCheck(schema: Schema): Check | undefined {
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

/** An integer meets limits and factors cut to integers, as the original's int64 arithmetic has it. */
export function numberCheck(schema: Schema): Check | undefined {
  const types = typesOf(schema);
  const type = types.length === 1 ? types[0] : undefined;
  const inRange = rangeOf(type, formatOf(schema));
  const { minimum, maximum, multipleOf } = schema;
  const format = formatOf(schema) === '' ? '(default format)' : `with format ${formatOf(schema)}`;
  return (value, path, _correlation, report) => {
    if (typeof value !== 'number') return;
    if (!inRange(value)) report.addUnplaced(`Checked value must be of type ${type} ${format} in ${path}`);
    const limit = (bound: number): number => (isInt64(value) ? Math.trunc(bound) : bound);
    const fail = (shown: number, detail: string): void => {
      report.errors.push(errors.invalid(report.place(path), shown, detail));
    };
    if (multipleOf !== undefined) checkFactor(value, limit(multipleOf), path, fail);
    if (minimum !== undefined && isBeyond(limit(minimum) - value, schema.exclusiveMinimum)) {
      const bound = `${schema.exclusiveMinimum === true ? '' : 'or equal to '}${goNumber(limit(minimum))}`;
      fail(value, `${path} in body should be greater than ${bound}`);
    }
    if (maximum !== undefined && isBeyond(value - limit(maximum), schema.exclusiveMaximum)) {
      const bound = `${schema.exclusiveMaximum === true ? '' : 'or equal to '}${goNumber(limit(maximum))}`;
      fail(value, `${path} in body should be less than ${bound}`);
    }
  };
}

function checkFactor(value: number, factor: number, path: string, fail: (shown: number, detail: string) => void): void {
  if (factor <= 0) fail(factor, `factor MultipleOf declared for ${path} must be positive: ${goNumber(factor)}`);
  else if (!isMultiple(value, factor)) fail(value, `${path} in body should be a multiple of ${goNumber(factor)}`);
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

export function enumCheck(schema: Schema): Check | undefined {
  const { enum: allowed } = schema;
  if (allowed === undefined || allowed.length === 0) return undefined;
  return (value, path, _correlation, report) => {
    if (value !== null && allowed.some((one) => sameJson(one, value))) return;
    report.errors.push(errors.notSupported(report.place(path), value, allowed));
  };
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
    return isInt64(value) ? { type: 'integer', format: 'int64' } : { type: 'number', format: 'float64' };
  }
  return { type: Array.isArray(value) ? 'array' : 'object', format: '' };
}

function isInt64(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < 2 ** 63;
}
