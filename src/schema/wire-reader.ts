import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';

/** Bytes that are no protobuf message. */
export class WireError extends Error {}

export const WIRE_VARINT = 0;
export const WIRE_64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_32 = 5;

/** One field as it stands on the wire; exactly one of its readers must be called. */
export type FieldHandler = (field: number, wireType: number, reader: protobuf.Reader) => boolean;

/**
 * Calls `handle` for every field of a message, in order; one that it does not read (false) is skipped. Throws WireError for bytes that
 * are no message, also where protobufjs would throw something else.
 */
export function readWire(bytes: Uint8Array, handle: FieldHandler): void {
  const reader = protobuf.Reader.create(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const place = { at: 0, field: 0, wireType: 0 };
  try {
    while (reader.pos < reader.len) {
      place.at = reader.pos;
      place.field = 0;
      const tag = reader.tag();
      const [field, wireType] = [tag >>> 3, tag & 7];
      if (field === 0) throw new WireError(`byte ${place.at} begins a field 0`);
      place.field = field;
      place.wireType = wireType;
      if (handle(field, wireType, reader)) continue;
      // Unlike `skip`, this refuses more than ten bytes.
      if (wireType === WIRE_VARINT) reader.uint64();
      else reader.skipType(wireType, 0, field);
    }
  } catch (error) {
    // protobufjs throws RangeError for bytes that end early, and plain Error for what does not exist.
    const isTheirs = error instanceof RangeError || (error instanceof Error && error.constructor === Error);
    throw isTheirs ? new WireError(describe(place, error instanceof RangeError), { cause: error }) : error;
  }
}

/** What is wrong with the field that begins at byte `at` of its message; `field` is 0 while that is not known. */
function describe({ at, field, wireType }: { at: number; field: number; wireType: number }, isCutOff: boolean): string {
  if (field === 0) return isCutOff ? `it ends within the tag at byte ${at}` : `byte ${at} begins no field`;
  const what = `field ${field} at byte ${at}`;
  if (isCutOff) return `${what} goes on beyond the end`;
  if (wireType === WIRE_VARINT) return `${what} is a number of more than ten bytes`;
  if (wireType === WIRE_BYTES) return `${what} has no length`;
  return `${what} has wire type ${wireType}, which cannot be read`;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws WireError for bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new WireError('a string that is not UTF-8');
  }
}

/** A 64-bit integer as protobufjs gives it. */
type Long = number | { readonly low: number; readonly high: number; readonly unsigned: boolean };

/** A 64-bit integer in decimal digits. */
export function longText(value: Long): string {
  if (typeof value === 'number') return String(value);
  const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
  return String(value.unsigned ? bits : BigInt.asIntN(64, bits));
}
