import { Buffer } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';
import type { Writer } from 'protobufjs/minimal.js';
import type { Enum, Field, MapField, NamespaceBase, OneOf, ReflectionObject, Root, Type } from 'protobufjs';
import { LABEL_REPEATED, LABEL_REQUIRED, TYPE_ENUM, TYPE_MESSAGE } from './descriptors.ts';
import { lowerCamel } from './read-descriptors.ts';

/** One parsed `.proto` file, whose types are in a root together with those of others. */
export interface ProtoFile {
  /** As others import it. */
  readonly name: string;
  readonly packageName: string;
  readonly imports: readonly string[];
  /** Those of them that files which import this one see too. */
  readonly publicImports: readonly string[];
  readonly isProto3: boolean;
  /** Its text, to find lines in. */
  readonly source: string;
}

/** A file to be written, or one that is. */
export type DescriptorFile = ProtoFile | { readonly serialized: Uint8Array };

/** Writes what a `google.protobuf.FileDescriptorSet` says of types and of the options of Mir; services and other options are left out. */
export function writeDescriptorSet(root: Root, files: readonly DescriptorFile[]): Buffer {
  const writer = protobuf.Writer.create();
  for (const file of files) {
    if ('serialized' in file) writer.uint32(bytesTag(1)).bytes(file.serialized);
    else writeFile(writer, 1, root, file);
  }
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Tags of length-delimited and of number fields. */
const bytesTag = (field: number): number => ((field << 3) | 2) >>> 0;
const numberTag = (field: number): number => (field << 3) >>> 0;

function within(writer: Writer, field: number, write: (writer: Writer) => void): void {
  write(writer.uint32(bytesTag(field)).fork());
  writer.ldelim();
}

function text(writer: Writer, field: number, value: string): void {
  writer.uint32(bytesTag(field)).string(value);
}

function number(writer: Writer, field: number, value: number): void {
  writer.uint32(numberTag(field)).int32(value);
}

function writeFile(writer: Writer, field: number, root: Root, file: ProtoFile): void {
  const { name, packageName, imports, publicImports, isProto3 } = file;
  const scope = packageName === '' ? root : root.lookup(packageName);
  const own = membersOf(scope).filter(({ filename }) => filename === name);
  within(writer, field, () => {
    text(writer, 1, name);
    if (packageName !== '') text(writer, 2, packageName);
    for (const imported of imports) text(writer, 3, imported);
    for (const member of own) if (isType(member)) writeMessage(writer, 4, member, file);
    for (const member of own) if (isEnum(member)) writeEnum(writer, 5, member);
    for (const imported of publicImports) number(writer, 10, imports.indexOf(imported));
    if (isProto3) text(writer, 12, 'proto3');
  });
}

function membersOf(scope: ReflectionObject | null): readonly ReflectionObject[] {
  return scope === null ? [] : (scope as NamespaceBase).nestedArray;
}

// Told by what they have, because the parser is loaded only when it is used.
const isType = (object: ReflectionObject): object is Type => 'fieldsArray' in object;
const isEnum = (object: ReflectionObject): object is Enum => 'valuesById' in object;
const keyTypeOf = (field: Field): string | undefined => (field as Partial<Pick<MapField, 'keyType'>>).keyType;
const isMap = (field: Field): boolean => field.map;

function writeMessage(writer: Writer, at: number, type: Type, file: ProtoFile): void {
  if ('group' in type && type.group === true)
    throw new Error(`${file.name}: ${pathOf(type)} is a group, which is not supported; use a message`);
  const oneofs = orderedOneofs(type);
  // The parser adds to a message what others extend it by; in JSON extensions have no name that a device could use.
  const fields = type.fieldsArray.filter(({ declaringField }) => declaringField === null);
  within(writer, at, () => {
    text(writer, 1, type.name);
    for (const field of fields) writeField(writer, field, oneofs, file);
    for (const nested of type.nestedArray) if (isType(nested)) writeMessage(writer, 3, nested, file);
    for (const field of fields) if (isMap(field)) writeMapEntry(writer, field);
    for (const nested of type.nestedArray) if (isEnum(nested)) writeEnum(writer, 4, nested);
    writeMessageOptions(writer, type);
    for (const { name } of oneofs) within(writer, 8, () => text(writer, 1, name));
  });
}

/** As protoc has it: those that only make a field optional come last. */
function orderedOneofs({ oneofsArray }: Type): readonly OneOf[] {
  return [
    ...oneofsArray.filter((oneof) => !oneof.isProto3Optional),
    ...oneofsArray.filter((oneof) => oneof.isProto3Optional),
  ];
}

function writeField(writer: Writer, field: Field, oneofs: readonly OneOf[], file: ProtoFile): void {
  resolveType(field, file);
  const entryName = `.${pathOf(field.parent)}.${entryNameOf(field)}`;
  within(writer, 2, () => {
    text(writer, 1, field.name);
    number(writer, 3, field.id);
    number(writer, 4, field.repeated || isMap(field) ? LABEL_REPEATED : field.rule === 'required' ? LABEL_REQUIRED : 1);
    writeType(writer, isMap(field) ? { type: TYPE_MESSAGE, typeName: entryName } : typeOf(field));
    const { packed, json_name: jsonName = lowerCamel(field.name) } = field.options ?? {};
    if (typeof packed === 'boolean') within(writer, 8, () => writer.uint32(numberTag(2)).bool(packed));
    if (field.partOf !== null) number(writer, 9, oneofs.indexOf(field.partOf));
    text(writer, 10, String(jsonName));
    if (file.isProto3 && field.partOf?.isProto3Optional === true) writer.uint32(numberTag(17)).bool(true);
  });
}

function resolveType(field: Field, { name, source }: ProtoFile): void {
  try {
    field.resolve();
  } catch (error) {
    const line = source.split('\n').findIndex((text) => text.includes(field.type)) + 1;
    const remedy = 'define it, or import the file that does';
    throw new Error(`${name}, line ${line}: there is no type ${field.type} for ${pathOf(field)}; ${remedy}`, {
      cause: error,
    });
  }
}

interface FieldType {
  readonly type: number;
  readonly typeName?: string;
}

function typeOf({ type, resolvedType }: Field): FieldType {
  if (resolvedType === null) return { type: SCALAR_TYPES[type] ?? 0 };
  return { type: isEnum(resolvedType) ? TYPE_ENUM : TYPE_MESSAGE, typeName: resolvedType.fullName };
}

function writeType(writer: Writer, { type, typeName }: FieldType): void {
  number(writer, 5, type);
  if (typeName !== undefined) text(writer, 6, typeName);
}

function writeMapEntry(writer: Writer, field: Field): void {
  within(writer, 3, () => {
    text(writer, 1, entryNameOf(field));
    writeEntryField(writer, 'key', 1, { type: SCALAR_TYPES[keyTypeOf(field) ?? ''] ?? 0 });
    writeEntryField(writer, 'value', 2, typeOf(field));
    within(writer, 7, () => writer.uint32(numberTag(7)).bool(true));
  });
}

function writeEntryField(writer: Writer, name: string, id: number, type: FieldType): void {
  within(writer, 2, () => {
    text(writer, 1, name);
    number(writer, 3, id);
    number(writer, 4, 1);
    writeType(writer, type);
    text(writer, 10, name);
  });
}

function writeEnum(writer: Writer, at: number, { name, values }: Enum): void {
  within(writer, at, () => {
    text(writer, 1, name);
    for (const [valueName, value] of Object.entries(values)) {
      within(writer, 2, () => {
        text(writer, 1, valueName);
        number(writer, 2, value);
      });
    }
    const hasAliases = new Set(Object.values(values)).size < Object.keys(values).length;
    if (hasAliases) within(writer, 3, () => writer.uint32(numberTag(2)).bool(true));
  });
}

/** The options of `mir.device.v1`: message_type is 50001, meta is 50002. */
function writeMessageOptions(writer: Writer, type: Type): void {
  const kind = KINDS[String(optionOf(type, 'mir.device.v1.message_type'))];
  const tags = tagsIn(optionOf(type, 'mir.device.v1.meta'));
  if (kind === undefined && tags.length === 0) return;
  within(writer, 7, () => {
    if (kind !== undefined) number(writer, 50_001, kind);
    if (tags.length === 0) return;
    within(writer, 50_002, () => {
      for (const { key, value } of tags) {
        within(writer, 1, () => {
          text(writer, 1, String(key));
          text(writer, 2, String(value));
        });
      }
    });
  });
}

/** The value of an option, whichever way it is spelled: a name counts from any scope around the message, with a dot from the root. */
function optionOf(type: Type, fullName: string): unknown {
  const scopes = pathOf(type)
    .split('.')
    .map((_, at, parts) => `${parts.slice(0, at + 1).join('.')}.`);
  const spellings = new Set(
    ['.', '', ...scopes.filter((scope) => fullName.startsWith(scope))].map((scope) =>
      scope === '.' ? `(.${fullName})` : `(${fullName.slice(scope.length)})`,
    ),
  );
  const options = ((type.parsedOptions as Record<string, unknown>[] | null) ?? []).flatMap(Object.entries);
  return options.find(([name]) => spellings.has(name))?.[1];
}

interface Tag {
  readonly key: unknown;
  readonly value: unknown;
}

function tagsIn(meta: unknown): readonly Tag[] {
  const tags = (meta as { tags?: Tag | Tag[] } | undefined)?.tags;
  return tags === undefined ? [] : Array.isArray(tags) ? tags : [tags];
}

const KINDS: Readonly<Record<string, number>> = {
  MESSAGE_TYPE_UNSPECIFIED: 0,
  MESSAGE_TYPE_TELEMETRY: 1,
  MESSAGE_TYPE_TELECOMMAND: 2,
  MESSAGE_TYPE_TELECONFIG: 3,
};

const SCALAR_TYPES: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
};

/** Full name of an object, without the leading dot. */
function pathOf(object: ReflectionObject | null): string {
  return object === null ? '' : object.fullName.replace(/^\./, '');
}

/** protoc's name for the message that a map is a list of: `FooBarEntry` for `foo_bar`. */
function entryNameOf({ name }: Field): string {
  const camel = lowerCamel(name);
  return `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`;
}
