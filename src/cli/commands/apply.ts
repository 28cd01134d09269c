import { devicePath } from '../../api/device.ts';
import type { JsonObject, ObjectMeta } from '../../api/device.ts';
import { SCHEMAS_PATH } from '../../api/schema.ts';
import { ApiError, isConflict, isNotFound } from '../../kube/errors.ts';
import { FIELD_MANAGER, withCluster } from '../base/context.ts';
import type { Cluster, ClusterFlags, Io } from '../base/context.ts';
import { readDocuments } from '../fleet/documents.ts';
import type { Wanted } from '../fleet/documents.ts';
import { fieldDiff } from '../render/field-diff.ts';
import { writtenByPeople } from '../fleet/written.ts';
import { EXIT } from '../base/exit.ts';
import { inOrder } from '../base/in-order.ts';
import { patiently } from '../base/patiently.ts';
import { messageOf } from '../../base/message-of.ts';

export interface FileFlags extends ClusterFlags {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
}

export interface ApplyFlags extends FileFlags {
  readonly dryRun?: boolean;
  readonly forceConflicts?: boolean;
}

/** Requests in flight; an API server on two cores takes no more. */
const CONCURRENCY = 8;

/** `kubectl mir apply`: server-side apply of documents of either shape. One that fails stops no other. */
export async function apply(io: Io, flags: ApplyFlags): Promise<number> {
  const documents = await readDocuments(io, flags.filename, flags.recursive === true);
  return await withCluster(io, flags, async (cluster) => {
    let failed = 0;
    const results = inOrder(documents, CONCURRENCY, (wanted) => applyOne(cluster, wanted, flags, io.signal));
    for await (const { item, result, error } of results) {
      const suffix = flags.dryRun === true ? ' (server dry run)' : '';
      if (error === undefined) io.out(`${nameOf(item)} ${result}${suffix}\n`);
      else io.err(`${nameOf(item)} failed: ${explain(error, item)}\n`);
      if (error !== undefined) failed += 1;
    }
    return failed === 0 ? EXIT.ok : EXIT.failed;
  });
}

type Applied = 'created' | 'configured' | 'unchanged';

type Answer = JsonObject & { readonly metadata: Pick<ObjectMeta, 'resourceVersion'> };

async function applyOne(
  { client, namespace }: Cluster,
  wanted: Wanted,
  flags: ApplyFlags,
  signal: AbortSignal,
): Promise<Applied> {
  const path = pathOf(wanted, namespace);
  const before = await client.get<Answer>(path).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const query = {
    fieldManager: FIELD_MANAGER,
    fieldValidation: 'Strict',
    dryRun: flags.dryRun === true ? 'All' : undefined,
  };
  const patch = (force: boolean): Promise<Answer> => {
    const forced = { ...query, force: force ? true : undefined };
    const request = (): Promise<Answer> => client.patch(path, 'application/apply-patch+yaml', wanted.object, forced);
    return patiently(request, signal);
  };
  const after = await patch(flags.forceConflicts === true).catch((error: unknown) => {
    if (isWithOurselves(error)) return patch(true);
    throw error;
  });
  if (before === undefined) return 'created';
  const isSame =
    flags.dryRun === true
      ? fieldDiff(writtenByPeople(before), writtenByPeople(after)).length === 0
      : before.metadata.resourceVersion === after.metadata.resourceVersion;
  return isSame ? 'unchanged' : 'configured';
}

/** What `set` wrote is this tool's own as well; the server keeps what is applied apart from what is patched. */
function isWithOurselves(error: unknown): boolean {
  if (!isConflict(error) || !(error instanceof ApiError)) return false;
  const ours = `conflict with "${FIELD_MANAGER}"`;
  return error.causes.length > 0 && error.causes.every((message) => message.startsWith(ours));
}

export function pathOf({ kind, name, namespace }: Wanted, standard: string): string {
  return kind === 'schema' ? `${SCHEMAS_PATH}/${name}` : devicePath(`${namespace ?? standard}/${name}`);
}

export function nameOf({ kind, name }: Wanted): string {
  return `${kind}.iot.mir/${name}`;
}

function explain(error: unknown, { from, namespace }: Wanted): string {
  if (isConflict(error))
    return `${messageOf(error)}\n  another manager owns these fields; change them there, or take them over with --force-conflicts`;
  if (error instanceof ApiError && error.status === 404 && /namespaces ".*" not found/.test(error.message))
    return `${error.message}; create it first: kubectl create namespace ${namespace ?? ''}`.trimEnd();
  return `${messageOf(error)} (${from})`;
}
