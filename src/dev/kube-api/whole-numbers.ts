/** Whole numbers of 64 bits as Go has them: no digit is lost between the body of a request, the store and an answer. */
import { isNumeral, wholeOf } from '../../api/exact-json.ts';
import type { JsonValue } from '../../api/device.ts';
import type { Json } from './crd/types.ts';

const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/** What a body says: a whole number beyond int64 becomes a float. Throws a SyntaxError for a number beyond floats. */
export function narrowNumbers(value: JsonValue): Json {
  if (isNumeral(value)) return narrowNumeral(value.rawJSON, wholeOf(value)) ?? (value as unknown as Json);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(narrowNumbers);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, narrowNumbers(one)]));
}

/** Undefined: it stays as it is. */
function narrowNumeral(text: string, whole: bigint | undefined): number | undefined {
  if (!Number.isFinite(Number(text))) throw new SyntaxError(`number ${text.slice(0, 40)} is out of range`);
  const isFloat = whole === undefined || whole < LEAST || whole > MOST || !/^-?\d+$/.test(text);
  return isFloat ? Number(text) : undefined;
}

/** A copy that shares nothing that can change. */
export function cloneJson<T extends Json>(value: T): T;
export function cloneJson(value: Json): Json {
  if (typeof value !== 'object' || value === null || isNumeral(value)) return value;
  if (Array.isArray(value)) return value.map((one) => cloneJson(one));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, cloneJson(one)]));
}
