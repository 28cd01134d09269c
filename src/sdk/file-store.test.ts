import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fileStore } from './file-store.ts';
import type { Entries } from './store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mir-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

const ENTRIES: Entries = new Map([
  ['a.A', { uid: 'u', revision: 1, value: { deep: [1, null, 'x'] }, status: 'applied', reported: {}, isDone: true }],
  ['b.B', { uid: 'u', revision: 2 ** 31 - 1, value: {}, status: 'rejected', reason: 'no' }],
]);

describe('fileStore', () => {
  it('is empty where there is no file', async () => {
    expect(await fileStore(join(folder, 'store.json')).load()).toEqual(new Map());
  });

  it('gives back what was saved, also to another process, and leaves no second file', async () => {
    const path = join(folder, 'store.json');
    await fileStore(path).save(ENTRIES);
    expect(await fileStore(path).load()).toEqual(ENTRIES);
    await fileStore(path).save(new Map());
    expect(await fileStore(path).load()).toEqual(new Map());
    expect(await readdir(folder)).toEqual(['store.json']);
  });

  it('reads the old state when a crash left a half-written new one', async () => {
    const path = join(folder, 'store.json');
    await fileStore(path).save(ENTRIES);
    await writeFile(`${path}.new`, '{"version": 1, "entr');
    expect(await fileStore(path).load()).toEqual(ENTRIES);
  });

  it.each(['', '{', '[]', '{"version": 2, "entries": {}}', '{"version": 1, "entries": {"a": {"uid": 3}}}'])(
    'refuses the damaged file %j and says what to do',
    async (text) => {
      const path = join(folder, 'store.json');
      await writeFile(path, text);
      await expect(fileStore(path).load()).rejects.toThrow(/remove/);
    },
  );

  it('rejects when the folder is not there', async () => {
    await expect(fileStore(join(folder, 'none', 'store.json')).save(ENTRIES)).rejects.toThrow('ENOENT');
  });
});
