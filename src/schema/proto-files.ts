import type { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type protobuf from 'protobufjs';
import { messageOf } from '../base/message-of.ts';
import { googleDescriptorSet, googleFiles } from './google-files.ts';
import { readFileDescriptor } from './read-descriptors.ts';
import { DEFAULT_SCHEMA_LIMITS } from './schema-limits.ts';
import { writeDescriptorSet } from './write-descriptors.ts';
import type { DescriptorFile } from './write-descriptors.ts';

export interface CompileOptions {
  /** Folders in which imports are looked for, in this order; the folders of the files themselves come last. */
  readonly includeDirs?: readonly string[];
}

/**
 * Compiles `.proto` files (proto3 or proto2) and all they import, Google's too, to a serialized `google.protobuf.FileDescriptorSet` that
 * stands by itself, as protoc writes it with --include_imports: the same bytes for the same files. Options other than Mir's, services
 * and extensions are left out, so that protoc's set of files that have some is another one, with another hash. Rejects with an Error that names file and line. For sources of one's own: it is no place for untrusted input.
 */
export async function compileProtoFiles(paths: readonly string[], options: CompileOptions = {}): Promise<Buffer> {
  const includeDirs = [...(options.includeDirs ?? []), ...paths.map((path) => dirname(path))].map((dir) =>
    resolve(dir),
  );
  // Loaded when used: the parser is no part of the operator's path.
  const { default: parser } = await import('protobufjs');
  await import('protobufjs/ext/descriptor.js');
  const compiler = new Compiler(parser, parser.Root.fromDescriptor(googleDescriptorSet()), includeDirs);
  for (const path of paths) await compiler.add(nameOf(resolve(path), includeDirs));
  return writeDescriptorSet(compiler.root, compiler.files);
}

/** A file is called by its path below the first include folder that holds it, as protoc does. */
function nameOf(path: string, includeDirs: readonly string[]): string {
  for (const dir of includeDirs) {
    const name = relative(dir, path);
    if (!name.startsWith('..') && !isAbsolute(name)) return name.replaceAll('\\', '/');
  }
  return path;
}

class Compiler {
  readonly root: protobuf.Root;
  /** Imported files before those that import them. */
  readonly files: DescriptorFile[] = [];
  readonly #parser: typeof protobuf;
  readonly #includeDirs: readonly string[];
  readonly #seen = new Set<string>();

  /** `root` has Google's types. */
  constructor(parser: typeof protobuf, root: protobuf.Root, includeDirs: readonly string[]) {
    this.#parser = parser;
    this.root = root;
    this.#includeDirs = includeDirs;
  }

  async add(name: string, importedBy?: string): Promise<void> {
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    const known = googleFiles().get(name);
    if (known !== undefined) return await this.#addGoogles(known);
    const path = this.#includeDirs.map((dir) => join(dir, name)).find((candidate) => existsSync(candidate));
    if (path === undefined) {
      const who = importedBy === undefined ? name : `${importedBy} imports ${name}, which`;
      throw new Error(`${who} is in none of ${this.#includeDirs.join(', ')}; name its folder with includeDirs (-I)`);
    }
    const source = withoutComments(await readFile(path, 'utf8'));
    const [, keyword, dialect] = SYNTAX.exec(source) ?? [];
    if (keyword === 'edition') throw new Error(`${name} is written in edition ${dialect}; use syntax = "proto3"`);
    const { package: packageName = '', imports = [] } = this.#parse(name, source);
    for (const imported of imports) await this.add(imported, name);
    const publicImports = [...source.matchAll(PUBLIC_IMPORT)].map(([, , imported = '']) => imported);
    this.files.push({ name, packageName, imports, publicImports, isProto3: dialect === 'proto3', source });
  }

  async #addGoogles(serialized: Uint8Array): Promise<void> {
    for (const imported of readFileDescriptor(serialized, DEFAULT_SCHEMA_LIMITS).imports) await this.add(imported);
    this.files.push({ serialized });
  }

  #parse(name: string, source: string): protobuf.IParserResult {
    // The parser takes the name of what it reads from here, and puts it on everything that it finds.
    Object.assign(this.#parser.parse, { filename: name });
    try {
      return this.#parser.parse(source, this.root, { keepCase: true });
    } catch (error) {
      throw new Error(`${name} cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

const PUBLIC_IMPORT = /\bimport\s+public\s*(["'])([^"'\n]+)\1/g;
const SYNTAX = /^\s*(syntax|edition)\s*=\s*["'](\w+)["']/;

/** Lines stay where they are. */
function withoutComments(source: string): string {
  return source.replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (text) =>
    text.startsWith('/') ? text.replaceAll(/[^\n]/g, ' ') : text,
  );
}
