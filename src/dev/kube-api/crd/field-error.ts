/** Constructors of `field.Error` (apimachinery, util/validation/field), printed as the API server prints them. */
import { goJson } from '../../../api/go-json.ts';
import { goNumber, goQuote } from './go-format.ts';
import type { FieldError, FieldErrorType, Json } from './types.ts';

/** A field path; the root is `''` and prints as `<nil>`. */
export type Path = string;

export const child = (path: Path, name: string): Path => (path === '' ? name : `${path}.${name}`);
export const item = (path: Path, subscript: string | number): Path => `${path}[${subscript}]`;

/** `value` undefined means: a message without the value, as for objects and arrays that fail a rule. */
export function invalid(path: Path, value: Json | undefined, detail: string): FieldError {
  return fieldError('FieldValueInvalid', path, withValue('Invalid value', value), detail);
}

export function typeInvalid(path: Path, value: Json, detail: string): FieldError {
  return fieldError('FieldValueTypeInvalid', path, withValue('Invalid value', value), detail);
}

export function required(path: Path, detail = ''): FieldError {
  return fieldError('FieldValueRequired', path, 'Required value', detail);
}

export function forbidden(path: Path, detail: string): FieldError {
  return fieldError('FieldValueForbidden', path, 'Forbidden', detail);
}

export function duplicate(path: Path, value: Json | undefined): FieldError {
  return fieldError('FieldValueDuplicate', path, withValue('Duplicate value', value), '');
}

export function notSupported(path: Path, value: Json, supported: readonly Json[]): FieldError {
  const values = supported.map((one) => goQuote(typeof one === 'string' ? one : goJson(one)));
  return fieldError(
    'FieldValueNotSupported',
    path,
    withValue('Unsupported value', value),
    `supported values: ${values.join(', ')}`,
  );
}

export function tooLong(path: Path, limit: number): FieldError {
  return fieldError('FieldValueTooLong', path, 'Too long', `may not be more than ${limit} ${plural(limit, 'byte')}`);
}

export function tooMany(path: Path, actual: number, limit: number): FieldError {
  return fieldError(
    'FieldValueTooMany',
    path,
    `Too many: ${actual}`,
    `must have at most ${limit} ${plural(limit, 'item')}`,
  );
}

/** Kinds of errors that keep `x-kubernetes-validations` from being evaluated at all. */
export function blocksRules({ type }: FieldError): boolean {
  return BLOCKING.has(type);
}

const BLOCKING: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

function fieldError(type: FieldErrorType, path: Path, head: string, detail: string): FieldError {
  return { type, field: path === '' ? '<nil>' : path, message: detail === '' ? head : `${head}: ${detail}` };
}

function withValue(head: string, value: Json | undefined): string {
  if (value === undefined) return head;
  if (typeof value === 'string') return `${head}: ${goQuote(value)}`;
  if (typeof value === 'number') return `${head}: ${goNumber(value)}`;
  return `${head}: ${goJson(value)}`;
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}
