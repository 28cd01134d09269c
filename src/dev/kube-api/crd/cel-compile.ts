/** One rule of `x-kubernetes-validations`, from text to something that can be evaluated; faults are worded as for a new CRD. */
import { Environment } from '@marcbachmann/cel-js';
import { messageOf } from '../../../base/message-of.ts';
import { findUndefinedField, isAstNode } from './cel-fields.ts';
import * as errors from './field-error.ts';
import type { Path } from './field-error.ts';
import { parseFieldPath } from './field-path.ts';
import type { FieldError, Schema, ValidationRule } from './types.ts';

type Expression = (variables: Record<string, unknown>) => unknown;

export interface Rule {
  readonly source: ValidationRule;
  readonly usesOldSelf: boolean;
  readonly fieldPath: (path: Path) => Path;
  readonly evaluate: Expression;
  readonly message: Expression | undefined;
}

/** Where in the CRD a schema stands. */
export interface Spot {
  readonly path: Path;
  readonly isResourceRoot: boolean;
  /** The list above whose items have no identity, so that there is no old value to compare with. */
  readonly uncorrelatable?: Path | undefined;
}

const ENVIRONMENT = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false })
  .registerVariable('self', 'dyn')
  .registerVariable('oldSelf', 'dyn');

export function compileRule(
  source: ValidationRule,
  schema: Schema,
  spot: Spot,
  faults: FieldError[],
): Rule | undefined {
  const { rule, messageExpression } = source;
  const fieldPath = compileFieldPath(source, schema, spot, faults);
  const evaluate = compileExpression(rule, 'rule', schema, spot, faults);
  const message =
    messageExpression === undefined
      ? undefined
      : compileExpression(messageExpression, 'messageExpression', schema, spot, faults);
  if (evaluate === undefined) return undefined;
  const usesOldSelf = mentions(ENVIRONMENT.parse(rule).ast, 'oldSelf');
  if (usesOldSelf && spot.uncorrelatable !== undefined && source.optionalOldSelf !== true) {
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${spot.uncorrelatable}`;
    faults.push(errors.invalid(errors.child(spot.path, 'rule'), rule, why));
  }
  return { source, usesOldSelf, fieldPath, evaluate, message };
}

function compileFieldPath(
  { fieldPath }: ValidationRule,
  schema: Schema,
  { path }: Spot,
  faults: FieldError[],
): (path: Path) => Path {
  if (fieldPath === undefined) return (place) => place;
  try {
    return parseFieldPath(fieldPath, schema);
  } catch {
    faults.push(errors.invalid(errors.child(path, 'fieldPath'), fieldPath, 'must be a valid path'));
    return (place) => place;
  }
}

const RESULTS = {
  rule: { type: 'bool', wrong: 'cel expression must evaluate to a bool', prefix: '' },
  messageExpression: {
    type: 'string',
    wrong: 'messageExpression must evaluate to a string',
    prefix: 'messageExpression ',
  },
} as const;

function compileExpression(
  text: string,
  field: keyof typeof RESULTS,
  schema: Schema,
  { path, isResourceRoot }: Spot,
  faults: FieldError[],
): Expression | undefined {
  const place = errors.child(path, field);
  const { type, wrong, prefix } = RESULTS[field];
  if (text.trim() === '') {
    faults.push(errors.required(place, `${field} is not specified`));
    return undefined;
  }
  try {
    const parsed = ENVIRONMENT.parse(text);
    const checked = parsed.check();
    if (checked.error !== undefined) throw checked.error;
    const missing = findUndefinedField(parsed.ast, schema, isResourceRoot);
    if (missing !== undefined) throw new Error(`undefined field '${missing}'`);
    if (checked.type !== type && checked.type !== 'dyn') faults.push(errors.invalid(place, text, wrong));
    return parsed;
  } catch (cause) {
    faults.push(errors.invalid(place, text, `${prefix}compilation failed: ${firstLine(cause)}`));
    return undefined;
  }
}

function mentions(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((one) => mentions(one, name));
  if (!isAstNode(node)) return false;
  return (node.op === 'id' && node.args === name) || mentions(node.args, name);
}

export function firstLine(cause: unknown): string {
  const text = messageOf(cause);
  return text.split('\n', 1)[0] ?? text;
}
