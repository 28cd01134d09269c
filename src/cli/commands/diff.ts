import type { JsonObject } from '../../api/device.ts';
import { isNotFound } from '../../kube/errors.ts';
import { FIELD_MANAGER, withCluster } from '../base/context.ts';
import type { Cluster, Io } from '../base/context.ts';
import { readDocuments } from '../fleet/documents.ts';
import type { Wanted } from '../fleet/documents.ts';
import { EXIT } from '../base/exit.ts';
import { fieldDiff } from '../render/field-diff.ts';
import type { FieldChange } from '../render/field-diff.ts';
import { inOrder } from '../base/in-order.ts';
import { messageOf } from '../../base/message-of.ts';
import { renderChanges } from '../render/changes.ts';
import { paletteOf } from '../render/color.ts';
import { nameOf, pathOf } from './apply.ts';
import { writtenByPeople } from '../fleet/written.ts';
import type { FileFlags } from './apply.ts';

/** `kubectl mir diff`: what an apply of the documents would change. Exits with 1 where there is a difference, as kubectl does. */
export async function diff(io: Io, flags: FileFlags): Promise<number> {
  const documents = await readDocuments(io, flags.filename, flags.recursive === true);
  const palette = paletteOf(io.hasColor);
  return await withCluster(io, flags, async (cluster) => {
    let code: number = EXIT.ok;
    for await (const { item, result = [], error } of inOrder(documents, 8, (wanted) => changesOf(cluster, wanted))) {
      if (error !== undefined) {
        io.err(`${nameOf(item)}: ${messageOf(error)} (${item.from})\n`);
        code = EXIT.error;
        continue;
      }
      if (result.length === 0) continue;
      code = Math.max(code, EXIT.failed);
      io.out(`${palette.bold(nameOf(item))}\n${renderChanges(result, palette)}`);
    }
    return code;
  });
}

/** The server says what would become of the object, and nothing becomes of it. */
async function changesOf({ client, namespace }: Cluster, wanted: Wanted): Promise<FieldChange[]> {
  const path = pathOf(wanted, namespace);
  const before = await client.get<JsonObject>(path).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const after = await client.patch<JsonObject>(path, 'application/apply-patch+yaml', wanted.object, {
    fieldManager: FIELD_MANAGER,
    fieldValidation: 'Strict',
    force: true,
    dryRun: 'All',
  });
  return fieldDiff(before === undefined ? {} : writtenByPeople(before), writtenByPeople(after));
}
