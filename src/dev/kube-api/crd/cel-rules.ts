/**
 * `x-kubernetes-validations`: compiles the rules of a schema once and evaluates them over an object, in kube-apiserver's order and
 * wording (apiextensions-apiserver, pkg/apiserver/schema/cel). Costs are not counted: a rule that a real server would stop runs here.
 */
import { Optional } from '@marcbachmann/cel-js';
import { compileRule, firstLine } from './cel-compile.ts';
import type { Rule, Spot } from './cel-compile.ts';
import { CelValueError, compileCelValue, putConverted } from './cel-value.ts';
import { correlateField, correlateItem, findByKeys, isUnchanged } from './correlation.ts';
import type { Correlation } from './correlation.ts';
import * as errors from './field-error.ts';
import type { Path } from './field-error.ts';
import { additionalSchema, fieldOf, isObject } from './schema-lookup.ts';
import type { FieldError, Json, JsonObject, Schema, ValidationRule } from './types.ts';

/** Evaluates all rules at and below a node; `old` undefined: there is nothing to compare with. */
export type RuleCheck = (value: Json, old: Json | undefined, path: Path, near: Nearness) => FieldError[];

/** The correlation of a node, and the nearest one above it, by which unchanged nodes are spared. */
export interface Nearness {
  readonly current: Correlation | undefined;
  readonly parent: Correlation | undefined;
}

/** Undefined where no rule stands at or below the schema; what does not compile is added to `faults`. */
export function compileRules(schema: Schema, spot: Spot, faults: FieldError[]): RuleCheck | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).flatMap(
    (source, index) => compileRule(source, schema, below(spot, 'x-kubernetes-validations', index), faults) ?? [],
  );
  const here = rules.length === 0 ? undefined : checkRules(rules, schema, spot.isResourceRoot);
  const deeper = compileBelow(schema, spot, faults);
  if (here === undefined && deeper === undefined) return undefined;
  return (value, old, place, near) => {
    if (value === null) return [];
    return [...(here?.(value, old, place, near) ?? []), ...(deeper?.(value, old, place, near) ?? [])];
  };
}

/** The place of a part of the schema. */
function below(spot: Spot, keyword: string, key?: string | number): Spot {
  const path = errors.child(spot.path, keyword);
  return { ...spot, path: key === undefined ? path : errors.item(path, key) };
}

function compileBelow(schema: Schema, spot: Spot, faults: FieldError[]): RuleCheck | undefined {
  const inside = { ...spot, isResourceRoot: false };
  const isKeyed = schema['x-kubernetes-list-type'] === 'map';
  const uncorrelatable = spot.uncorrelatable ?? (isKeyed ? undefined : spot.path);
  const itemsSpot = { ...below(inside, 'items'), uncorrelatable };
  const items = schema.items && compileRules(schema.items, itemsSpot, faults);
  const additional = additionalSchema(schema);
  const values = additional && compileRules(additional, below(inside, 'additionalProperties'), faults);
  const fields = new Map<string, RuleCheck>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const check = compileRules(property, below(inside, 'properties', name), faults);
    if (check !== undefined) fields.set(name, check);
  }
  if (items === undefined && values === undefined && fields.size === 0) return undefined;
  return (value, old, place, near) => {
    if (Array.isArray(value)) return items === undefined ? [] : checkItems(items, schema, value, old, place, near);
    return isObject(value) ? checkFields(fields, values, value, old, place, near) : [];
  };
}

function checkItems(
  check: RuleCheck,
  schema: Schema,
  list: readonly Json[],
  old: Json | undefined,
  path: Path,
  near: Nearness,
): FieldError[] {
  const oldList = Array.isArray(old) ? old : [];
  return list.flatMap((one, index) => {
    const next =
      near.current === undefined ? near : { current: correlateItem(near.current, index), parent: near.current };
    return check(one, findByKeys(schema, oldList, one), errors.item(path, index), next);
  });
}

