/**
 * JSON whose numbers are never another one than was written. JSON.parse makes 9007199254740992 of 9007199254740993, and Infinity of
 * 1e400, without a word; here such a numeral stays the text it was, and is written again as that text (decision 0044).
 */
import type { JsonObject, JsonValue } from './device.ts';

/** What JSON.parse and JSON.stringify can do since V8 11.4, and the types of the language do not know yet. */
interface SourceAccess {
  parse(text: string, revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON(text: string): Numeral;
  isRawJSON(value: unknown): value is Numeral;
}
const native = JSON as unknown as SourceAccess;

/** A number of JSON that no number of JavaScript is. Its type is that of an object, and so it is one to `typeof`. */
export interface Numeral extends JsonObject {
  readonly rawJSON: string;
}

export const isNumeral = (value: unknown): value is Numeral => native.isRawJSON(value);

/** An object of JSON: no list, and no numeral, which is an object to `typeof` alone. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isNumeral(value);
}

/** The whole number that it is; undefined for one so near zero, or so far from it, that no number of JavaScript is like it. */
export function wholeOf({ rawJSON }: Numeral): bigint | undefined {
  const { digits, exponent } = decimalOf(rawJSON);
  if (exponent < 0 || !Number.isFinite(Number(rawJSON))) return undefined;
  const size = BigInt(digits) * 10n ** BigInt(exponent);
  return rawJSON.startsWith('-') ? -size : size;
}

/** The double that it is, however that is written; undefined where it is none. A device may write 1e23 as 99999999999999991611392. */
export function doubleOf(numeral: Numeral): number | undefined {
  const number = Number(numeral.rawJSON);
  return Number.isFinite(number) && wholeOf(numeral) === BigInt(Math.trunc(number)) ? number : undefined;
}

/** Reads JSON; throws a SyntaxError for what is none. Costs nothing more than JSON.parse unless there is a numeral of note. */
export function readJson(text: string): JsonValue {
  return hasLongNumeral(text) || EXPONENT.test(text) ? reviveNumerals(text) : (JSON.parse(text) as JsonValue);
}

/** The same for what an API server wrote: it writes exponents only where it has a float, and then without loss. */
export function readApiJson(text: string): unknown {
  return hasLongNumeral(text) ? reviveNumerals(text) : JSON.parse(text);
}

function reviveNumerals(text: string): JsonValue {
  return native.parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && !isKept(source, value) ? native.rawJSON(source) : value,
  ) as JsonValue;
}

/** With a character after it that no text has there. */
const EXPONENT = /\d[eE][+-]?\d+\s*(?:[,\]}]|$)/;

/** Every whole number of fewer digits is kept. */
const MIN_LOST_DIGITS = 16;

/** True when there may be a numeral that a double cannot hold; found by looking at every sixteenth character. Digits of a fraction do not count. */
export function hasLongNumeral(text: string): boolean {
  for (let at = MIN_LOST_DIGITS - 1; at < text.length; at += MIN_LOST_DIGITS) {
    if (!isDigit(text, at)) continue;
    let start = at;
    while (isDigit(text, start - 1)) start -= 1;
    let end = at + 1;
    while (isDigit(text, end)) end += 1;
    if (end - start >= MIN_LOST_DIGITS && text[start - 1] !== '.') return true;
    // No digit is looked at for a second time, however many a fraction has.
    at = end - 1;
  }
  return false;
}

/** Out of bounds there is none. */
function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

/**
 * True when `number` is what `numeral` says. A fraction may be rounded, as every reader of JSON does; a whole number must be written
 * again digit by digit, and nothing may become infinite or zero.
 */
function isKept(numeral: string, number: number): boolean {
  if (!Number.isFinite(number)) return false;
  // Doubles this small are made of no other whole number; most numerals are decided here.
  if (number !== 0 && Math.abs(number) <= Number.MAX_SAFE_INTEGER) return true;
  const given = decimalOf(numeral);
  if (given.exponent < 0) return number !== 0;
  const kept = decimalOf(String(number));
  return given.digits === kept.digits && given.exponent === kept.exponent;
}

/** Digits without zeros at either end, and the power of ten of the last. Zero has no digits. */
function decimalOf(numeral: string): { readonly digits: string; readonly exponent: number } {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(numeral) ?? [];
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = withoutZerosAtEnd(all);
  if (digits === '') return { digits, exponent: 0 };
  return { digits, exponent: Number(exponent) - fraction.length + (all.length - digits.length) };
}

/** By hand: a regular expression tries every run of zeros from each of its characters, seconds for what one device may send. */
function withoutZerosAtEnd(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
}
