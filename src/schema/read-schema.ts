import { readFile } from 'node:fs/promises';

/** The descriptor set of `.proto` files, or of one file that is one already. The compiler is loaded only when it is needed. */
export async function readSchemaFiles(files: readonly string[], includeDirs: readonly string[]): Promise<Buffer> {
  const [first = ''] = files;
  if (files.every((file) => file.endsWith('.proto'))) {
    const { compileProtoFiles } = await import('./proto-files.ts');
    return await compileProtoFiles(files, { includeDirs });
  }
  if (files.length === 1) return await readFile(first);
  throw new Error('give .proto files, or one descriptor set');
}
