import { isJsonObject } from '../api/exact-json.ts';
import { hash } from 'node:crypto';
import type { JsonObject, JsonValue } from '../api/device.ts';

/**
 * The one text of a value: keys sorted, fields that are `null` left out (null is unset), −0 written as 0. Elements of arrays stay,
 * null or not, because their place means something.
 */
export function canonicalJson(value: JsonValue): string {
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(Object.is(value, -0) ? 0 : value);
  const fields = Object.keys(value).sort();
  const written: string[] = [];
  for (const name of fields) {
    const field = value[name] ?? null;
    if (field !== null) written.push(`${JSON.stringify(name)}:${canonicalJson(field)}`);
  }
  return `{${written.join(',')}}`;
}

/** Identifies a value: 128 bits of SHA-256 over its canonical text, base64url (22 characters). */
export function digest(value: JsonValue): string {
  // Hex between the two: it takes a fifth of the time that a Hash object and its buffer take.
  return Buffer.from(hash('sha256', canonicalJson(value)).slice(0, 32), 'hex').toString('base64url');
}

/** True when every field of `desired` equals that field of `reported`, which may say more. Null and absent are the same. */
export function includes(reported: JsonValue, desired: JsonValue): boolean {
  return matches(reported, desired, false);
}

/** True when no field that both name differs: what a report leaves out (a password) is not held against it. */
export function agrees(reported: JsonValue, desired: JsonValue): boolean {
  return matches(reported, desired, true);
}

function matches(reported: JsonValue, desired: JsonValue, mayOmit: boolean): boolean {
  if (isList(desired)) return isList(reported) && listsMatch(reported, desired, mayOmit);
  if (isJsonObject(desired)) return isJsonObject(reported) && fieldsMatch(reported, desired, mayOmit);
  if (typeof desired === 'number' && typeof reported === 'number') return numbersMatch(reported, desired);
  return reported === desired;
}

function listsMatch(reported: readonly JsonValue[], desired: readonly JsonValue[], mayOmit: boolean): boolean {
  if (reported.length !== desired.length) return false;
  return desired.every((element, at) => matches(reported[at] ?? null, element, mayOmit));
}

function fieldsMatch(reported: JsonObject, desired: JsonObject, mayOmit: boolean): boolean {
  return Object.keys(desired).every((name) => {
    const want = desired[name] ?? null;
    if (want === null) return true;
    const have = Object.hasOwn(reported, name) ? (reported[name] ?? null) : null;
    return have === null ? mayOmit : matches(have, want, mayOmit);
  });
}

/** A device that computes in 32-bit floats echoes 3.2 as 3.2000000477; whole numbers must be equal to the last digit. */
function numbersMatch(reported: number, desired: number): boolean {
  if (reported === desired) return true;
  if (Number.isInteger(reported) && Number.isInteger(desired)) return false;
  return Math.fround(reported) === Math.fround(desired);
}

const isList = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);
