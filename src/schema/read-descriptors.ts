import type { Buffer } from 'node:buffer';
import { harmless } from '../protocol/text.ts';
import { FORBIDDEN_NAMES } from '../protocol/topics.ts';
import type { EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor } from './descriptors.ts';
import type { MessageKind } from './device-schema.ts';
import { SchemaError } from './schema-limits.ts';
import type { SchemaLimits } from './schema-limits.ts';
import { WIRE_BYTES, WIRE_VARINT, WireError, decodeText, readWire } from './wire-reader.ts';

/**
 * Reads a serialized `google.protobuf.FileDescriptorSet`. Only what a schema is made of is kept, counted against the limits as it is
 * read. Throws SchemaError.
 */
export function readDescriptors(bytes: Uint8Array, limits: SchemaLimits): FileDescriptor[] {
  if (bytes.length > limits.maxBytes) {
    throw new SchemaError('TooLarge', `the descriptor set has ${bytes.length} bytes, the limit is ${limits.maxBytes}`);
  }
  try {
    return new DescriptorReader(limits).set(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new SchemaError(
      'NotADescriptorSet',
      `these bytes are no google.protobuf.FileDescriptorSet: ${error.message}`,
    );
  }
}

/** Reads a single `google.protobuf.FileDescriptorProto`, of those that are built in. */
export function readFileDescriptor(bytes: Uint8Array, limits: SchemaLimits): FileDescriptor {
  return new DescriptorReader(limits).file(bytes);
}

/** What becomes of a field's value, by the field's number; others are skipped. */
interface Table {
  readonly bytes?: Readonly<Record<number, (value: Buffer) => void>>;
  readonly number?: Readonly<Record<number, (value: number) => void>>;
}

function read(bytes: Uint8Array, table: Table): void {
  readWire(bytes, (field, wireType, reader) => {
    const [takeBytes, takeNumber] = [table.bytes?.[field], table.number?.[field]];
    if (wireType === WIRE_BYTES && takeBytes !== undefined) takeBytes(reader.bytes() as Buffer);
    else if (wireType === WIRE_VARINT && takeNumber !== undefined) takeNumber(reader.int32());
    else return false;
    return true;
  });
}

class DescriptorReader {
  readonly #limits: SchemaLimits;
  #types = 0;
  #members = 0;

  constructor(limits: SchemaLimits) {
    this.#limits = limits;
  }

  set(bytes: Uint8Array): FileDescriptor[] {
    const files: FileDescriptor[] = [];
    read(bytes, {
      bytes: {
        1: (file) => {
          if (files.length >= this.#limits.maxFiles) throw tooMany('files', this.#limits.maxFiles);
          files.push(this.file(file));
        },
      },
    });
    if (files.length === 0) throw new WireError('it holds no file');
    return files;
  }

  file(bytes: Uint8Array): FileDescriptor {
    const file = { name: '', packageName: '', syntax: 'proto2', hasEdition: false };
    const imports: string[] = [];
    const messages: MessageDescriptor[] = [];
    const enums: EnumDescriptor[] = [];
    read(bytes, {
      bytes: {
        1: (value) => (file.name = this.#text(value)),
        2: (value) => (file.packageName = this.#text(value)),
        3: (value) => void imports.push(this.#text(value)),
        4: (value) => void messages.push(this.#message(value, 1)),
        5: (value) => void enums.push(this.#enum(value)),
        12: (value) => (file.syntax = this.#text(value)),
      },
      number: { 14: () => (file.hasEdition = true) },
    });
    if (file.name === '') throw new WireError('a file without a name');
    const { name, packageName } = file;
    return { name, packageName, imports, messages, enums, syntax: file.hasEdition ? 'editions' : file.syntax };
  }

  #message(bytes: Uint8Array, depth: number): MessageDescriptor {
    if (depth > this.#limits.maxNesting) {
      throw new SchemaError('TooDeep', `messages are defined more than ${this.#limits.maxNesting} levels deep`);
    }
    this.#countType();
    let name = '';
    const fields: FieldDescriptor[] = [];
    const messages: MessageDescriptor[] = [];
    const enums: EnumDescriptor[] = [];
    const oneofs: string[] = [];
    const options = { isMapEntry: false, kind: 'unspecified' as MessageKind, tags: {} as Record<string, string> };
    read(bytes, {
      bytes: {
        1: (value) => (name = this.#text(value)),
        2: (value) => void fields.push(this.#field(value)),
        3: (value) => void messages.push(this.#message(value, depth + 1)),
        4: (value) => void enums.push(this.#enum(value)),
        7: (value) => this.#messageOptions(value, options),
        8: (value) => void oneofs.push(this.#name(value)),
      },
    });
    return { name, fields, messages, enums, oneofs, ...options };
  }

  /** 50001 and 50002 are the extensions of mir/device/v1/mir.proto, which need not be in the set to be understood. */
  #messageOptions(
    bytes: Uint8Array,
    options: { isMapEntry: boolean; kind: MessageKind; tags: Record<string, string> },
  ): void {
    read(bytes, {
      number: {
        7: (value) => (options.isMapEntry = value !== 0),
        50001: (value) => (options.kind = KINDS[value] ?? 'unspecified'),
      },
      bytes: { 50002: (value) => read(value, { bytes: { 1: (entry) => this.#tag(entry, options.tags) } }) },
    });
  }

  #tag(bytes: Uint8Array, tags: Record<string, string>): void {
    this.#countMember();
    let [key, text] = ['', ''];
    read(bytes, { bytes: { 1: (value) => (key = this.#text(value)), 2: (value) => (text = this.#text(value)) } });
    if (!FORBIDDEN_NAMES.has(key)) tags[harmless(key)] = harmless(text);
  }

  #field(bytes: Uint8Array): FieldDescriptor {
    this.#countMember();
    const field = { name: '', jsonName: '', number: 0, label: 1, type: 0, typeName: '', isProto3Optional: false };
    let oneofIndex: number | undefined;
    let packed: boolean | undefined;
    read(bytes, {
      bytes: {
        1: (value) => (field.name = this.#text(value)),
        6: (value) => (field.typeName = this.#text(value)),
        8: (value) => read(value, { number: { 2: (isPacked) => (packed = isPacked !== 0) } }),
        10: (value) => (field.jsonName = this.#text(value)),
      },
      number: {
        3: (value) => (field.number = value),
        4: (value) => (field.label = value),
        5: (value) => (field.type = value),
        9: (value) => (oneofIndex = value),
        17: (value) => (field.isProto3Optional = value !== 0),
      },
    });
    return { ...field, jsonName: field.jsonName === '' ? lowerCamel(field.name) : field.jsonName, oneofIndex, packed };
  }

  #enum(bytes: Uint8Array): EnumDescriptor {
    this.#countType();
    let name = '';
    const values: { name: string; number: number }[] = [];
    read(bytes, {
      bytes: {
        1: (value) => (name = this.#text(value)),
        2: (value) => void values.push(this.#enumValue(value)),
      },
    });
    return { name, values };
  }

  #enumValue(bytes: Uint8Array): { name: string; number: number } {
    this.#countMember();
    const value = { name: '', number: 0 };
    read(bytes, {
      bytes: { 1: (text) => (value.name = this.#text(text)) },
      number: { 2: (number) => (value.number = number) },
    });
    return value;
  }

  /** The name of a declaration of which nothing else is used. */
  #name(bytes: Uint8Array): string {
    this.#countMember();
    let name = '';
    read(bytes, { bytes: { 1: (value) => (name = this.#text(value)) } });
    return name;
  }

  #text(bytes: Uint8Array): string {
    const text = decodeText(bytes);
    if (text.length <= MAX_TEXT) return text;
    throw new SchemaError('InvalidName', `a name or tag has ${text.length} characters, the limit is ${MAX_TEXT}`);
  }

  #countType(): void {
    this.#types += 1;
    if (this.#types > this.#limits.maxTypes) throw tooMany('messages and enums', this.#limits.maxTypes);
  }

  #countMember(): void {
    this.#members += 1;
    if (this.#members > this.#limits.maxMembers) throw tooMany('fields, enum values and tags', this.#limits.maxMembers);
  }
}

const KINDS: readonly MessageKind[] = ['unspecified', 'telemetry', 'telecommand', 'configuration'];
const MAX_TEXT = 1024;

function tooMany(what: string, limit: number): SchemaError {
  return new SchemaError('TooMany', `the schema has more than ${limit} ${what}`);
}

/** As protoc derives json_name: letters after an underscore become capitals, underscores vanish. */
export function lowerCamel(name: string): string {
  return name.replaceAll(/_+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? '');
}
