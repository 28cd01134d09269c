import { Buffer } from 'node:buffer';
import { API_VERSION } from '../../api/device.ts';
import { SCHEMAS_PATH, SCHEMA_KIND, schemaHash, schemaName } from '../../api/schema.ts';
import type { SchemaObject } from '../../api/schema.ts';
import type { KubeList } from '../../kube/client.ts';
import { isConflict, isNotFound } from '../../kube/errors.ts';
import type { DeviceSchema } from '../../schema/device-schema.ts';
import { hashSchema, loadSchema } from '../../schema/load-schema.ts';
import { readSchemaFiles } from '../../schema/read-schema.ts';
import { withCluster } from '../base/context.ts';
import type { Cluster, ClusterFlags, Io } from '../base/context.ts';
import { CliError, EXIT } from '../base/exit.ts';
import { readAll } from '../fleet/fleet.ts';
import { age } from '../render/age.ts';
import { paletteOf } from '../render/color.ts';
import { Table } from '../render/table.ts';

/** `kubectl mir schema list`: the schemas of the cluster, and how many devices use each. */
export function listSchemas(io: Io, flags: ClusterFlags): Promise<number> {
  return withCluster(io, flags, async (cluster) => {
    const [{ items }, { devices }] = await Promise.all([
      cluster.client.get<KubeList<SchemaObject>>(SCHEMAS_PATH),
      readAll(cluster, { names: [], allNamespaces: true }),
    ]);
    const users = Map.groupBy(devices, ({ status }) => status?.schema?.hash ?? '');
    const rows = items.map(({ metadata, status }) => [
      { text: shortName(metadata.name) },
      { text: String(users.get(schemaHash(metadata.name))?.length ?? 0) },
      { text: String(status?.messageCount ?? '-') },
      { text: age(metadata.creationTimestamp, io.now()) },
      { text: status?.packageNames?.join(',') ?? '-' },
    ]);
    const table = new Table(['NAME', 'DEVICES', 'MESSAGES', 'AGE', 'PACKAGES'], rows);
    io.out([table.header(), ...rows.map((row) => table.line(row)), ''].join('\n'));
    return EXIT.ok;
  });
}

/** Enough of a hash to tell schemas apart, as Git shortens its own. */
const SHORT = 'sha256-'.length + 12;

function shortName(name: string): string {
  return name.slice(0, SHORT);
}

/** `kubectl mir schema show`: the messages of a schema, by the beginning of its name, its hash, or a device that has it. */
export function showSchema(io: Io, target: string, flags: ClusterFlags): Promise<number> {
  return withCluster(io, flags, async (cluster) => {
    const { metadata, spec } = await findSchema(cluster, target);
    const loaded = loadSchema(Buffer.from(spec.descriptorSet, 'base64'));
    if (!loaded.ok) throw new CliError(`${metadata.name} cannot be used: ${loaded.reason}, ${loaded.message}`);
    io.out(render(metadata.name, loaded.schema, io));
    return EXIT.ok;
  });
}

function render(name: string, { messages }: DeviceSchema, io: Io): string {
  const palette = paletteOf(io.hasColor);
  const rows = messages.map(({ name: message, kind, tags }) => [
    { text: message, paint: kind === 'configuration' ? palette.bold : undefined },
    { text: kind },
    {
      text: Object.entries(tags)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    },
  ]);
  const table = new Table(['MESSAGE', 'KIND', 'TAGS'], rows);
  return [name, '', table.header(), ...rows.map((row) => table.line(row)), ''].join('\n');
}

async function findSchema(cluster: Cluster, target: string): Promise<SchemaObject> {
  const { items } = await cluster.client.get<KubeList<SchemaObject>>(SCHEMAS_PATH);
  const wanted = target.replace(/^sha256[:-]/, '');
  const found = /^[0-9a-f]{4,}$/.test(wanted)
    ? items.filter(({ metadata }) => metadata.name.startsWith(`sha256-${wanted}`))
    : [];
  if (found.length > 1) throw new CliError(`${found.length} schemas begin with ${target}; write more of the name`);
  const [only] = found.length === 1 ? found : await schemaOfDevice(cluster, target, items);
  if (only === undefined)
    throw new CliError(`there is no schema, and no device with one, called "${target}"; see kubectl mir schema list`);
  return only;
}

async function schemaOfDevice(
  cluster: Cluster,
  target: string,
  schemas: readonly SchemaObject[],
): Promise<readonly SchemaObject[]> {
  const { devices } = await readAll(cluster, { names: [target] }).catch(() => ({ devices: [] }));
  const hash = devices[0]?.status?.schema?.hash;
  return hash === undefined ? [] : schemas.filter(({ metadata }) => metadata.name === schemaName(hash));
}

export interface PushFlags extends ClusterFlags {
  readonly include: readonly string[];
}

/** `kubectl mir schema push`: registers a schema before the first device that has it is seen. */
export async function pushSchema(io: Io, files: readonly string[], flags: PushFlags): Promise<number> {
  const bytes = await readSchemaFiles(files, flags.include);
  const loaded = loadSchema(bytes);
  if (!loaded.ok) throw new CliError(`${files.join(', ')}: ${loaded.reason}, ${loaded.message}`);
  const name = schemaName(hashSchema(bytes));
  return await withCluster(io, flags, async ({ client }) => {
    const spec = { descriptorSet: Buffer.from(bytes).toString('base64') };
    const result = await client
      .create(SCHEMAS_PATH, { apiVersion: API_VERSION, kind: SCHEMA_KIND, metadata: { name }, spec })
      .then(() => 'created')
      .catch((error: unknown) => {
        if (isConflict(error)) return 'unchanged';
        if (isNotFound(error)) throw new CliError('the cluster does not know schemas.iot.mir; install the CRDs first');
        throw error;
      });
    io.out(`schema.iot.mir/${name} ${result}\n`);
    return EXIT.ok;
  });
}
