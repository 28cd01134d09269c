import type { JsonObject, JsonValue } from '../api/device.ts';
import { isJsonObject, isNumeral, wholeOf } from '../api/exact-json.ts';
import { FORBIDDEN_NAMES } from './topics.ts';

export interface FlawOptions {
  /** Levels of objects and lists that `value` may have, itself included. */
  readonly maxNesting: number;
  /** A schema says what a long whole number is; without one it would be another number to most who read it. */
  readonly isTyped?: boolean;
}

/** Levels of a document around the value of a message. */
export const DOCUMENT_LEVELS = 3;

/**
 * Why a message's value cannot be the same at both ends, with its path; undefined: it can. What a parser on the way refuses or changes
 * is found here, before it is sent or kept.
 */
export function flawOf(value: JsonObject, options: FlawOptions): string | undefined {
  const flaw = flawAt(value, options, options.maxNesting);
  if (flaw === undefined) return undefined;
  const path = flaw.path.startsWith('.') ? flaw.path.slice(1) : flaw.path;
  return `${path.length <= MAX_PATH ? path : `${path.slice(0, MAX_PATH).toWellFormed()}…`} ${flaw.why}`.trim();
}

/** Characters of a path, and of a key in it, in a sentence for people. */
const MAX_PATH = 256;
const MAX_KEY = 40;

interface Flaw {
  /** Made on the way out: most values have none. */
  readonly path: string;
  readonly why: string;
}

function flawAt(value: JsonValue, options: FlawOptions, levels: number): Flaw | undefined {
  const why = flawOfScalar(value, options) ?? (isLeaf(value) || levels > 0 ? undefined : NESTS);
  if (why !== undefined) return { path: '', why };
  if (isLeaf(value)) return undefined;
  return isJsonObject(value) ? flawOfFields(value, options, levels) : flawOfElements(value, options, levels);
}

const NESTS = 'nests deeper than a document may';
const isLeaf = (value: JsonValue): value is null | boolean | number | string =>
  typeof value !== 'object' || value === null || isNumeral(value);

function flawOfScalar(value: JsonValue, { isTyped }: FlawOptions): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'is not valid Unicode';
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `is ${value}, which JSON cannot say`;
  if (!isNumeral(value) || (isTyped === true && wholeOf(value) !== undefined)) return undefined;
  return `is ${value.rawJSON.slice(0, MAX_KEY)}, which a number of JSON does not hold to the last digit; write it as a string`;
}

function flawOfFields(value: JsonObject, options: FlawOptions, levels: number): Flaw | undefined {
  for (const name of Object.keys(value)) {
    const flaw = flawOfName(name) ?? flawAt(value[name] ?? null, options, levels - 1);
    if (flaw !== undefined) return { ...flaw, path: stepTo(name) + flaw.path };
  }
  return undefined;
}

function flawOfName(name: string): Flaw | undefined {
  if (FORBIDDEN_NAMES.has(name)) return { path: '', why: 'is a name that no field may have' };
  return name.isWellFormed() ? undefined : { path: '', why: 'is a name that is not valid Unicode' };
}

function flawOfElements(value: readonly JsonValue[], options: FlawOptions, levels: number): Flaw | undefined {
  for (const [at, element] of value.entries()) {
    const flaw = flawAt(element, options, levels - 1);
    if (flaw !== undefined) return { ...flaw, path: `[${at}]${flaw.path}` };
  }
  return undefined;
}

function stepTo(name: string): string {
  if (/^\w{1,64}$/.test(name)) return `.${name}`;
  const shown = JSON.stringify(name);
  return `[${shown.length <= MAX_KEY ? shown : `${shown.slice(0, MAX_KEY - 1).toWellFormed()}…`}]`;
}
