/**
 * The JSONPath of printer columns (client-go util/jsonpath), as far as they use it: fields, `['name']`, indices, `[*]`, and filters such as
 * `[?(@.type=="Ready")]`. What is missing gives no result; what cannot be read throws when compiled.
 */
import { fieldOf, isObject } from './schema-lookup.ts';
import type { Json } from './types.ts';

type Step = (found: readonly Json[]) => Json[];

export function compileJsonPath(text: string): (root: Json) => Json[] {
  const steps = parse(text);
  return (root) => steps.reduce<Json[]>((found, step) => step(found), [root]);
}

const FIELD = /\.?((?:\\.|[A-Za-z0-9_$/-])+)/y;
const QUOTED = /\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;
const INDEX = /\[(-?\d+)\]/y;
const WILDCARD = /\[\*\]|\.\*/y;
const FILTER =
  /\[\?\(\s*@((?:\.[A-Za-z0-9_\\./-]+|\['[^']*'\])*)\s*(?:(==|!=|<=|>=|<|>)\s*("[^"]*"|'[^']*'|true|false|-?\d+(?:\.\d+)?)\s*)?\)\]/y;

const READERS: readonly { pattern: RegExp; step(match: RegExpExecArray): Step }[] = [
  { pattern: WILDCARD, step: () => (found) => found.flatMap(childrenOf) },
  { pattern: FIELD, step: (match) => field(unescape(match[1] ?? '')) },
  { pattern: QUOTED, step: (match) => field(unescape(match[1] ?? match[2] ?? '')) },
  { pattern: INDEX, step: (match) => index(Number(match[1])) },
  { pattern: FILTER, step: (match) => filter(match[1] ?? '', match[2], match[3]) },
];

function parse(text: string): Step[] {
  const steps: Step[] = [];
  let at = 0;
  while (at < text.length) {
    const read = readStep(text, at);
    if (read === undefined) throw new Error(`unrecognized column definition ${JSON.stringify(text)}`);
    steps.push(read.step);
    at = read.end;
  }
  return steps;
}

function readStep(text: string, at: number): { step: Step; end: number } | undefined {
  for (const reader of READERS) {
    reader.pattern.lastIndex = at;
    const match = reader.pattern.exec(text);
    if (match !== null) return { step: reader.step(match), end: reader.pattern.lastIndex };
  }
  return undefined;
}

const unescape = (name: string): string => name.replace(/\\(.)/g, '$1');

function childrenOf(value: Json): Json[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

function field(name: string): Step {
  return (found) =>
    found.flatMap((one) => {
      const held = isObject(one) ? fieldOf(one, name) : undefined;
      return held === undefined ? [] : [held];
    });
}

function index(position: number): Step {
  return (found) => found.flatMap((one) => (Array.isArray(one) ? one.slice(position).slice(0, 1) : []));
}

/** Without an operator: items that have the field. */
function filter(path: string, operator: string | undefined, literal: string | undefined): Step {
  const left = compileJsonPath(path);
  const right = literal === undefined ? undefined : parseLiteral(literal);
  return (found) =>
    found.flatMap((one) =>
      (Array.isArray(one) ? one : []).filter((candidate) => {
        const [value] = left(candidate);
        return value !== undefined && (right === undefined || compare(value, operator ?? '==', right));
      }),
    );
}

function parseLiteral(literal: string): string | number | boolean {
  if (literal === 'true' || literal === 'false') return literal === 'true';
  return /^["']/.test(literal) ? literal.slice(1, -1) : Number(literal);
}

function compare(left: Json, operator: string, right: string | number | boolean): boolean {
  if (operator === '==') return left === right;
  if (operator === '!=') return left !== right;
  if (typeof left !== typeof right || typeof left === 'object' || left === null) return false;
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}
