import type { Reader, Writer } from 'protobufjs/minimal.js';
import type { JsonObject, JsonValue } from '../api/device.ts';
import { FORBIDDEN_NAMES } from '../protocol/topics.ts';
import { Misfit, at } from './misfit.ts';
import { MAX_DEPTH, isList, isObject } from './value-codec.ts';
import type { MessageParts } from './value-codec.ts';
import { WIRE_64, WIRE_BYTES, WIRE_VARINT, decodeText, readWire } from './wire-reader.ts';

/** Any JSON value. */
export const value: MessageParts = {
  isNullable: true,
  canonicalize: (given, _, depth) => checkJson(given, depth),
  writeFields: writeValue,
  decode: readValue,
};

/** Any JSON object. */
export const struct: MessageParts = {
  canonicalize: (given, _, depth) => {
    if (!isObject(given)) throw new Misfit(given, 'an object');
    return checkJson(given, depth);
  },
  writeFields: (writer, given) => writeStruct(writer, isObject(given) ? given : {}),
  decode: readStruct,
};

/** Any JSON list. */
export const listValue: MessageParts = {
  canonicalize: (given, _, depth) => {
    if (!isList(given)) throw new Misfit(given, 'a list');
    return checkJson(given, depth);
  },
  writeFields: (writer, given) => writeList(writer, isList(given) ? given : []),
  decode: readList,
};

function checkJson(given: JsonValue, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw Misfit.because(`nests deeper than ${MAX_DEPTH} levels`);
  if (isList(given)) return given.map((element, index) => at(`[${index}]`, () => checkJson(element, depth + 1)));
  if (isObject(given)) {
    const entries = Object.entries(given).map(([name, element]) =>
      at(`[${JSON.stringify(name)}]`, () => {
        if (FORBIDDEN_NAMES.has(name)) throw Misfit.because('is a key that is not allowed anywhere');
        return [name, checkJson(element, depth + 1)] as const;
      }),
    );
    return Object.fromEntries(entries);
  }
  if (typeof given === 'string' && !given.isWellFormed()) throw new Misfit(given, 'a string of valid Unicode');
  return given === 0 ? 0 : given;
}

function writeValue(writer: Writer, given: JsonValue): void {
  if (given === null) writer.uint32(8).int32(0);
  else if (typeof given === 'number') writer.uint32(17).double(given);
  else if (typeof given === 'string') writer.uint32(26).string(given);
  else if (typeof given === 'boolean') writer.uint32(32).bool(given);
  else if (isObject(given)) {
    writeStruct(writer.uint32(42).fork(), given);
    writer.ldelim();
  } else {
    writeList(writer.uint32(50).fork(), given);
    writer.ldelim();
  }
}

function writeStruct(writer: Writer, given: JsonObject): void {
  for (const name of Object.keys(given).sort()) {
    writer.uint32(10).fork().uint32(10).string(name);
    writeValue(writer.uint32(18).fork(), given[name] ?? null);
    writer.ldelim().ldelim();
  }
}

function writeList(writer: Writer, given: readonly JsonValue[]): void {
  for (const element of given) {
    writeValue(writer.uint32(10).fork(), element);
    writer.ldelim();
  }
}

function readValue(bytes: Uint8Array, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw Misfit.because(`nests deeper than ${MAX_DEPTH} levels`);
  let found: JsonValue = null;
  readWire(bytes, (field, wireType, reader) => {
    const read = VALUE_READERS[field];
    if (read === undefined || read.wireType !== wireType) return false;
    found = read.read(reader, depth + 1);
    return true;
  });
  return found;
}

interface ValueReader {
  readonly wireType: number;
  readonly read: (reader: Reader, depth: number) => JsonValue;
}

const VALUE_READERS: Readonly<Record<number, ValueReader>> = {
  1: {
    wireType: WIRE_VARINT,
    read: (reader) => {
      reader.int32();
      return null;
    },
  },
  2: { wireType: WIRE_64, read: (reader) => finite(reader.double()) },
  3: { wireType: WIRE_BYTES, read: (reader) => decodeText(reader.bytes()) },
  4: { wireType: WIRE_VARINT, read: (reader) => reader.bool() },
  5: { wireType: WIRE_BYTES, read: (reader, depth) => readStruct(reader.bytes(), depth) },
  6: { wireType: WIRE_BYTES, read: (reader, depth) => readList(reader.bytes(), depth) },
};

function finite(number: number): number {
  if (!Number.isFinite(number)) throw Misfit.because(`is ${number}, which JSON cannot say in a google.protobuf.Value`);
  return number === 0 ? 0 : number;
}

function readStruct(bytes: Uint8Array, depth: number): JsonObject {
  const found: Record<string, JsonValue> = {};
  readWire(bytes, (field, wireType, reader) => {
    if (field !== 1 || wireType !== WIRE_BYTES) return false;
    let name = '';
    let element: JsonValue = null;
    readWire(reader.bytes(), (part, partType, entry) => {
      if (partType !== WIRE_BYTES) return false;
      if (part === 1) name = decodeText(entry.bytes());
      else if (part === 2) element = readValue(entry.bytes(), depth + 1);
      else return false;
      return true;
    });
    if (FORBIDDEN_NAMES.has(name)) throw Misfit.because(`has a key ${name}, which is not allowed anywhere`);
    found[name] = element;
    return true;
  });
  return found;
}

function readList(bytes: Uint8Array, depth: number): JsonValue[] {
  const found: JsonValue[] = [];
  readWire(bytes, (field, wireType, reader) => {
    if (field !== 1 || wireType !== WIRE_BYTES) return false;
    found.push(readValue(reader.bytes(), depth + 1));
    return true;
  });
  return found;
}
