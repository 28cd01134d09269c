import type { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type protobuf from 'protobufjs';
import { writeDescriptorSet } from './write-descriptors.ts';
import type { ProtoFile } from './write-descriptors.ts';

export interface CompileOptions {
  /** Folders in which imports are looked for, in this order; the folders of the files themselves come last. */
  readonly includeDirs?: readonly string[];
}

/**
 * Compiles `.proto` files (proto3 or proto2) and all they import to a serialized `google.protobuf.FileDescriptorSet`: the same bytes for
 * the same files. Rejects with an Error that names file and line. For sources of one's own: it is no place for untrusted input.
 */
export async function compileProtoFiles(paths: readonly string[], options: CompileOptions = {}): Promise<Buffer> {
  const includeDirs = [...(options.includeDirs ?? []), ...paths.map((path) => dirname(path))].map((dir) =>
    resolve(dir),
  );
  // Loaded when used: the parser is no part of the operator's path.
  const { default: parser } = await import('protobufjs');
  const compiler = new Compiler(parser, includeDirs);
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
  readonly files: ProtoFile[] = [];
  readonly #parser: typeof protobuf;
  readonly #includeDirs: readonly string[];
  readonly #seen = new Set<string>();

  constructor(parser: typeof protobuf, includeDirs: readonly string[]) {
    this.#parser = parser;
    this.#includeDirs = includeDirs;
    this.root = new parser.Root();
    for (const name of GOOGLE_FILES) {
      const known = parser.common.get(`google/protobuf/${name}.proto`);
      if (known?.nested !== undefined) this.root.addJSON(known.nested);
    }
  }

  async add(name: string, importedBy?: string): Promise<void> {
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    const path = this.#includeDirs.map((dir) => join(dir, name)).find((candidate) => existsSync(candidate));
    if (path === undefined) {
      const who = importedBy === undefined ? name : `${importedBy} imports ${name}, which`;
      throw new Error(`${who} is in none of ${this.#includeDirs.join(', ')}; name its folder with includeDirs (-I)`);
    }
    const source = withoutComments(await readFile(path, 'utf8'));
    const [, keyword, dialect] = SYNTAX.exec(source) ?? [];
    if (keyword === 'edition') throw new Error(`${name} is written in edition ${dialect}; use syntax = "proto3"`);
    const { package: packageName = '', imports = [] } = this.#parse(name, source);
    for (const imported of imports) if (!imported.startsWith('google/protobuf/')) await this.add(imported, name);
    this.files.push({ name, packageName, imports, isProto3: dialect === 'proto3', source });
  }

  #parse(name: string, source: string): protobuf.IParserResult {
    // The parser takes the name of what it reads from here, and puts it on everything that it finds.
    Object.assign(this.#parser.parse, { filename: name });
    try {
      return this.#parser.parse(source, this.root, { keepCase: true });
    } catch (error) {
      throw new Error(`${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
}

const GOOGLE_FILES = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers'];
const SYNTAX = /^\s*(syntax|edition)\s*=\s*["'](\w+)["']/;

/** Lines stay where they are. */
function withoutComments(source: string): string {
  return source.replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (text) =>
    text.startsWith('/') ? text.replaceAll(/[^\n]/g, ' ') : text,
  );
}
