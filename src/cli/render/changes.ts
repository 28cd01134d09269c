import type { JsonValue } from '../../api/device.ts';
import type { FieldChange } from './field-diff.ts';
import type { Palette } from './color.ts';

/** One line for each change: what goes in red, what comes in green. */
export function renderChanges(changes: readonly FieldChange[], palette: Palette, indent = '  '): string {
  return changes.map((change) => `${indent}${renderChange(change, palette)}\n`).join('');
}

function renderChange({ path, before, after }: FieldChange, palette: Palette): string {
  if (before === undefined) return palette.good(`+ ${path}: ${show(after)}`);
  if (after === undefined) return palette.bad(`- ${path}: ${show(before)}`);
  return `${palette.waiting('~')} ${path}: ${palette.bad(show(before))} → ${palette.good(show(after))}`;
}

export function show(value: JsonValue | undefined): string {
  return value === undefined ? '-' : JSON.stringify(value);
}
