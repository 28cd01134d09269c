/** Documents that a person names: files, folders, standard input. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { API_VERSION } from '../../api/device.ts';
import type { JsonObject } from '../../api/device.ts';
import { ShapeError, toStored } from '../../mir-shape/mir-shape.ts';
import { SCHEMA_KIND } from '../../api/schema.ts';
import { loadAllExactYaml } from '../../api/exact-yaml.ts';
import type { Io } from '../base/context.ts';
import { CliError } from '../base/exit.ts';
import { messageOf } from '../../base/message-of.ts';

/** One object to be applied, and where it was found. */
export interface Wanted {
  /** The stored shape: `iot.mir/v1alpha`. */
  readonly object: JsonObject;
  readonly kind: 'device' | 'schema';
  readonly name: string;
  /** Absent where the document names none, and of schemas. */
  readonly namespace: string | undefined;
  /** `devices.yaml (2nd document)`. */
  readonly from: string;
}

const EXTENSIONS = ['.yaml', '.yml', '.json'];

/** Every device and schema of `paths`; `-` is standard input. Throws a CliError that names the file and the document. */
export async function readDocuments(io: Io, paths: readonly string[], isRecursive: boolean): Promise<Wanted[]> {
  if (paths.length === 0) throw new CliError('name a file, a folder or - for standard input with -f');
  const wanted: Wanted[] = [];
  for (const path of paths) {
    for (const file of path === '-' ? ['-'] : await filesOf(path, isRecursive)) {
      const from = file === '-' ? 'standard input' : file;
      const text = file === '-' ? await io.stdin() : await readFile(file, 'utf8');
      wanted.push(...wantedOf(text, from));
    }
  }
  if (wanted.length === 0) throw new CliError(`there are no documents in ${paths.join(', ')}`);
  return wanted;
}

async function filesOf(path: string, isRecursive: boolean): Promise<string[]> {
  const about = await stat(path).catch(() => {
    throw new CliError(`there is no file or folder ${path}`);
  });
  if (!about.isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true, recursive: isRecursive });
  return entries
    .filter((entry) => entry.isFile() && EXTENSIONS.includes(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** The objects of one text; those of a `kind: List` each by itself. */
function wantedOf(text: string, from: string): Wanted[] {
  let documents: unknown[];
  try {
    documents = loadAllExactYaml(text);
  } catch (error) {
    throw new CliError(`${from}: ${messageOf(error)}`);
  }
  return documents.flatMap((document, at) => {
    const where = documents.length === 1 ? from : `${from} (document ${at + 1})`;
    return itemsOf(document, where).map((item) => wantedFrom(item, where));
  });
}

function itemsOf(document: unknown, where: string): JsonObject[] {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new CliError(`${where} is no object; a twin has apiVersion, kind, meta, spec and properties`);
  const { kind, items } = document as { readonly kind?: unknown; readonly items?: unknown };
  const isList = (kind === 'List' || kind === 'deviceList') && Array.isArray(items);
  return isList ? (items as JsonObject[]) : [document as JsonObject];
}

function wantedFrom(document: JsonObject, from: string): Wanted {
  try {
    if (document['apiVersion'] === API_VERSION && document['kind'] === SCHEMA_KIND) return schemaOf(document, from);
    const object = toStored(document);
    const { name, namespace } = object['metadata'] as { readonly name: string; readonly namespace?: string };
    return { object, kind: 'device', name, namespace, from };
  } catch (error) {
    if (error instanceof ShapeError) throw new CliError(`${from} ${error.message}`);
    throw error;
  }
}

function schemaOf({ status: _status, metadata, ...document }: JsonObject, from: string): Wanted {
  const { name, labels, annotations } = (metadata ?? {}) as Record<string, string>;
  if (name === undefined) throw new ShapeError('has no metadata.name; npm run schema writes it');
  const object = { ...document, metadata: { name, ...(labels && { labels }), ...(annotations && { annotations }) } };
  return { object, kind: 'schema', name, namespace: undefined, from };
}
