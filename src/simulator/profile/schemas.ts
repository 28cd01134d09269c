import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf } from '../../base/message-of.ts';
import { compileProtoFiles } from '../../sdk/index.ts';
import type { Profile } from './profile.ts';

/** The serialized schemas of a profile's groups, by group name. Paths are from the folder of `profilePath`. Rejects naming the group. */
export async function readSchemas({ groups }: Profile, profilePath: string): Promise<Map<string, Uint8Array>> {
  const folder = dirname(profilePath);
  const schemas = new Map<string, Uint8Array>();
  for (const { name, schema, includes } of groups) {
    if (schema === undefined) continue;
    const files = schema.map((file) => resolve(folder, file));
    const includeDirs = includes.map((dir) => resolve(folder, dir));
    try {
      schemas.set(name, await read(files, includeDirs));
    } catch (error) {
      const why = messageOf(error);
      throw new Error(`schema of group ${name} cannot be used: ${why}`, { cause: error });
    }
  }
  return schemas;
}

async function read(files: readonly string[], includeDirs: readonly string[]): Promise<Uint8Array> {
  const [first = ''] = files;
  const isDescriptorSet = files.length === 1 && !first.endsWith('.proto');
  return isDescriptorSet ? await readFile(first) : await compileProtoFiles(files, { includeDirs });
}
