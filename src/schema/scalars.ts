import { Buffer } from 'node:buffer';
import type { Reader, Writer } from 'protobufjs/minimal.js';
import type { JsonValue } from '../api/device.ts';
import { doubleOf, isNumeral, readJson, wholeOf } from '../api/exact-json.ts';
import { Misfit } from './misfit.ts';
import { WIRE_32, WIRE_64, WIRE_BYTES, WIRE_VARINT, decodeText, longText } from './wire-reader.ts';

/** One kind of protobuf scalar: its canonical JSON, and how that goes on the wire. */
export interface Scalar {
  /** Any accepted JSON form → the canonical one. Throws Misfit. */
  readonly canonicalize: (value: JsonValue) => JsonValue;
  /** The default, in canonical form. */
  readonly zero: JsonValue;
  readonly wireType: number;
  /** Writes a canonical value. */
  readonly write: (writer: Writer, value: JsonValue) => void;
  /** Reads a canonical value. */
  readonly read: (reader: Reader) => JsonValue;
}

const isNumber = (value: JsonValue): value is number => typeof value === 'number';
const isString = (value: JsonValue): value is string => typeof value === 'string';

/** Decimal text with or without fraction and exponent, as JSON writes numbers. */
const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

function integer32(least: number, most: number): (value: JsonValue) => number {
  const expected = `a whole number from ${least} to ${most}`;
  return (value) => {
    const number = isString(value) && DECIMAL.test(value) ? Number(value) : value;
    if (!isNumber(number) || !Number.isInteger(number) || number < least || number > most) {
      throw new Misfit(value, expected);
    }
    // −0 is 0.
    return number === 0 ? 0 : number;
  };
}

function integer64(least: bigint, most: bigint): (value: JsonValue) => string {
  const expected = `a whole number from ${least} to ${most}`;
  return (value) => {
    const number = toBigInt(value, expected);
    if (number < least || number > most) throw new Misfit(value, expected);
    return String(number);
  };
}

