/** JSON as CEL sees it through a schema: integers as int, timestamps as timestamp, field names escaped. */
import { isNumeral } from '../../../api/exact-json.ts';
import { evaluate } from '@marcbachmann/cel-js';
import { additionalSchema, fieldOf, isObject } from './schema-lookup.ts';
import type { Json, JsonObject, Schema } from './types.ts';

type Convert = (value: Json) => unknown;

const RESERVED: ReadonlySet<string> = new Set([
  'true',
  'false',
  'null',
  'in',
  'as',
  'break',
  'const',
  'continue',
  'else',
  'for',
  'function',
  'if',
  'import',
  'let',
  'loop',
  'package',
  'namespace',
  'return',
  'var',
  'void',
  'while',
]);

/** The name a field has in rules (`x-y` is `x__dash__y`), or undefined where rules cannot name it. */
export function escapeFieldName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return undefined;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

/**
 * The conversion for values of a schema; undefined where JSON is right as it stands. Maps become Map, whose keys may be any word
 * (`constructor` too); lists and objects are made anew, because cel-js knows values by their constructor.
 */
export function compileCelValue(schema: Schema, isResourceRoot = false): Convert | undefined {
  if (schema['x-kubernetes-int-or-string'] === true || schema.type === 'integer') return toInt;
  if (schema.type === 'string') return STRING_FORMATS.get(schema.format ?? '');
  if (schema.type === 'array') return convertItems(schema.items);
  if (schema.type === 'boolean' || schema.type === 'number') return undefined;
  if (schema.type !== 'object') return toFree;
  const additional = additionalSchema(schema);
  if (additional !== undefined) return convertValues(additional);
  return convertFields(schema, isResourceRoot || schema['x-kubernetes-embedded-resource'] === true);
}

const toInt: Convert = (value) => (typeof value === 'number' ? BigInt(Math.trunc(value)) : value);
const toTimestamp: Convert = (value) => (typeof value === 'string' ? new Date(value) : value);

const STRING_FORMATS: ReadonlyMap<string, Convert> = new Map([
  ['date', toTimestamp],
  ['date-time', toTimestamp],
  ['duration', (value: Json): unknown => (typeof value === 'string' ? toDuration(value) : value)],
  ['byte', (value: Json): unknown => (typeof value === 'string' ? toBytes(value) : value)],
]);

/** A value that rules cannot look at, in the words of kube-apiserver. */
export class CelValueError extends Error {}

/** kube-apiserver checks the format as base64 and then reads it as base64url, in which these two do not exist (kube-openapi#633). */
function toBytes(text: string): Uint8Array {
  const at = text.search(/[+/]/);
  if (at < 0) return new Uint8Array(Buffer.from(text, 'base64'));
  throw new CelValueError(`Invalid byte formatted string ${text}: illegal base64 data at input byte ${at}`);
}

/** Scala's durations (`3 days`) are summed up in Go's hours and smaller. */
function toDuration(text: string): unknown {
  const isGo = /^[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+$/.test(text);
  const parts = text.matchAll(/(\d+)\s*([a-zµ]+)/gi);
  const go = isGo ? text : [...parts].map(([, count, unit]) => goUnits(Number(count), unit ?? '')).join('');
  return evaluate('duration(text)', { text: go === '' ? '0s' : go });
}

function goUnits(count: number, unit: string): string {
  const name = unit.toLowerCase();
  if (name.startsWith('w')) return `${count * 7 * 24}h`;
  if (name.startsWith('d')) return `${count * 24}h`;
  if (/^(n|mic|us|µ)/.test(name)) return `${count}${name.startsWith('n') ? 'n' : 'u'}s`;
  if (/^(mil|ms)/.test(name)) return `${count}ms`;
  return `${count}${name.charAt(0)}`;
}

function convertItems(items: Schema | undefined): Convert | undefined {
  const convert = items === undefined ? undefined : compileCelValue(items);
  if (convert === undefined) return undefined;
  return (value) => (Array.isArray(value) ? Array.from(value, convert) : value);
}

function convertValues(additional: Schema): Convert {
  const convert = compileCelValue(additional) ?? ((value: Json): unknown => value);
  return (value) =>
    isObject(value) ? new Map(Object.entries(value).map(([name, one]) => [name, convert(one)])) : value;
}

/** Free-form JSON, of which no more is known than that it can be compared. */
function toFree(value: Json): unknown {
  if (Array.isArray(value)) return Array.from(value, toFree);
  if (isNumeral(value)) return BigInt(value.rawJSON);
  return isObject(value) ? new Map(Object.entries(value).map(([name, one]) => [name, toFree(one)])) : value;
}

function convertFields(schema: Schema, isResource: boolean): Convert {
  if (schema.properties === undefined && !isResource) return toFree;
  const fields = Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    escaped: escapeFieldName(name),
    convert: compileCelValue(one),
  }));
  return (value) => {
    if (!isObject(value)) return value;
    const converted: Record<string, unknown> = isResource ? resourceFields(value) : {};
    for (const { name, escaped, convert } of fields) {
      const held = fieldOf(value, name);
      if (held === undefined || escaped === undefined || (isResource && name === 'metadata')) continue;
      if (held === null || convert === undefined) converted[escaped] = held;
      else putConverted(converted, escaped, () => convert(held));
    }
    return converted;
  };
}

/** What cannot be converted is an error only for a rule that looks at it. */
export function putConverted(converted: Record<string, unknown>, name: string, convert: () => unknown): void {
  try {
    converted[name] = convert();
  } catch (error) {
    const get = (): never => {
      throw error;
    };
    Object.defineProperty(converted, name, { get, enumerable: true });
  }
}

/** Of a resource's metadata, rules see the names only. */
function resourceFields(resource: JsonObject): Record<string, unknown> {
  const metadata = fieldOf(resource, 'metadata');
  const { apiVersion, kind } = resource;
  const names = isObject(metadata)
    ? Object.fromEntries(Object.entries(metadata).filter(([name]) => name === 'name' || name === 'generateName'))
    : {};
  return { apiVersion, kind, metadata: names };
}
