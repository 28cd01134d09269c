import type { Reader, Writer } from 'protobufjs/minimal.js';
import type { JsonObject, JsonValue } from '../api/device.ts';
import { isJsonObject, isNumeral } from '../api/exact-json.ts';
import { FORBIDDEN_NAMES } from '../protocol/topics.ts';
import { Misfit, at, keyStep } from './misfit.ts';
import { isList } from './value-codec.ts';
import type { MessageParts } from './value-codec.ts';
import type { Walk } from './walk.ts';
import { WIRE_64, WIRE_BYTES, WIRE_VARINT, decodeText, readWire } from './wire-reader.ts';

/** Any JSON value. */
export const value: MessageParts = {
  isNullable: true,
  canonicalize: checkJson,
  writeFields: writeValue,
  decode: readValue,
};

/** Any JSON object. */
export const struct: MessageParts = {
  canonicalize: (given, walk) => {
    if (!isJsonObject(given)) throw new Misfit(given, 'an object');
    return checkEntries(given, walk);
  },
  writeFields: (writer, given) => writeStruct(writer, isJsonObject(given) ? given : {}),
  decode: readStruct,
};

/** Any JSON list. */
export const listValue: MessageParts = {
  canonicalize: (given, walk) => {
    if (!isList(given)) throw new Misfit(given, 'a list');
    return checkElements(given, walk);
  },
  writeFields: (writer, given) => writeList(writer, isList(given) ? given : []),
  decode: readList,
};

function checkJson(given: JsonValue, walk: Walk): JsonValue {
  if (isList(given)) return walk.within(() => checkElements(given, walk));
  if (isJsonObject(given)) return walk.within(() => checkEntries(given, walk));
  if (isNumeral(given)) throw new Misfit(given, 'a number that a double holds; write it as a string');
  if (typeof given === 'string' && !given.isWellFormed()) throw new Misfit(given, 'a string of valid Unicode');
  return typeof given === 'number' ? finite(given) : given;
}

function checkElements(given: readonly JsonValue[], walk: Walk): JsonValue[] {
  return given.map((element, index) => at(`[${index}]`, () => checkJson(element, walk)));
}

function checkEntries(given: JsonObject, walk: Walk): JsonObject {
  const entries = Object.entries(given).map(([name, element]) =>
    at(keyStep(name), () => {
      if (FORBIDDEN_NAMES.has(name)) throw Misfit.because('is a key that is not allowed anywhere');
      if (!name.isWellFormed()) throw Misfit.because('is a key that is not valid Unicode');
      return [name, checkJson(element, walk)] as const;
    }),
  );
  return Object.fromEntries(entries);
}

function writeValue(writer: Writer, given: JsonValue): void {
  if (given === null) writer.uint32(8).int32(0);
  else if (typeof given === 'number') writer.uint32(17).double(given);
  else if (typeof given === 'string') writer.uint32(26).string(given);
  else if (typeof given === 'boolean') writer.uint32(32).bool(given);
  else if (isJsonObject(given)) {
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

function readValue(bytes: Uint8Array, walk: Walk): JsonValue {
  let found: JsonValue = null;
  readWire(bytes, (field, wireType, reader) => {
    const read = VALUE_READERS[field];
    if (read === undefined || read.wireType !== wireType) return false;
    found = read.read(reader, walk);
    return true;
  });
  return found;
}

interface ValueReader {
  readonly wireType: number;
  readonly read: (reader: Reader, walk: Walk) => JsonValue;
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
  5: { wireType: WIRE_BYTES, read: (reader, walk) => walk.within(() => readStruct(reader.bytes(), walk)) },
  6: { wireType: WIRE_BYTES, read: (reader, walk) => walk.within(() => readList(reader.bytes(), walk)) },
};

function finite(number: number): number {
  if (!Number.isFinite(number)) throw Misfit.because(`is ${number}, which JSON cannot say in a google.protobuf.Value`);
  return number === 0 ? 0 : number;
}

function readStruct(bytes: Uint8Array, walk: Walk): JsonObject {
  const found: Record<string, JsonValue> = {};
  readWire(bytes, (field, wireType, reader) => {
    if (field !== 1 || wireType !== WIRE_BYTES) return false;
    let name = '';
    let element: JsonValue = null;
    readWire(reader.bytes(), (part, partType, entry) => {
      if (partType !== WIRE_BYTES) return false;
      if (part === 1) name = decodeText(entry.bytes());
      else if (part === 2) element = readValue(entry.bytes(), walk);
      else return false;
      return true;
    });
    if (FORBIDDEN_NAMES.has(name)) throw Misfit.because(`has a key ${name}, which is not allowed anywhere`);
    found[name] = element;
    return true;
  });
  return found;
}

function readList(bytes: Uint8Array, walk: Walk): JsonValue[] {
  const found: JsonValue[] = [];
  readWire(bytes, (field, wireType, reader) => {
    if (field !== 1 || wireType !== WIRE_BYTES) return false;
    found.push(readValue(reader.bytes(), walk));
    return true;
  });
  return found;
}