function checkFields(
  fields: ReadonlyMap<string, RuleCheck>,
  values: RuleCheck | undefined,
  object: JsonObject,
  old: Json | undefined,
  path: Path,
  near: Nearness,
): FieldError[] {
  return Object.entries(object).flatMap(([name, value]) => {
    const check = fields.get(name) ?? values;
    if (check === undefined) return [];
    const place = fields.has(name) ? errors.child(path, name) : errors.item(path, name);
    const next =
      near.current === undefined ? near : { current: correlateField(near.current, name), parent: near.current };
    return check(value, isObject(old) ? fieldOf(old, name) : undefined, place, next);
  });
}

function checkRules(rules: readonly Rule[], schema: Schema, isResourceRoot: boolean): RuleCheck {
  const toCel = compileCelValue(schema, isResourceRoot) ?? ((value: Json): unknown => value);
  return (value, old, path, near) => {
    const before = old === undefined || old === null ? undefined : { value: old };
    const variables = variablesOf(value, before, toCel);
    const optional = rules.some(({ source }) => source.optionalOldSelf === true)
      ? variablesOf(value, before, toCel, true)
      : variables;
    return rules.flatMap((rule) => {
      const isOptional = rule.source.optionalOldSelf === true;
      if (rule.usesOldSelf && before === undefined && !isOptional) return [];
      const error = checkRule(rule, isOptional ? optional : variables, value, schema, path);
      if (error === undefined) return [];
      const isSpared = error.isVerdict && !rule.usesOldSelf && isUnchanged(near.current ?? near.parent);
      return isSpared ? [] : [error.error];
    });
  };
}

function variablesOf(
  value: Json,
  before: { readonly value: Json } | undefined,
  toCel: (value: Json) => unknown,
  isOptional = false,
): Record<string, unknown> {
  const variables: Record<string, unknown> = {};
  putConverted(variables, 'self', () => toCel(value));
  putConverted(variables, 'oldSelf', () => {
    const old = before === undefined ? undefined : toCel(before.value);
    if (!isOptional) return old;
    return before === undefined ? Optional.none() : Optional.of(old);
  });
  return variables;
}

/** `isVerdict`: the rule said no; otherwise it could not be evaluated. */
function checkRule(
  rule: Rule,
  variables: Record<string, unknown>,
  value: Json,
  schema: Schema,
  path: Path,
): { error: FieldError; isVerdict: boolean } | undefined {
  const type = schema.type ?? '';
  const { source } = rule;
  try {
    if (rule.evaluate(variables) === true) return undefined;
  } catch (cause) {
    const text = (source.message ?? source.rule).trim();
    const reason = cause instanceof CelValueError ? cause.message : goWording(firstLine(cause));
    const detail = reason.startsWith('no such overload')
      ? `'no such overload': call arguments did not match a supported operator, function or macro signature for rule: ${text}`
      : `${reason} evaluating rule: ${text}`;
    return { error: errors.invalid(path, type, detail), isVerdict: false };
  }
  const shown = type === 'object' || type === 'array' ? undefined : value;
  return { error: ruleError(source, rule.fieldPath(path), shown, messageOf(rule, variables)), isVerdict: true };
}

function ruleError({ reason }: ValidationRule, path: Path, value: Json | undefined, detail: string): FieldError {
  if (reason === 'FieldValueForbidden') return errors.forbidden(path, detail);
  if (reason === 'FieldValueRequired') return errors.required(path, detail);
  if (reason === 'FieldValueDuplicate') return errors.duplicate(path, value);
  return errors.invalid(path, value, detail);
}

const MAX_MESSAGE_BYTES = 5 * 1024;

function messageOf({ source, message }: Rule, variables: Record<string, unknown>): string {
  const fallback = source.message?.trim() ?? `failed rule: ${source.rule.trim()}`;
  if (message === undefined) return fallback;
  try {
    const made = message(variables);
    const text = typeof made === 'string' ? made.trim() : '';
    return text === '' || text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? fallback : text;
  } catch {
    return fallback; // As the API server: the rule failed, and its own message is the next best.
  }
}

/** The messages of cel-go, where rules meet them: a missing key, an index beyond the end. */
function goWording(text: string): string {
  const index = /index out of bounds, index (-?\d+)/.exec(text);
  if (index !== null) return `index out of bounds: ${index[1]}`;
  return text.charAt(0).toLowerCase() + text.slice(1);
}
