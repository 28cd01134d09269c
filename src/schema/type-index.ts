import { FORBIDDEN_NAMES } from '../protocol/topics.ts';
import { LABEL_REPEATED, LABEL_REQUIRED, TYPE_ENUM, TYPE_GROUP, TYPE_MESSAGE } from './descriptors.ts';
import type { EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor } from './descriptors.ts';
import { googleFiles } from './google-files.ts';
import { readFileDescriptor } from './read-descriptors.ts';
import { DEFAULT_SCHEMA_LIMITS, SchemaError } from './schema-limits.ts';
import type { SchemaLimits } from './schema-limits.ts';
import { isWellKnown } from './well-known-names.ts';

/** A message or enum of a schema, with what its file says about it. */
export interface IndexedMessage {
  readonly fullName: string;
  readonly descriptor: MessageDescriptor;
  readonly isProto2: boolean;
}
export interface IndexedEnum {
  readonly fullName: string;
  readonly descriptor: EnumDescriptor;
  /** Values that it does not name do not exist (proto2). */
  readonly isClosed: boolean;
}

/** The types of a schema by full name, without leading dot. Every name, number and reference in it has been checked. */
export interface TypeIndex {
  readonly messages: ReadonlyMap<string, IndexedMessage>;
  readonly enums: ReadonlyMap<string, IndexedEnum>;
  /** Full names of the messages that are not defined within others, Google's left out. */
  readonly topLevel: readonly string[];
  /** The same of those that are; the entries of maps are none. */
  readonly nested: readonly string[];
  readonly packageNames: readonly string[];
}

/** Checks the files of a schema against each other. Throws SchemaError. */
export function indexTypes(files: readonly FileDescriptor[], limits: SchemaLimits): TypeIndex {
  const own = files.filter((file) => !isGoogles(file));
  checkImports(files);
  const index = new Indexer(limits);
  for (const file of own) index.addFile(file);
  for (const file of googlesOf(files)) if (isSupported(file)) index.addTypes(file);
  index.checkReferences();
  const [topLevel, nested] = [own.flatMap(topLevelOf), own.flatMap(nestedOf)];
  return {
    messages: index.messages,
    enums: index.enums,
    topLevel: topLevel.toSorted(),
    nested: nested.toSorted(),
    packageNames: [...new Set(own.map(({ packageName }) => packageName))].filter((name) => name !== '').toSorted(),
  };
}

const isGoogles = ({ packageName }: FileDescriptor): boolean => packageName === 'google.protobuf';

/** Google's files that are in the set, and of those that are imported without being there the ones that are not read specially. */
function googlesOf(files: readonly FileDescriptor[]): FileDescriptor[] {
  const found = new Map(files.filter(isGoogles).map((file) => [file.name, file]));
  const wanted = files.flatMap(({ imports }) => imports);
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const bytes = found.has(name) || !UNUSUAL.has(name) ? undefined : googleFiles().get(name);
    if (bytes === undefined) continue;
    const file = readFileDescriptor(bytes, DEFAULT_SCHEMA_LIMITS);
    found.set(name, file);
    wanted.push(...file.imports);
  }
  return [...found.values()];
}

/** Types of all the others have codecs of their own. */
const UNUSUAL: ReadonlySet<string> = new Set(
  ['api', 'descriptor', 'source_context', 'type'].map((name) => `google/protobuf/${name}.proto`),
);

const isSupported = ({ syntax }: FileDescriptor): boolean => syntax === 'proto3' || syntax === 'proto2';

const join = (scope: string, name: string): string => (scope === '' ? name : `${scope}.${name}`);

function topLevelOf({ packageName, messages }: FileDescriptor): string[] {
  return messages.map(({ name }) => join(packageName, name));
}

function nestedOf({ packageName, messages }: FileDescriptor): string[] {
  return messages.flatMap((message) => within(message, join(packageName, message.name)));
}

