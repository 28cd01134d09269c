/** 409 of an apply that would take fields from others. */
import { printPath } from '../../structured-merge/path-element.ts';
import type { Conflict } from '../../structured-merge/owners.ts';
import { StatusError } from '../errors.ts';
import { managerOfKey } from './entries.ts';

export function applyConflict(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${printManager(manager)}`,
    field: printPath(path),
  }));
  return new StatusError(409, 'Conflict', summary(conflicts), { causes });
}

function summary(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (only !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${printManager(only.manager)}: ${printPath(only.path)}`;
  }
  const managers = [...new Set(conflicts.map(({ manager }) => manager))].sort();
  const lines = managers.flatMap((manager) => [
    `conflicts with ${printManager(manager)}:`,
    ...conflicts.filter((one) => one.manager === manager).map(({ path }) => `- ${printPath(path)}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

function printManager(key: string): string {
  const { manager = '', operation, apiVersion = '', subresource } = managerOfKey(key);
  const through = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  const how = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(manager)}${through}${how}`;
}
