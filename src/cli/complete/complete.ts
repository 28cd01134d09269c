/** Answers kubectl's completion: kubectl runs `kubectl_complete-mir`, which asks `kubectl-mir __complete`, and tells the shell. */
import { Buffer } from 'node:buffer';
import type { Command } from 'commander';
import { devicesPath, MESSAGE_NAME } from '../../api/device.ts';
import type { ObjectMeta } from '../../api/device.ts';
import { SCHEMAS_PATH } from '../../api/schema.ts';
import type { SchemaObject } from '../../api/schema.ts';
import type { KubeList } from '../../kube/client.ts';
import { contextNames } from '../../kubeconfig/kubeconfig.ts';
import type { DeviceSchema, MessageType } from '../../schema/device-schema.ts';
import { loadSchema } from '../../schema/load-schema.ts';
import { withCluster } from '../base/context.ts';
import type { Cluster, Io } from '../base/context.ts';
import { readAll } from '../fleet/fleet.ts';
import { SchemaShelf } from '../fleet/schemas.ts';
import { readTyped } from './word.ts';
import type { Completion, Typed, Wanted } from './word.ts';

/** The word under which the completion is asked for. */
export const COMPLETE = '__complete';

/** Of cobra's protocol, which kubectl speaks: what the shell is to do in addition to showing the words. */
const DIRECTIVE = { files: 0, noSpace: 2, noFiles: 4 } as const;

/** A shell that waits is worse than one that offers less. */
const PATIENCE_MS = 3000;
/** Objects that are looked through. */
const LIMIT = 2000;

/** Prints one line for each word, `word<TAB>description`, and `:directive`. What cannot be found out is left out. */
export async function complete(io: Io, program: Command, words: readonly string[]): Promise<number> {
  const typed = readTyped(program, words);
  if (typed.wanted.kind === 'files') {
    io.out(`:${DIRECTIVE.files}\n`);
    return 0;
  }
  const found = await offersOf(io, typed).catch((): Completion[] => []);
  const fitting = found.filter(({ value }) => value.startsWith(typed.prefix));
  const lines = fitting.map(({ value, description = '' }) => {
    const [summary = ''] = description.split('\n');
    return `${value}${summary === '' ? '' : `\t${summary}`}\n`;
  });
  const isOpen = fitting.length > 0 && fitting.every(({ value }) => value.endsWith('='));
  io.out(`${lines.join('')}:${DIRECTIVE.noFiles + (isOpen ? DIRECTIVE.noSpace : 0)}\n`);
  return 0;
}

async function offersOf(io: Io, typed: Typed): Promise<readonly Completion[]> {
  const { wanted, flags } = typed;
  if (wanted.kind === 'given') return wanted.completions;
  if (wanted.kind === 'contexts') {
    const names = contextNames({ kubeconfig: flags['kubeconfig'] ?? io.env['KUBECONFIG'] });
    return names.map((value) => ({ value }));
  }
  const patience = { ...io, signal: AbortSignal.any([io.signal, AbortSignal.timeout(PATIENCE_MS)]) };
  return await withCluster(io, flags, (cluster) => askCluster(patience, cluster, wanted, typed));
}

async function askCluster(io: Io, cluster: Cluster, wanted: Wanted, typed: Typed): Promise<readonly Completion[]> {
  switch (wanted.kind) {
    case 'namespaces':
      return (await metadataOf(io, cluster, '/api/v1/namespaces')).map(({ name }) => ({ value: name }));
    case 'schemas':
      return [...(await shortSchemas(io, cluster)), ...(await deviceNames(io, cluster))];
    case 'devices':
      return await deviceNames(io, cluster);
    case 'labels':
      return await labels(io, cluster);
    case 'change':
      return await changeWords(io, cluster, wanted.words, typed.prefix);
    case 'given':
    case 'files':
    case 'contexts':
      return [];
    default:
      return wanted satisfies never;
  }
}

async function metadataOf({ signal }: Io, { client }: Cluster, path: string): Promise<readonly ObjectMeta[]> {
  const { items } = await client.listMetadata<{ readonly metadata: ObjectMeta }>(path, { limit: LIMIT }, signal);
  return items.map(({ metadata }) => metadata);
}

async function deviceNames(io: Io, cluster: Cluster): Promise<Completion[]> {
  const found = await metadataOf(io, cluster, devicesPath(cluster.namespace));
  return found.map(({ name }) => ({ value: name }));
}

async function shortSchemas(io: Io, cluster: Cluster): Promise<Completion[]> {
  const found = await metadataOf(io, cluster, SCHEMAS_PATH);
  return found.map(({ name }) => ({ value: name.slice(0, 'sha256-'.length + 12) }));
}

async function labels(io: Io, cluster: Cluster): Promise<Completion[]> {
  const found = await metadataOf(io, cluster, devicesPath(cluster.namespace));
  const pairs = found.flatMap((metadata) => Object.entries(metadata.labels ?? {}));
  return [...new Set(pairs.map(([name, value]) => `${name}=${value}`))].toSorted().map((value) => ({ value }));
}

/** `NAME… MESSAGE FIELD=VALUE…`: names and messages until a message stands there, then its fields. */
async function changeWords(
  io: Io,
  cluster: Cluster,
  words: readonly string[],
  prefix: string,
): Promise<readonly Completion[]> {
  const plain = words.filter((word) => !word.includes('='));
  const message = plain.find((word) => MESSAGE_NAME.test(word) && word.includes('.'));
  const names = plain.filter((word) => word !== message);
  const schemas = await schemasFor(io, cluster, names);
  if (message === undefined) return [...messagesOf(schemas), ...(await deviceNames(io, cluster))];
  const type = schemas.map((schema) => schema.message(message)).find((found) => found !== undefined);
  return type === undefined ? [] : fieldsOf(type, prefix);
}

/** Of the device that is named, else all of the cluster. */
async function schemasFor(io: Io, cluster: Cluster, names: readonly string[]): Promise<readonly DeviceSchema[]> {
  if (names.length > 0) {
    const shelf = new SchemaShelf(cluster);
    const { devices } = await readAll(cluster, { names: names.slice(0, 1) }).catch(() => ({ devices: [] }));
    const found = await Promise.all(devices.map((device) => shelf.of(device)));
    return found.filter((schema) => schema !== undefined);
  }
  const { items } = await cluster.client.get<KubeList<SchemaObject>>(SCHEMAS_PATH, { limit: 20 }, io.signal);
  return items.flatMap(({ spec }) => {
    const loaded = loadSchema(Buffer.from(spec.descriptorSet, 'base64'));
    return loaded.ok ? [loaded.schema] : [];
  });
}

/** Those that can be desired; where a schema has no kinds, all of them. */
function messagesOf(schemas: readonly DeviceSchema[]): Completion[] {
  const offered = schemas.flatMap(({ messages }) => {
    const configuration = messages.filter(({ kind }) => kind === 'configuration');
    return configuration.length > 0 ? configuration : messages;
  });
  return [...new Set(offered.map(({ name }) => name))].map((value) => ({ value, description: 'message' }));
}

function fieldsOf(type: MessageType, prefix: string): Completion[] {
  const [name = ''] = prefix.split('=');
  const isFlag = prefix.includes('=') && type.canonicalize({ [name]: true }).ok;
  if (isFlag) return ['true', 'false'].map((value) => ({ value: `${name}=${value}` }));
  return type.fieldNames().map((field) => ({ value: `${field}=` }));
}
