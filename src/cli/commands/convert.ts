import { toMir } from '../../mir-shape/mir-shape.ts';
import type { Stored } from '../../mir-shape/mir-shape.ts';
import type { Io } from '../base/context.ts';
import { readDocuments } from '../fleet/documents.ts';
import { asYaml } from '../render/machine.ts';
import { CliError, EXIT } from '../base/exit.ts';

export interface ConvertFlags {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly to: 'kubernetes' | 'mir';
}

/** `kubectl mir convert`: documents in the other shape, for Git. Nothing of what only the device and the system write goes along. */
export async function convert(io: Io, { filename, recursive, to }: ConvertFlags): Promise<number> {
  const documents = await readDocuments(io, filename, recursive === true);
  const converted = documents.map(({ object, kind, from }) => {
    if (to === 'kubernetes') return object;
    if (kind !== 'device') throw new CliError(`${from} is a schema; mir/v1alpha has devices only`);
    const { status: _status, ...document } = toMir(object as unknown as Stored);
    return document;
  });
  io.out(converted.map((document) => asYaml(document)).join('---\n'));
  return EXIT.ok;
}