function within({ messages }: MessageDescriptor, scope: string): string[] {
  const nested = messages.filter(({ isMapEntry }) => !isMapEntry);
  return nested.flatMap((message) => {
    const fullName = join(scope, message.name);
    return [fullName, ...within(message, fullName)];
  });
}

function checkImports(files: readonly FileDescriptor[]): void {
  const byName = new Map<string, FileDescriptor>();
  for (const file of files) {
    if (byName.has(file.name)) throw new SchemaError('Duplicate', `file ${quote(file.name)} comes twice`);
    byName.set(file.name, file);
  }
  const done = new Set<string>();
  for (const file of files) visit(file, [], byName, done);
}

function visit(
  file: FileDescriptor,
  path: readonly string[],
  byName: ReadonlyMap<string, FileDescriptor>,
  done: Set<string>,
): void {
  if (path.includes(file.name)) {
    throw new SchemaError('ImportCycle', `files import each other: ${[...path, file.name].map(quote).join(' → ')}`);
  }
  if (done.has(file.name)) return;
  for (const name of file.imports) {
    const imported = byName.get(name);
    if (imported !== undefined) visit(imported, [...path, file.name], byName, done);
    else if (!isBuiltIn(name)) {
      const remedy = 'build the set with protoc --include_imports';
      throw new SchemaError(
        'MissingImport',
        `${quote(file.name)} imports ${quote(name)}, which is not in the set; ${remedy}`,
      );
    }
  }
  done.add(file.name);
}

/** Files whose content is known here: Google's types, and the options of Mir, which are read by number. */
function isBuiltIn(name: string): boolean {
  return name.startsWith('google/protobuf/') || name === 'mir/device/v1/mir.proto';
}

class Indexer {
  readonly messages = new Map<string, IndexedMessage>();
  readonly enums = new Map<string, IndexedEnum>();
  readonly #limits: SchemaLimits;
  readonly #names = new Set<string>();

  constructor(limits: SchemaLimits) {
    this.#limits = limits;
  }

  addFile(file: FileDescriptor): void {
    const { name, packageName, messages, enums, syntax } = file;
    if (messages.length + enums.length > 0 && !isSupported(file)) {
      throw new SchemaError('UnsupportedSyntax', `${quote(name)} is written in ${quote(syntax)}; use proto3`);
    }
    for (const part of packageName === '' ? [] : packageName.split('.')) checkName(part, `package of ${quote(name)}`);
    this.addTypes(file);
  }

  addTypes({ packageName, messages, enums, syntax }: FileDescriptor): void {
    const isProto2 = syntax === 'proto2';
    for (const message of messages) this.#addMessage(message, packageName, isProto2);
    for (const one of enums) this.#addEnum(one, packageName, isProto2);
  }

