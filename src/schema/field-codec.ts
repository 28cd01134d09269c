import { isJsonObject } from '../api/exact-json.ts';
import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';
import type { Reader, Writer } from 'protobufjs/minimal.js';
import type { JsonObject, JsonValue } from '../api/device.ts';
import { FORBIDDEN_NAMES } from '../protocol/topics.ts';
import { Misfit, at, keyStep } from './misfit.ts';
import type { Scalar } from './scalars.ts';
import { isList } from './value-codec.ts';
import type { ValueCodec } from './value-codec.ts';
import type { Walk } from './walk.ts';
import { WIRE_BYTES, readWire } from './wire-reader.ts';

/** What a field is called, and where it stands. */
export interface FieldFacts {
  readonly name: string;
  readonly jsonName: string;
  readonly number: number;
  /** Name of the oneof it belongs to. */
  readonly oneof: string | undefined;
  /** Absent and zero differ. */
  readonly hasPresence: boolean;
  readonly isRequired: boolean;
}

/** One field of a message. */
export interface FieldCodec extends FieldFacts {
  readonly isNullable: boolean;
  readonly isText: boolean;
  /** What is filled in for a field without presence that is not there. */
  readonly fallback: JsonValue | undefined;
  canonicalize(value: JsonValue, walk: Walk): JsonValue;
  write(writer: Writer, value: JsonValue): void;
  /** Reads one occurrence on the wire and merges it with what came `before`; undefined: not of this field, to be skipped. */
  read(reader: Reader, wireType: number, before: Slot | undefined, walk: Walk): Slot | undefined;
  agrees(reported: JsonValue, desired: JsonValue, mayOmit: boolean): boolean;
  /** Present for a single message: reads its bytes. */
  readonly decode?: (bytes: Uint8Array, walk: Walk) => JsonValue;
}

/** What of a field has been read so far: its value, or the bytes of a message, which are read when there are no more. */
export type Slot = { readonly value: JsonValue | undefined } | { readonly bytes: Uint8Array };

/** Shared by all that have none. */
const NO_ELEMENTS: JsonValue = Object.freeze([]);
const NO_ENTRIES: JsonValue = Object.freeze({});

const tagOf = (number: number, wireType: number): number => ((number << 3) | wireType) >>> 0;

export function singularField(facts: FieldFacts, codec: ValueCodec): FieldCodec {
  const tag = tagOf(facts.number, codec.wireType);
  return {
    ...facts,
    isNullable: codec.isNullable === true,
    isText: codec.isText === true,
    fallback: facts.hasPresence ? undefined : codec.zero,
    canonicalize: codec.canonicalize,
    agrees: codec.agrees,
    ...(codec.decode !== undefined && { decode: codec.decode }),
    write: (writer, value) => {
      if (facts.hasPresence || value !== codec.zero) codec.write(writer.uint32(tag), value);
    },
    read: (reader, wireType, before, walk) => {
      if (wireType !== codec.wireType) return undefined;
      if (codec.decode === undefined) return { value: codec.read(reader, walk) };
      // A message that comes in parts is their concatenation.
      const bytes = reader.bytes();
      const isMore = before !== undefined && 'bytes' in before;
      return { bytes: isMore ? Buffer.concat([before.bytes, bytes]) : bytes };
    },
  };
}

export function repeatedField(facts: FieldFacts, codec: ValueCodec, isPacked: boolean): FieldCodec {
  const tag = tagOf(facts.number, isPacked ? WIRE_BYTES : codec.wireType);
  const elements = (slot: Slot | undefined): JsonValue[] =>
    slot !== undefined && 'value' in slot && isList(slot.value) ? (slot.value as JsonValue[]) : [];
  return {
    ...facts,
    isNullable: false,
    isText: false,
    fallback: NO_ELEMENTS,
    canonicalize: (value, walk) => {
      if (!isList(value)) throw new Misfit(value, 'a list');
      return value.map((element, index) =>
        at(`[${index}]`, () => {
          if (element === null && codec.isNullable !== true) throw new Misfit(element, 'a value');
          return codec.canonicalize(element, walk);
        }),
      );
    },
    write: (writer, value) => {
      if (!isList(value) || value.length === 0) return;
      if (isPacked) writer.uint32(tag).fork();
      for (const element of value) codec.write(isPacked ? writer : writer.uint32(tag), element);
      if (isPacked) writer.ldelim();
    },
    read: (reader, wireType, before, walk) => {
      const list = elements(before);
      const read = (from: Reader): void => {
        const element = codec.read(from, walk);
        if (element !== undefined) list.push(element);
      };
      if (wireType === codec.wireType) read(reader);
      else if (wireType === WIRE_BYTES) {
        const packed = protobuf.Reader.create(reader.bytes());
        while (packed.pos < packed.len) read(packed);
      } else return undefined;
      return { value: list };
    },
    agrees: (reported, desired, mayOmit) =>
      isList(reported) &&
      isList(desired) &&
      reported.length === desired.length &&
      desired.every((element, index) => codec.agrees(reported[index] ?? null, element, mayOmit)),
  };
}

