/** What a write may ask for in its query (apimachinery, pkg/apis/meta/v1/validation). */
import type { FieldError } from '../crd/index.ts';
import { goQuote } from '../crd/go-format.ts';
import { invalidOptions } from '../errors.ts';
import type { Call } from './call.ts';

export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions';

const FIELD_VALIDATION = ['', 'Ignore', 'Strict', 'Warn'];

/** Throws 422 with everything that is wrong with the options of a write. */
export function checkOptions({ query }: Call, kind: OptionsKind, isApply = false): void {
  const faults = [
    ...(kind === 'PatchOptions' ? checkForce(query, isApply) : []),
    ...(kind === 'DeleteOptions' ? [] : checkManager(query.get('fieldManager') ?? '')),
    ...checkDryRun(query),
    ...(kind === 'DeleteOptions' ? [] : checkFieldValidation(query.get('fieldValidation') ?? '')),
  ];
  if (faults.length > 0) throw invalidOptions(kind, faults);
}

function checkForce(query: URLSearchParams, isApply: boolean): FieldError[] {
  if (isApply) {
    if ((query.get('fieldManager') ?? '') !== '') return [];
    const message = 'Required value: is required for apply patch';
    return [{ type: 'FieldValueRequired', field: 'fieldManager', message }];
  }
  if (!query.has('force')) return [];
  return [
    { type: 'FieldValueForbidden', field: 'force', message: 'Forbidden: may not be specified for non-apply patch' },
  ];
}

function checkManager(manager: string): FieldError[] {
  const field = 'fieldManager';
  const tooLong: FieldError[] =
    Buffer.byteLength(manager) > MAX_MANAGER_BYTES
      ? [{ type: 'FieldValueTooLong', field, message: `Too long: may not be more than ${MAX_MANAGER_BYTES} bytes` }]
      : [];
  const unprintable = [...manager.matchAll(NOT_PRINTABLE)].map(({ 0: character, index }): FieldError => {
    const code = `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
    const position = Buffer.byteLength(manager.slice(0, index));
    const why = `invalid character ${code} (at position ${position})`;
    return { type: 'FieldValueInvalid', field, message: `Invalid value: ${goQuote(manager)}: ${why}` };
  });
  return [...tooLong, ...unprintable];
}

const MAX_MANAGER_BYTES = 128;

/** What Go does not print: no letter, mark, number, punctuation, symbol, nor the space. */
const NOT_PRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** Who writes: the query says so, else the name of the program. */
export function managerOf({ query, userAgent }: Pick<Call, 'query' | 'userAgent'>): string {
  const named = query.get('fieldManager') ?? '';
  if (named !== '') return named;
  const [program = ''] = userAgent.split('/');
  return Buffer.from(program.replaceAll(NOT_PRINTABLE, '')).subarray(0, MAX_MANAGER_BYTES).toString();
}

/** Whether an apply may take fields from others. */
export function isForced({ query }: Pick<Call, 'query'>): boolean {
  const force = (query.get('force') ?? '').toLowerCase();
  return query.has('force') && force !== 'false' && force !== '0';
}

function checkDryRun(query: URLSearchParams): FieldError[] {
  const dryRun = dryRunOf(query);
  return dryRun.some((text) => text !== 'All') ? [unsupported('dryRun', dryRun, ['All'])] : [];
}

function checkFieldValidation(mode: string): FieldError[] {
  return FIELD_VALIDATION.includes(mode) ? [] : [unsupported('fieldValidation', mode, FIELD_VALIDATION)];
}

/** Whether the request wants everything done but the storing. */
export function isDryRun({ query }: Call): boolean {
  return dryRunOf(query).length > 0;
}

function dryRunOf(query: URLSearchParams): string[] {
  return query.getAll('dryRun').filter((text) => text !== '');
}

function unsupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const known = supported.map((text) => JSON.stringify(text)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${known}`;
  return { type: 'FieldValueNotSupported', field, message };
}
