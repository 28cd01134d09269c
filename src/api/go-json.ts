import { Buffer } from 'node:buffer';
import { isJsonObject } from './exact-json.ts';
import type { JsonValue } from './json-value.ts';

/** JSON as Go's `json.Marshal` writes it: keys in the order of their bytes, and escaped what HTML would read. */
export function goJson(value: JsonValue): string {
  return JSON.stringify(sorted(value)).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(sorted);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