export function mapField(facts: FieldFacts, key: Scalar, codec: ValueCodec): FieldCodec {
  const tag = tagOf(facts.number, WIRE_BYTES);
  const [keyTag, valueTag] = [tagOf(1, key.wireType), tagOf(2, codec.wireType)];
  return {
    ...facts,
    isNullable: false,
    isText: false,
    fallback: NO_ENTRIES,
    canonicalize: (value, walk) => {
      if (!isJsonObject(value)) throw new Misfit(value, 'an object');
      const map: Record<string, JsonValue> = {};
      for (const name of Object.keys(value).sort()) {
        at(keyStep(name), () => {
          const canonical = canonicalKey(name, key);
          const element = value[name] ?? null;
          if (Object.hasOwn(map, canonical)) throw Misfit.because(`is the key ${canonical}, which comes twice`);
          if (element === null && codec.isNullable !== true) throw new Misfit(element, 'a value');
          map[canonical] = codec.canonicalize(element, walk);
        });
      }
      return map;
    },
    write: (writer, value) => {
      if (!isJsonObject(value)) return;
      // Sorted, so that the same map is always the same bytes.
      for (const name of Object.keys(value).sort()) {
        key.write(writer.uint32(tag).fork().uint32(keyTag), keyValue(name, key));
        codec.write(writer.uint32(valueTag), value[name] ?? null);
        writer.ldelim();
      }
    },
    read: (reader, wireType, before, walk) => {
      if (wireType !== WIRE_BYTES) return undefined;
      const map = before !== undefined && 'value' in before && isJsonObject(before.value) ? before.value : {};
      const [name, value] = readEntry(reader.bytes(), key, codec, walk);
      if (value !== undefined) (map as Record<string, JsonValue>)[name] = value;
      return { value: map };
    },
    agrees: (reported, desired, mayOmit) =>
      isJsonObject(reported) && isJsonObject(desired) && mapsAgree(reported, desired, codec, mayOmit),
  };
}

function mapsAgree(reported: JsonObject, desired: JsonObject, codec: ValueCodec, mayOmit: boolean): boolean {
  const names = Object.keys(desired);
  if (names.length !== Object.keys(reported).length) return false;
  return names.every(
    (name) => Object.hasOwn(reported, name) && codec.agrees(reported[name] ?? null, desired[name] ?? null, mayOmit),
  );
}

/** Keys are strings in JSON, whatever they are on the wire. */
function canonicalKey(name: string, key: Scalar): string {
  const canonical = keyText(key.canonicalize(keyValue(name, key)));
  if (FORBIDDEN_NAMES.has(canonical)) throw Misfit.because('is a key that is not allowed anywhere');
  return canonical;
}

/** Canonical keys are scalars. */
const keyText = (key: JsonValue): string => (typeof key === 'string' ? key : JSON.stringify(key));

function keyValue(name: string, { zero }: Scalar): JsonValue {
  return typeof zero === 'boolean' && (name === 'true' || name === 'false') ? name === 'true' : name;
}

function readEntry(bytes: Uint8Array, key: Scalar, codec: ValueCodec, walk: Walk): [string, JsonValue | undefined] {
  let name = key.zero;
  let value: JsonValue | undefined = codec.zero;
  let isSet = false;
  readWire(bytes, (field, wireType, reader) => {
    if (field === 1 && wireType === key.wireType) name = key.read(reader);
    else if (field === 2 && wireType === codec.wireType) {
      value = codec.read(reader, walk);
      isSet = true;
    } else return false;
    return true;
  });
  if (!isSet) value ??= codec.decode?.(new Uint8Array(), walk);
  const text = keyText(name);
  if (FORBIDDEN_NAMES.has(text)) throw Misfit.because(`has a key ${text}, which is not allowed anywhere`);
  return [text, value];
}
