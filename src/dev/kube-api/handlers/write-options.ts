/** What a write may ask for in its query (apimachinery, pkg/apis/meta/v1/validation). */
import { invalidOptions } from '../errors.ts';
import type { Call } from './call.ts';

export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions';

const FIELD_VALIDATION = ['', 'Ignore', 'Strict', 'Warn'];

/** Throws 422 when there is anything wrong with the options of a write. */
export function checkOptions({ query }: Call, kind: OptionsKind): void {
  const dryRun = dryRunOf(query);
  if (dryRun.some((text) => text !== 'All')) throw unsupported(kind, 'dryRun', dryRun, ['All']);
  const mode = query.get('fieldValidation') ?? '';
  if (kind !== 'DeleteOptions' && !FIELD_VALIDATION.includes(mode)) {
    throw unsupported(kind, 'fieldValidation', mode, FIELD_VALIDATION);
  }
}

/** Whether the request wants everything done but the storing. */
export function isDryRun({ query }: Call): boolean {
  return dryRunOf(query).length > 0;
}

function dryRunOf(query: URLSearchParams): string[] {
  return query.getAll('dryRun').filter((text) => text !== '');
}

function unsupported(kind: OptionsKind, field: string, value: unknown, supported: readonly string[]) {
  const known = supported.map((text) => JSON.stringify(text)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${known}`;
  return invalidOptions(kind, [{ type: 'FieldValueNotSupported', field, message }]);
}