  #addMessage(descriptor: MessageDescriptor, scope: string, isProto2: boolean): void {
    const fullName = this.#declare(descriptor.name, scope);
    // What has a codec of its own is built in: what a device brings of it is neither trusted nor needed.
    if (isWellKnown(fullName, TYPE_MESSAGE)) return;
    this.messages.set(fullName, { fullName, descriptor, isProto2 });
    for (const nested of descriptor.messages) this.#addMessage(nested, fullName, isProto2);
    for (const nested of descriptor.enums) this.#addEnum(nested, fullName, isProto2);
    checkFields(fullName, descriptor);
  }

  #addEnum(descriptor: EnumDescriptor, scope: string, isClosed: boolean): void {
    const fullName = this.#declare(descriptor.name, scope);
    if (isWellKnown(fullName, TYPE_ENUM)) return;
    if (descriptor.values.length === 0) throw new SchemaError('InvalidField', `enum ${fullName} has no value`);
    const names = new Set<string>();
    for (const { name } of descriptor.values) {
      checkName(name, `value of enum ${fullName}`);
      if (names.has(name)) throw new SchemaError('Duplicate', `enum ${fullName} has two values ${name}`);
      names.add(name);
    }
    this.enums.set(fullName, { fullName, descriptor, isClosed });
  }

  #declare(name: string, scope: string): string {
    checkName(name, `name in ${scope === '' ? 'no package' : scope}`);
    const fullName = join(scope, name);
    if (fullName.length > this.#limits.maxNameLength) {
      throw new SchemaError('InvalidName', `${quote(fullName)} has more than ${this.#limits.maxNameLength} characters`);
    }
    if (this.#names.has(fullName)) throw new SchemaError('Duplicate', `${fullName} is defined twice`);
    this.#names.add(fullName);
    return fullName;
  }

  checkReferences(): void {
    for (const { fullName, descriptor } of this.messages.values()) {
      for (const field of descriptor.fields) this.#checkReference(field, fullName);
      if (descriptor.isMapEntry) checkMapEntry(fullName, descriptor);
    }
  }

  #checkReference({ name, type, typeName }: FieldDescriptor, message: string): void {
    if (type !== TYPE_MESSAGE && type !== TYPE_ENUM) return;
    const target = typeName.slice(1);
    const isKnown =
      isWellKnown(target, type) || (type === TYPE_MESSAGE ? this.messages.has(target) : this.enums.has(target));
    if (typeName.startsWith('.') && isKnown) return;
    throw new SchemaError(
      'Unresolved',
      `${message}.${name} is of type ${quote(typeName)}, which no file of the set defines`,
    );
  }
}

const MAX_FIELD_NUMBER = 536_870_911;

function checkFields(message: string, { fields, oneofs }: MessageDescriptor): void {
  const taken = new Set<string | number>();
  const take = (what: string | number): void => {
    if (taken.has(what)) throw new SchemaError('Duplicate', `${message} has two fields ${quote(String(what))}`);
    taken.add(what);
  };
  for (const { name, jsonName, number, type, label, oneofIndex } of fields) {
    checkName(name, `field of ${message}`);
    if (FORBIDDEN_NAMES.has(jsonName))
      throw new SchemaError(
        'InvalidName',
        `${message}.${name} has the json_name ${quote(jsonName)}, which no document may hold`,
      );
    if (number < 1 || number > MAX_FIELD_NUMBER || (number >= 19_000 && number <= 19_999)) {
      throw new SchemaError('InvalidField', `${message}.${name} has the number ${number}, which no field can have`);
    }
    if (type === TYPE_GROUP) throw new SchemaError('UnsupportedSyntax', `${message}.${name} is a group; use a message`);
    if (type < 1 || type > 18 || label < 1 || label > 3) {
      throw new SchemaError(
        'InvalidField',
        `${message}.${name} has type ${type} and label ${label}, which do not exist`,
      );
    }
    if (oneofIndex !== undefined && (oneofs[oneofIndex] === undefined || label !== 1)) {
      throw new SchemaError('InvalidField', `${message}.${name} belongs to a oneof that does not exist`);
    }
    take(number);
    take(name);
    if (jsonName !== name) take(jsonName);
  }
}

/** Key kinds of maps: integers, bool and string. */
const MAP_KEYS: ReadonlySet<number> = new Set([3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 17, 18]);

function checkMapEntry(fullName: string, { fields }: MessageDescriptor): void {
  const [key, value] = [fields.find(({ number }) => number === 1), fields.find(({ number }) => number === 2)];
  const isSound =
    fields.length === 2 && key !== undefined && value !== undefined && MAP_KEYS.has(key.type) && key.label === 1;
  if (isSound && value.label !== LABEL_REPEATED && value.label !== LABEL_REQUIRED) return;
  throw new SchemaError('InvalidField', `${fullName} is no entry of a map`);
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function checkName(name: string, where: string): void {
  if (FORBIDDEN_NAMES.has(name))
    throw new SchemaError('InvalidName', `${where}: no document may hold the name ${quote(name)}; rename it`);
  if (NAME.test(name)) return;
  throw new SchemaError('InvalidName', `${where}: ${quote(name)} is no name`);
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 80));
