import { readFile } from 'node:fs/promises';
import type { JsonObject, JsonValue } from '../../api/device.ts';
import { MESSAGE_NAME } from '../../api/device.ts';
import { isJsonObject, readJson } from '../../api/exact-json.ts';
import { loadExactYaml } from '../../api/exact-yaml.ts';
import type { DeviceSchema } from '../../schema/device-schema.ts';
import { parseAssignment, patchOf } from '../bulk/assignments.ts';
import type { Assignment } from '../bulk/assignments.ts';
import type { Edit } from '../bulk/plan.ts';
import { changeMany } from '../bulk/bulk.ts';
import type { BulkFlags } from '../bulk/bulk.ts';
import { withCluster } from '../base/context.ts';
import type { Cluster, Io } from '../base/context.ts';
import { desiredAfter, desiredOwners, refuseMisfit } from '../bulk/desired-edit.ts';
import { CliError } from '../base/exit.ts';
import { selectionOf } from '../fleet/selection.ts';
import type { SelectFlags } from '../fleet/selection.ts';
import { SchemaShelf } from '../fleet/schemas.ts';

export interface SetFlags extends SelectFlags, BulkFlags {
  /** A file of message names and what becomes of each; `-` is standard input. */
  readonly filename?: string;
  readonly json?: string;
}

/** What becomes of each message: from assignments, typed by the schema, or from values as they are. */
type Wish = { readonly assignments: readonly Assignment[] } | { readonly values: JsonObject };

/** `kubectl mir set`: changes fields of desired messages of one device or of many. Fields that it does not name stay. */
export async function set(io: Io, args: readonly string[], flags: SetFlags): Promise<number> {
  const { names, wishes } = await readWishes(io, args, flags);
  const selection = selectionOf(names, flags);
  return await withCluster(io, flags, (cluster) =>
    changeMany(io, cluster, selection, desiredEdit(cluster, wishes), flags),
  );
}

/** `kubectl mir unset`: takes fields, or whole messages, out of what is desired. */
export async function unset(io: Io, args: readonly string[], flags: SelectFlags & BulkFlags): Promise<number> {
  const at = args.findIndex((argument) => MESSAGE_NAME.test(argument) && argument.includes('.'));
  const message = args[at];
  if (message === undefined) throw new CliError('name the message, such as sensor.v1.SampleRate');
  const fields = args.slice(at + 1).map((field) => parseAssignment(`${field}=null`));
  const wish: Wish = fields.length > 0 ? { assignments: fields } : { values: null as unknown as JsonObject };
  const selection = selectionOf(args.slice(0, at), flags);
  return await withCluster(io, flags, (cluster) =>
    changeMany(io, cluster, selection, desiredEdit(cluster, new Map([[message, wish]])), flags),
  );
}

interface Wishes {
  readonly names: readonly string[];
  readonly wishes: ReadonlyMap<string, Wish>;
}

/** `NAME… MESSAGE FIELD=VALUE…`: the last word without `=` is the message, those before it are names. */
async function readWishes(io: Io, args: readonly string[], { filename, json }: SetFlags): Promise<Wishes> {
  const words = args.filter((argument) => !argument.includes('='));
  const assignments = args.filter((argument) => argument.includes('=')).map(parseAssignment);
  if (filename !== undefined) {
    if (assignments.length > 0 || json !== undefined)
      throw new CliError('-f has all values; leave out --json and FIELD=VALUE');
    return { names: words, wishes: await readValues(io, filename) };
  }
  const message = words.at(-1);
  if (message === undefined || !MESSAGE_NAME.test(message) || (assignments.length === 0) === (json === undefined))
    throw new CliError("usage: kubectl mir set NAME… MESSAGE FIELD=VALUE…, or MESSAGE --json '{…}', or -f values.yaml");
  const wish: Wish = json === undefined ? { assignments } : { values: objectOf(message, parseJson(json)) };
  return { names: words.slice(0, -1), wishes: new Map([[message, wish]]) };
}

async function readValues(io: Io, path: string): Promise<ReadonlyMap<string, Wish>> {
  const text = path === '-' ? await io.stdin() : await readFile(path, 'utf8');
  const values = loadExactYaml(text) as JsonValue | undefined;
  if (!isJsonObject(values)) throw new CliError(`${path} is no map of message names and their fields`);
  return new Map(Object.entries(values).map(([name, value]) => [name, { values: objectOf(name, value) }]));
}

function objectOf(message: string, value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new CliError(`${message} is ${JSON.stringify(value)}; a message is a map of fields`);
}

function parseJson(text: string): JsonValue {
  try {
    return readJson(text);
  } catch {
    throw new CliError(`--json takes JSON; "${text}" is none`);
  }
}

function desiredEdit(cluster: Cluster, wishes: ReadonlyMap<string, Wish>): Edit {
  const shelf = new SchemaShelf(cluster);
  return {
    messages: [...wishes.keys()],
    async patch(device) {
      const schema = await shelf.of(device);
      const patches = [...wishes].map(([name, wish]) => [name, patchOfWish(name, wish, schema)] as const);
      const patch = Object.fromEntries(patches);
      refuseMisfit(desiredAfter(device, patch), schema, [...wishes.keys()]);
      return { properties: { desired: patch } };
    },
    view: (device, patch) =>
      desiredAfter(device, ((patch?.['properties'] as JsonObject)?.['desired'] ?? {}) as JsonObject),
    owners: (device, changes) => desiredOwners(device, [...wishes.keys()], changes),
  };
}

function patchOfWish(name: string, wish: Wish, schema: DeviceSchema | undefined): JsonValue {
  return 'values' in wish ? wish.values : patchOf(wish.assignments, schema?.message(name));
}
