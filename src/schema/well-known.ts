/** Google's types with a JSON form of their own. */
import { isJsonObject } from '../api/exact-json.ts';
import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';
import type { JsonObject, JsonValue } from '../api/device.ts';
import { Misfit, at } from './misfit.ts';
import { TYPE_MESSAGE } from './descriptors.ts';
import { scalarOf, messageCodec } from './value-codec.ts';
import type { MessageParts, ValueCodec } from './value-codec.ts';
import { WRAPPED_TYPES, isWellKnown } from './well-known-names.ts';
import { duration, timestamp } from './well-known-times.ts';
import { listValue, struct, value } from './well-known-values.ts';
import { WIRE_BYTES, decodeText, readWire } from './wire-reader.ts';

/** The codec of a message that Any may hold, by its full name; undefined: the schema has none. */
export type FindMessage = (fullName: string) => ValueCodec | undefined;

/** The codec of a well-known message; undefined: it is not one. */
export function wellKnownCodec(fullName: string, find: FindMessage): ValueCodec | undefined {
  const wrapped = WRAPPED_TYPES.get(fullName);
  if (wrapped !== undefined) return messageCodec(wrapper(wrapped));
  if (fullName === 'google.protobuf.Any') return messageCodec(any(find));
  const parts = FIXED.get(fullName);
  return parts === undefined ? undefined : messageCodec(parts);
}

const empty: MessageParts = {
  canonicalize: (given) => {
    // Null is how Any asks for a value that is not there; other implementations write none.
    if (given === null || (isJsonObject(given) && Object.keys(given).length === 0)) return {};
    throw new Misfit(given, 'an empty object');
  },
  writeFields: () => undefined,
  decode: (bytes) => {
    readWire(bytes, () => false);
    return {};
  },
};

/** `a.bC,d`: paths in lowerCamel, separated by commas; on the wire each is a string in snake_case. */
const fieldMask: MessageParts = {
  canonicalize: (given) => {
    if (typeof given !== 'string' || !/^([A-Za-z0-9.]+(,[A-Za-z0-9.]+)*)?$/.test(given)) {
      throw new Misfit(given, 'field paths in lowerCamel, separated by commas');
    }
    return given;
  },
  writeFields: (writer, given) => {
    for (const path of (typeof given === 'string' ? given : '').split(',')) {
      if (path !== '') writer.uint32(10).string(path.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    }
  },
  decode: (bytes) => {
    const paths: string[] = [];
    readWire(bytes, (field, wireType, reader) => {
      if (field !== 1 || wireType !== WIRE_BYTES) return false;
      const path = decodeText(reader.bytes());
      if (!/^([a-z0-9.]|_[a-z])+$/.test(path))
        throw Misfit.because(`has a path ${JSON.stringify(path.slice(0, 40))} that JSON cannot say`);
      paths.push(path.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
      return true;
    });
    return paths.join(',');
  },
};

/** By full name, which may come from a device: no object would do. */
const FIXED: ReadonlyMap<string, MessageParts> = new Map(
  Object.entries({
    'google.protobuf.Timestamp': timestamp,
    'google.protobuf.Duration': duration,
    'google.protobuf.Empty': empty,
    'google.protobuf.FieldMask': fieldMask,
    'google.protobuf.Struct': struct,
    'google.protobuf.Value': value,
    'google.protobuf.ListValue': listValue,
  }),
);

/** A scalar that may be absent: in JSON it is that scalar. */
function wrapper(type: number): MessageParts {
  const scalar = scalarOf(type);
  const tag = (1 << 3) | scalar.wireType;
  return {
    canonicalize: (given) => scalar.canonicalize(given),
    writeFields: (writer, given) => {
      if (given !== scalar.zero) scalar.write(writer.uint32(tag), given);
    },
    decode: (bytes) => {
      let found = scalar.zero;
      readWire(bytes, (field, wireType, reader) => {
        if (field !== 1 || wireType !== scalar.wireType) return false;
        found = scalar.read(reader);
        return true;
      });
      return found;
    },
  };
}

const TYPE_KEY = '@type';

/** The type that a `@type` names. */
function typeResolver(find: FindMessage) {
  return (url: JsonValue | undefined): { codec: ValueCodec; isSpecial: boolean } => {
    const name = typeof url === 'string' ? url.slice(url.lastIndexOf('/') + 1) : '';
    const codec = typeof url === 'string' && url.includes('/') ? find(name) : undefined;
    if (codec !== undefined) return { codec, isSpecial: isWellKnown(name, TYPE_MESSAGE) };
    throw new Misfit(
      url,
      'the URL of a message of the device\'s schema, like "type.googleapis.com/sensor.v1.SampleRate"',
    ).within(`["${TYPE_KEY}"]`);
  };
}

/** A message of any type: `@type` and its fields, or, for types with a JSON form of their own, `@type` and that form as `value`. */
function any(find: FindMessage): MessageParts {
  const resolve = typeResolver(find);
  const wrap = (url: JsonValue, { isSpecial }: { isSpecial: boolean }, inner: JsonValue): JsonObject =>
    isSpecial || !isJsonObject(inner) ? { [TYPE_KEY]: url, value: inner } : { [TYPE_KEY]: url, ...inner };
  const unwrap = (given: JsonObject, { isSpecial }: { isSpecial: boolean }): JsonValue => {
    if (isSpecial) return Object.hasOwn(given, 'value') ? (given['value'] ?? null) : null;
    return Object.fromEntries(Object.entries(given).filter(([name]) => name !== TYPE_KEY));
  };
  return {
    canonicalize: (given, walk) => {
      if (!isJsonObject(given)) throw new Misfit(given, 'an object');
      if (Object.keys(given).length === 0) return {};
      const url = given[TYPE_KEY];
      const type = resolve(url);
      const canonicalize = (): JsonValue => type.codec.canonicalize(unwrap(given, type), walk);
      if (!type.isSpecial) return wrap(url ?? '', type, canonicalize());
      const extra = Object.keys(given).find((name) => name !== TYPE_KEY && name !== 'value');
      if (extra !== undefined) throw Misfit.because('is one too many: this type has only a value').at(extra);
      return wrap(url ?? '', type, at('.value', canonicalize));
    },
    writeFields: (writer, given) => {
      const url = isJsonObject(given) ? given[TYPE_KEY] : undefined;
      if (!isJsonObject(given) || typeof url !== 'string') return;
      const type = resolve(url);
      const inner = protobuf.Writer.create();
      type.codec.write(inner, unwrap(given, type));
      // `write` puts the length in front, which Any's bytes field has anyway.
      writer.uint32(10).string(url);
      writer.uint32(18).bytes(protobuf.Reader.create(inner.finish()).bytes());
    },
    agrees: (reported, desired, mayOmit) => {
      if (!isJsonObject(reported) || !isJsonObject(desired) || reported[TYPE_KEY] !== desired[TYPE_KEY]) return false;
      const url = desired[TYPE_KEY];
      if (url === undefined) return true;
      const type = resolve(url);
      return type.codec.agrees(unwrap(reported, type), unwrap(desired, type), mayOmit);
    },
    decode: (bytes, walk) => {
      let url = '';
      let inner: Uint8Array = Buffer.alloc(0);
      readWire(bytes, (field, wireType, reader) => {
        if (wireType !== WIRE_BYTES) return false;
        if (field === 1) url = decodeText(reader.bytes());
        else if (field === 2) inner = reader.bytes();
        else return false;
        return true;
      });
      if (url === '' && inner.length === 0) return {};
      const type = resolve(url);
      return wrap(url, type, type.codec.decode?.(inner, walk) ?? null);
    },
  };
}
