/** The paths of `fieldPath` and `selectableFields`: `.spec.deviceId`, `.map['key']`, checked against the schema. */
import * as errors from './field-error.ts';
import type { Path } from './field-error.ts';
import { additionalSchema, propertySchema } from './schema-lookup.ts';
import type { Schema } from './types.ts';

export interface FieldStep {
  readonly name: string;
  /** A key of a map rather than a named field: printed in brackets. */
  readonly isKey: boolean;
  readonly schema: Schema;
}

/** Throws an Error that says why, in the API server's words. */
export function fieldSteps(text: string, root: Schema): FieldStep[] {
  const steps: FieldStep[] = [];
  let schema = root;
  for (const name of splitPath(text)) {
    const property = propertySchema(schema, name);
    const isKey = schema.properties === undefined;
    const next = isKey ? additionalSchema(schema) : property;
    if (next === undefined) throw new Error('does not refer to a valid field');
    steps.push({ name, isKey, schema: next });
    schema = next;
  }
  return steps;
}

export function parseFieldPath(text: string, root: Schema): (path: Path) => Path {
  const steps = fieldSteps(text, root);
  return (path) =>
    steps.reduce((place, { name, isKey }) => (isKey ? errors.item(place, name) : errors.child(place, name)), path);
}

const SEGMENT = /\.([^.[\]']+)|\['((?:[^'\\]|\\.)*)'\]/y;

function splitPath(text: string): string[] {
  const names: string[] = [];
  SEGMENT.lastIndex = 0;
  while (SEGMENT.lastIndex < text.length) {
    const at = SEGMENT.lastIndex;
    const found = SEGMENT.exec(text);
    if (found === null) throw new Error(`expected [ or . but got: ${text.slice(at)}`);
    names.push(found[1] ?? (found[2] ?? '').replace(/\\(['\\])/g, '$1'));
  }
  return names;
}
