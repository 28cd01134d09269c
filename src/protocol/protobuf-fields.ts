import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';
import type { BadInputReason } from '../api/bad-input.ts';
import { badInput, checkSize } from './json.ts';
import type { JsonLimits, Parsed } from './json.ts';
import { harmless } from './text.ts';

/** Ends the reading of one payload; becomes its result. */
export class ProtobufError extends Error {
  readonly reason: BadInputReason;

  constructor(reason: BadInputReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Runs `read` on a payload of allowed size; the ProtobufError that it throws becomes the result. */
export function readProtobuf<T>(payload: Buffer, limits: JsonLimits, read: () => Parsed<T>): Parsed<T> {
  const oversized = checkSize(payload, limits);
  if (oversized !== undefined) return oversized;
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtobufError) return badInput(error.reason, error.message);
    throw error;
  }
}

/** What a field can hold, on the wire. */
export interface FieldValue {
  readonly name: string;
  /** A varint as a number; a larger one than 2⁵³−1 is refused. */
  readonly number: () => number;
  /** A 32-bit float. */
  readonly float: () => number;
  readonly bytes: () => Buffer;
  readonly text: () => string;
}

/** What becomes of each field, by its number; others are skipped. Of a field that comes twice the last counts, as protobuf has it. */
export type FieldTable = Readonly<Record<number, (value: FieldValue) => void>>;

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one message by `table`. Throws ProtobufError for bytes that are no message; groups are not read. */
export function readFields(bytes: Uint8Array, names: Readonly<Record<number, string>>, table: FieldTable): void {
  const reader = protobuf.Reader.create(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  while (reader.pos < reader.len) {
    const tag = step(reader, 'a tag', () => reader.uint32());
    const [field, wireType] = [tag >>> 3, tag & 7];
    const take = table[field];
    if (field === 0 || wireType === 3 || wireType === 4) {
      throw new ProtobufError('InvalidProtobuf', `payload has a field ${field} of wire type ${wireType}`);
    }
    const name = names[field] ?? String(field);
    if (take === undefined) step(reader, name, () => reader.skipType(wireType));
    else take(valueOf(reader, name, wireType));
  }
}

function valueOf(reader: protobuf.Reader, name: string, wireType: number): FieldValue {
  const need = (wanted: number, expected: string): void => {
    if (wireType !== wanted) throw new ProtobufError('InvalidEnvelope', `${name} is not ${expected}`);
  };
  const bytes = (): Buffer => {
    need(LENGTH_DELIMITED, 'a string, bytes or a message');
    return Buffer.from(step(reader, name, () => reader.bytes()));
  };
  return {
    name,
    bytes,
    text: () => decodeText(bytes(), name),
    float: () => {
      need(FIXED_32, 'a 32-bit float');
      return step(reader, name, () => reader.float());
    },
    number: () => {
      need(VARINT, 'a number');
      return toNumber(
        step(reader, name, () => reader.uint64()),
        name,
      );
    },
  };
}

/** uint64, as protobufjs gives it: a number, or a Long where that is too small. */
function toNumber(value: number | { toString(): string }, name: string): number {
  const number = Number(String(value));
  if (Number.isSafeInteger(number)) return number;
  throw new ProtobufError('InvalidEnvelope', `${name} is out of range`);
}

function decodeText(bytes: Buffer, name: string): string {
  try {
    return harmless(strictUtf8.decode(bytes));
  } catch {
    throw new ProtobufError('InvalidUtf8', `${name} is not valid UTF-8`);
  }
}

/** protobufjs throws RangeError where bytes end early, and Error where they mean nothing. */
function step<T>(reader: protobuf.Reader, what: string, read: () => T): T {
  const at = reader.pos;
  try {
    return read();
  } catch (error) {
    const why = error instanceof RangeError ? 'goes on beyond the end' : 'cannot be read';
    throw new ProtobufError('InvalidProtobuf', `payload is no protobuf message: ${what} at byte ${at} ${why}`);
  }
}
