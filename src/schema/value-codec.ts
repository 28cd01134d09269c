import type { Reader, Writer } from 'protobufjs/minimal.js';
import type { JsonValue } from '../api/device.ts';
import { canonicalJson } from '../protocol/canonical.ts';
import type { IndexedEnum } from './type-index.ts';
import { Misfit } from './misfit.ts';
import { SCALARS } from './scalars.ts';
import type { Scalar } from './scalars.ts';
import type { Walk } from './walk.ts';
import { WIRE_BYTES, WIRE_VARINT } from './wire-reader.ts';

/** How a value of one type is checked, written, read and compared. Only `canonicalize` takes a value in any form; the rest is canonical. */
export interface ValueCodec {
  /** Throws Misfit. */
  readonly canonicalize: (value: JsonValue, walk: Walk) => JsonValue;
  /** The value of an absent field that has no presence; undefined: an absent field stays absent. */
  readonly zero: JsonValue | undefined;
  readonly wireType: number;
  readonly write: (writer: Writer, value: JsonValue) => void;
  /** Undefined: a value that the type does not know; the field counts as absent. Throws Misfit or WireError. */
  readonly read: (reader: Reader, walk: Walk) => JsonValue | undefined;
  readonly agrees: (reported: JsonValue, desired: JsonValue, mayOmit: boolean) => boolean;
  /** Present for messages: what `read` reads, from its bytes alone. */
  readonly decode?: (bytes: Uint8Array, walk: Walk) => JsonValue;
  /** `null` is a value of its own, not absence. */
  readonly isNullable?: boolean;
  /** May be left out of what a device applied without saying another value: text and bytes. */
  readonly isText?: boolean;
}

/** The codec of a scalar by its `TYPE_…`. */
export function scalarCodec(type: number): ValueCodec {
  const scalar = scalarOf(type);
  return {
    canonicalize: scalar.canonicalize,
    zero: scalar.zero,
    wireType: scalar.wireType,
    write: scalar.write,
    read: scalar.read,
    agrees: (reported, desired) => reported === desired,
    isText: scalar.zero === '',
  };
}

export function scalarOf(type: number): Scalar {
  const scalar = SCALARS[type];
  if (scalar === undefined) throw new Error(`type ${type} is no scalar`);
  return scalar;
}

/** Names of an enum in a message for people. */
const MAX_NAMED = 8;

/** Enums are written by name; numbers without one stay numbers, unless the enum is closed. */
export function enumCodec({ descriptor, isClosed }: IndexedEnum): ValueCodec {
  const numbers = new Map(descriptor.values.map(({ name, number }) => [name, number]));
  // Of several names for one number the first is the canonical one.
  const names = new Map(descriptor.values.toReversed().map(({ name, number }) => [number, name]));
  const all = descriptor.values.map(({ name }) => name);
  const expected = `one of ${all.slice(0, MAX_NAMED).join(', ')}${all.length > MAX_NAMED ? ', …' : ''}`;
  const nameOf = (number: number): string | number | undefined => names.get(number) ?? (isClosed ? undefined : number);
  const numberOf = (value: JsonValue): number => {
    const number = typeof value === 'string' ? numbers.get(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number !== (number | 0)) {
      throw new Misfit(value, expected);
    }
    return number;
  };
  return {
    canonicalize: (value, walk) => {
      const name = nameOf(numberOf(value));
      if (name === undefined) throw new Misfit(value, expected);
      if (typeof value !== 'string') walk.add(String(name).length);
      return name;
    },
    zero: descriptor.values[0]?.name ?? 0,
    wireType: WIRE_VARINT,
    write: (writer, value) => void writer.int32(numberOf(value)),
    read: (reader, walk) => {
      const name = nameOf(reader.int32());
      walk.add(String(name).length);
      return name;
    },
    agrees: (reported, desired) => reported === desired,
  };
}

/** What a codec of a message is made of; the rest is the same for all. */
export interface MessageParts {
  canonicalize(value: JsonValue, walk: Walk): JsonValue;
  /** Writes the fields of a canonical value. */
  writeFields(writer: Writer, value: JsonValue): void;
  decode(bytes: Uint8Array, walk: Walk): JsonValue;
  agrees?(reported: JsonValue, desired: JsonValue, mayOmit: boolean): boolean;
  readonly isNullable?: boolean;
}

/** The codec of a message: its bytes are length-delimited, and it is absent rather than zero. */
export function messageCodec(parts: MessageParts): ValueCodec {
  return {
    canonicalize: (value, walk) => walk.within(() => parts.canonicalize(value, walk)),
    zero: undefined,
    wireType: WIRE_BYTES,
    write: (writer, value) => {
      parts.writeFields(writer.fork(), value);
      writer.ldelim();
    },
    read: (reader, walk) => walk.within(() => parts.decode(reader.bytes(), walk)),
    decode: (bytes, walk) => walk.within(() => parts.decode(bytes, walk)),
    agrees: (reported, desired, mayOmit) =>
      parts.agrees?.(reported, desired, mayOmit) ?? canonicalJson(reported) === canonicalJson(desired),
    isNullable: parts.isNullable === true,
  };
}

export const isList = (value: JsonValue | undefined): value is readonly JsonValue[] => Array.isArray(value);