function toBigInt(value: JsonValue, expected: string): bigint {
  if (isString(value) && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  const whole = isNumeral(value) ? wholeOf(value) : undefined;
  if (whole !== undefined) return whole;
  const number = isString(value) && DECIMAL.test(value) ? Number(value) : value;
  if (!isNumber(number) || !Number.isInteger(number)) throw new Misfit(value, expected);
  if (Number.isSafeInteger(number)) return BigInt(number);
  // Its digits are those of the nearest double, which need not be the ones that were meant.
  throw new Misfit(value, `${expected}; write one beyond 9007199254740991 as a string`);
}

const NOT_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function floating(round: (value: number) => number, expected: string): (value: JsonValue) => JsonValue {
  return (value) => {
    if (isString(value) && Object.hasOwn(NOT_FINITE, value)) return value;
    const number = exactDouble(isString(value) && DECIMAL.test(value) ? numberOf(value) : value);
    if (!isNumber(number)) throw new Misfit(value, `${expected}, "NaN", "Infinity" or "-Infinity"`);
    const rounded = round(number);
    if (!Number.isFinite(rounded)) throw new Misfit(value, expected);
    return rounded === 0 ? 0 : rounded;
  };
}

/** A numeral in a string, which may begin with zeros where JSON has none. */
const numberOf = (text: string): JsonValue => readJson(text.replace(/^(-?)0+(?=\d)/, '$1'));

function exactDouble(value: JsonValue): JsonValue {
  if (!isNumeral(value)) return value;
  const double = doubleOf(value);
  if (double === undefined) throw new Misfit(value, 'a number that a double holds');
  return double;
}

/** The number with the fewest digits that is the same 32-bit float: 3.2, not 3.200000047683716. */
function shortestFloat(value: number): number {
  const float = Math.fround(value);
  for (let digits = 6; digits <= 9; digits += 1) {
    const candidate = Number(float.toPrecision(digits));
    if (Math.fround(candidate) === float) return candidate;
  }
  return float;
}

const fromJson = (value: JsonValue): number => (isString(value) ? (NOT_FINITE[value] ?? 0) : Number(value));
const toJson = (value: number): JsonValue => {
  if (Number.isFinite(value)) return value === 0 ? 0 : value;
  return String(value);
};

function canonicalText(value: JsonValue): string {
  if (!isString(value)) throw new Misfit(value, 'a string');
  if (!value.isWellFormed()) throw new Misfit(value, 'a string of valid Unicode');
  return value;
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

function canonicalBytes(value: JsonValue): string {
  if (!isString(value) || !BASE64.test(value)) throw new Misfit(value, 'bytes in base64');
  const digits = value.replaceAll('=', '');
  if (digits.length % 4 === 1 || (value.length > digits.length && value.length % 4 !== 0)) {
    throw new Misfit(value, 'bytes in base64');
  }
  return Buffer.from(digits, 'base64').toString('base64');
}

function canonicalBool(value: JsonValue): boolean {
  if (typeof value !== 'boolean') throw new Misfit(value, 'true or false');
  return value;
}

/** What is text in canonical form. */
const textOf = (value: JsonValue): string => (isString(value) ? value : '');

const int32 = integer32(-2_147_483_648, 2_147_483_647);
const uint32 = integer32(0, 4_294_967_295);
const int64 = integer64(-(2n ** 63n), 2n ** 63n - 1n);
const uint64 = integer64(0n, 2n ** 64n - 1n);

type Integer32Method = 'int32' | 'uint32' | 'sint32' | 'fixed32' | 'sfixed32';
type Integer64Method = 'int64' | 'uint64' | 'sint64' | 'fixed64' | 'sfixed64';

const small = (canonicalize: Scalar['canonicalize'], method: Integer32Method, wireType = WIRE_VARINT): Scalar => ({
  canonicalize,
  zero: 0,
  wireType,
  write: (writer, value) => void writer[method](Number(value)),
  read: (reader) => reader[method](),
});

const large = (canonicalize: Scalar['canonicalize'], method: Integer64Method, wireType = WIRE_VARINT): Scalar => ({
  canonicalize,
  zero: '0',
  wireType,
  write: (writer, value) => void writer[method](textOf(value)),
  read: (reader) => longText(reader[method]()),
});

/** `TYPE_…` of FieldDescriptorProto → its scalar; messages, groups and enums are none. */
export const SCALARS: Readonly<Record<number, Scalar>> = {
  1: {
    canonicalize: floating((value) => value, 'a number'),
    zero: 0,
    wireType: WIRE_64,
    write: (writer, value) => void writer.double(fromJson(value)),
    read: (reader) => toJson(reader.double()),
  },
  2: {
    canonicalize: floating(shortestFloat, 'a number that fits 32 bits'),
    zero: 0,
    wireType: WIRE_32,
    write: (writer, value) => void writer.float(fromJson(value)),
    read: (reader) => toJson(shortestFloat(reader.float())),
  },
  3: large(int64, 'int64'),
  4: large(uint64, 'uint64'),
  5: small(int32, 'int32'),
  6: large(uint64, 'fixed64', WIRE_64),
  7: small(uint32, 'fixed32', WIRE_32),
  8: {
    canonicalize: canonicalBool,
    zero: false,
    wireType: WIRE_VARINT,
    write: (writer, value) => void writer.bool(value === true),
    read: (reader) => reader.bool(),
  },
  9: {
    canonicalize: canonicalText,
    zero: '',
    wireType: WIRE_BYTES,
    write: (writer, value) => void writer.string(textOf(value)),
    read: (reader) => decodeText(reader.bytes()),
  },
  12: {
    canonicalize: canonicalBytes,
    zero: '',
    wireType: WIRE_BYTES,
    write: (writer, value) => void writer.bytes(Buffer.from(textOf(value), 'base64')),
    read: (reader) => Buffer.from(reader.bytes()).toString('base64'),
  },
  13: small(uint32, 'uint32'),
  15: small(int32, 'sfixed32', WIRE_32),
  16: large(int64, 'sfixed64', WIRE_64),
  17: small(int32, 'sint32'),
  18: large(int64, 'sint64'),
};
