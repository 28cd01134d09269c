import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import protobuf from 'protobufjs/minimal.js';
import { LABEL_REPEATED, LABEL_REQUIRED, TYPE_ENUM, TYPE_MESSAGE } from './descriptors.ts';
import type { FieldDescriptor } from './descriptors.ts';
import type { DeviceSchema, MessageInfo, MessageType } from './device-schema.ts';
import { mapField, repeatedField, singularField } from './field-codec.ts';
import type { FieldCodec, FieldFacts } from './field-codec.ts';
import { MessageFields } from './message-fields.ts';
import { Misfit, checked } from './misfit.ts';
import { readDescriptors } from './read-descriptors.ts';
import { DEFAULT_SCHEMA_LIMITS, SchemaError } from './schema-limits.ts';
import type { SchemaLimits, SchemaReason } from './schema-limits.ts';
import { indexTypes } from './type-index.ts';
import type { IndexedMessage, TypeIndex } from './type-index.ts';
import { enumCodec, messageCodec, scalarCodec, scalarOf } from './value-codec.ts';
import type { ValueCodec } from './value-codec.ts';
import { Walk } from './walk.ts';
import { NULL_VALUE } from './well-known-names.ts';
import { wellKnownCodec } from './well-known.ts';
import { WIRE_VARINT } from './wire-reader.ts';

export type LoadedSchema =
  | { readonly ok: true; readonly schema: DeviceSchema }
  | { readonly ok: false; readonly reason: SchemaReason; readonly message: string };

/** Identifies a schema by its bytes: `sha256:` and 64 hex digits. */
export function hashSchema(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Loads a serialized `google.protobuf.FileDescriptorSet`, from whomever it comes: nothing is built before everything was checked, and no
 * code is generated (decisions 0026 and 0062). Never throws. Costs about a millisecond; what is in a message is compiled when it is first
 * used.
 */
export function loadSchema(bytes: Uint8Array, limits: SchemaLimits = DEFAULT_SCHEMA_LIMITS): LoadedSchema {
  try {
    const index = indexTypes(readDescriptors(bytes, limits), limits);
    return { ok: true, schema: new LoadedDeviceSchema(hashSchema(bytes), index) };
  } catch (error) {
    if (error instanceof SchemaError) return { ok: false, reason: error.reason, message: error.message };
    throw error;
  }
}

class LoadedDeviceSchema implements DeviceSchema {
  readonly hash: string;
  readonly packageNames: readonly string[];
  readonly messages: readonly MessageInfo[];
  readonly #types = new Map<string, MessageType>();

  constructor(hash: string, index: TypeIndex) {
    this.hash = hash;
    this.packageNames = index.packageNames;
    const codecs = new Codecs(index);
    const infos: MessageInfo[] = [];
    const topLevel = new Set(index.topLevel);
    for (const name of [...index.topLevel, ...index.nested].toSorted()) {
      const found = index.messages.get(name);
      if (found === undefined) continue;
      const { kind, tags } = found.descriptor;
      if (topLevel.has(name) || kind !== 'unspecified') infos.push({ name, kind, tags });
      this.#types.set(name, messageType({ name, kind, tags }, codecs.fieldsOf(found)));
    }
    this.messages = infos;
  }

  message(name: string): MessageType | undefined {
    return this.#types.get(name);
  }
}

function messageType(info: MessageInfo, fields: MessageFields): MessageType {
  return {
    ...info,
    fieldNames: () => fields.names(),
    canonicalize: (value, options) => checked(() => fields.canonicalize(value, new Walk(options?.defaults === true))),
    encode: (value) =>
      checked(() => {
        const writer = protobuf.Writer.create();
        fields.writeFields(writer, fields.canonicalize(value, new Walk(false)));
        const bytes = writer.finish();
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }),
    decode: (bytes) => checked(() => fields.decode(bytes, new Walk(true))),
    agrees: (reported, desired, mayOmit) => fields.agrees(reported, desired, mayOmit),
  };
}

/** The codecs of a schema's types, each made once. */
class Codecs {
  readonly #index: TypeIndex;
  readonly #fields = new Map<string, MessageFields>();

  constructor(index: TypeIndex) {
    this.#index = index;
  }

  fieldsOf(message: IndexedMessage): MessageFields {
    const known = this.#fields.get(message.fullName);
    if (known !== undefined) return known;
    const { descriptor, fullName } = message;
    const fields = new MessageFields(fullName, () => descriptor.fields.map((field) => this.#field(field, message)));
    this.#fields.set(fullName, fields);
    return fields;
  }

  #field(field: FieldDescriptor, { descriptor, isProto2 }: IndexedMessage): FieldCodec {
    const facts = factsOf(field, descriptor.oneofs, isProto2);
    if (field.label !== LABEL_REPEATED) return singularField(facts, this.#codec(field));
    const entry = field.type === TYPE_MESSAGE ? this.#index.messages.get(field.typeName.slice(1)) : undefined;
    if (entry?.descriptor.isMapEntry === true) return this.#map(facts, entry);
    const codec = this.#codec(field);
    const isPackable = codec.decode === undefined && codec.wireType !== 2;
    return repeatedField(facts, codec, isPackable && (field.packed ?? !isProto2));
  }

  #map(facts: FieldFacts, { descriptor: { fields } }: IndexedMessage): FieldCodec {
    const [key, value] = [fields.find(({ number }) => number === 1), fields.find(({ number }) => number === 2)];
    if (key === undefined || value === undefined) throw new Error('an entry of a map was not checked');
    return mapField(facts, scalarOf(key.type), this.#codec(value));
  }

  #codec({ type, typeName }: FieldDescriptor): ValueCodec {
    const target = typeName.slice(1);
    if (type === TYPE_MESSAGE) return this.#messageCodec(target);
    if (type !== TYPE_ENUM) return scalarCodec(type);
    if (target === NULL_VALUE) return NULL_CODEC;
    const found = this.#index.enums.get(target);
    if (found === undefined) throw new Error(`enum ${target} was not checked`);
    return enumCodec(found);
  }

  #messageCodec(fullName: string): ValueCodec {
    const codec = this.#find(fullName);
    if (codec === undefined) throw new Error(`message ${fullName} was not checked`);
    return codec;
  }

  #find(fullName: string): ValueCodec | undefined {
    const found = this.#index.messages.get(fullName);
    if (found !== undefined) return messageCodec(this.fieldsOf(found));
    return wellKnownCodec(fullName, (name) => this.#find(name));
  }
}

/** The enum whose one value is JSON's null. */
const NULL_CODEC: ValueCodec = {
  canonicalize: (value) => {
    if (value === null || value === 'NULL_VALUE' || value === 0) return null;
    throw new Misfit(value, 'null');
  },
  zero: null,
  isNullable: true,
  wireType: WIRE_VARINT,
  write: (writer) => void writer.int32(0),
  read: (reader) => {
    reader.int32();
    return null;
  },
  agrees: () => true,
};

function factsOf(field: FieldDescriptor, oneofs: readonly string[], isProto2: boolean): FieldFacts {
  const { name, jsonName, number, label, type, oneofIndex, isProto3Optional } = field;
  const isSingular = label !== LABEL_REPEATED;
  const hasPresence = isSingular && (isProto2 || type === TYPE_MESSAGE || isProto3Optional || oneofIndex !== undefined);
  // A proto3 `optional` is a oneof of one, which nobody has to hear of.
  const oneof = oneofIndex === undefined || isProto3Optional ? undefined : oneofs[oneofIndex];
  return { name, jsonName, number, oneof, hasPresence, isRequired: label === LABEL_REQUIRED };
}
