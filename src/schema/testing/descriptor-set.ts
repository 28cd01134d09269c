import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';
import type { Writer } from 'protobufjs/minimal.js';

/** A file as a test writes it, right or wrong. */
export interface FileParts {
  readonly name?: string;
  readonly packageName?: string;
  readonly imports?: readonly string[];
  readonly syntax?: string;
  readonly messages?: readonly MessageParts[];
  readonly enums?: readonly EnumParts[];
}

export interface MessageParts {
  readonly name: string;
  readonly fields?: readonly FieldParts[];
  readonly messages?: readonly MessageParts[];
  readonly oneofs?: readonly string[];
  readonly isMapEntry?: boolean;
  /** `mir.device.v1.message_type`. */
  readonly kind?: number;
}

export interface FieldParts {
  readonly name: string;
  readonly number?: number;
  readonly type?: number;
  readonly label?: number;
  readonly typeName?: string;
  readonly jsonName?: string;
  readonly oneof?: number;
}

export interface EnumParts {
  readonly name: string;
  readonly values?: Readonly<Record<string, number>>;
}

/** A serialized `google.protobuf.FileDescriptorSet` of files in proto3. */
export function descriptorSet(...files: readonly FileParts[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const file of files) part(writer, 1, () => writeFile(writer, file));
  return Buffer.from(writer.finish());
}

function part(writer: Writer, field: number, write: () => void): void {
  writer.uint32((field << 3) | 2).fork();
  write();
  writer.ldelim();
}

const text = (writer: Writer, field: number, value: string): void => void writer.uint32((field << 3) | 2).string(value);
const number = (writer: Writer, field: number, value: number): void => void writer.uint32(field << 3).int32(value);

function writeFile(writer: Writer, file: FileParts): void {
  text(writer, 1, file.name ?? 'test.proto');
  text(writer, 2, file.packageName ?? 'test.v1');
  for (const name of file.imports ?? []) text(writer, 3, name);
  for (const message of file.messages ?? []) part(writer, 4, () => writeMessage(writer, message));
  for (const one of file.enums ?? []) part(writer, 5, () => writeEnum(writer, one));
  text(writer, 12, file.syntax ?? 'proto3');
}

function writeMessage(writer: Writer, message: MessageParts): void {
  text(writer, 1, message.name);
  for (const field of message.fields ?? []) part(writer, 2, () => writeField(writer, field));
  for (const nested of message.messages ?? []) part(writer, 3, () => writeMessage(writer, nested));
  part(writer, 7, () => {
    if (message.isMapEntry === true) writer.uint32(7 << 3).bool(true);
    if (message.kind !== undefined) writer.uint32(50_001 << 3).int32(message.kind);
  });
  for (const name of message.oneofs ?? []) part(writer, 8, () => text(writer, 1, name));
}

function writeField(writer: Writer, field: FieldParts): void {
  text(writer, 1, field.name);
  number(writer, 3, field.number ?? 1);
  number(writer, 4, field.label ?? 1);
  number(writer, 5, field.type ?? 13);
  if (field.typeName !== undefined) text(writer, 6, field.typeName);
  if (field.oneof !== undefined) number(writer, 9, field.oneof);
  if (field.jsonName !== undefined) text(writer, 10, field.jsonName);
}

function writeEnum(writer: Writer, { name, values = { ZERO: 0 } }: EnumParts): void {
  text(writer, 1, name);
  for (const [valueName, value] of Object.entries(values)) {
    part(writer, 2, () => {
      text(writer, 1, valueName);
      number(writer, 2, value);
    });
  }
}
