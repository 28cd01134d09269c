import { isNotFound } from '../../kube/errors.ts';
import { withCluster } from '../base/context.ts';
import type { Io } from '../base/context.ts';
import { readDocuments } from '../fleet/documents.ts';
import { EXIT } from '../base/exit.ts';
import { inOrder } from '../base/in-order.ts';
import { messageOf } from '../../base/message-of.ts';
import { nameOf, pathOf } from './apply.ts';
import type { FileFlags } from './apply.ts';

export interface DeleteFlags extends FileFlags {
  readonly ignoreNotFound?: boolean;
}

/** `kubectl mir delete`: the objects that documents name. Devices keep what they have until the operator has cleared their topics. */
export async function deleteDocuments(io: Io, flags: DeleteFlags): Promise<number> {
  const documents = await readDocuments(io, flags.filename, flags.recursive === true);
  return await withCluster(io, flags, async ({ client, namespace }) => {
    let failed = 0;
    for await (const { item, error } of inOrder(documents, 8, (wanted) => client.delete(pathOf(wanted, namespace)))) {
      if (error === undefined) io.out(`${nameOf(item)} deleted\n`);
      else if (isNotFound(error) && flags.ignoreNotFound === true) continue;
      else io.err(`${nameOf(item)} failed: ${messageOf(error)}\n`);
      if (error !== undefined) failed += 1;
    }
    return failed === 0 ? EXIT.ok : EXIT.failed;
  });
}
