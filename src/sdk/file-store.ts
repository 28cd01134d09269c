import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isJsonObject } from '../protocol/json.ts';
import type { DeviceStore, Entries, StoredEntry } from './store.ts';

/** Keeps the entries in one JSON file, replaced by rename; a power cut leaves the old file or the new one. */
export function fileStore(path: string): DeviceStore {
  return {
    load: () => loadFile(path),
    async save(entries) {
      const temporary = `${path}.new`;
      await writeDurably(temporary, JSON.stringify({ version: FORMAT, entries: Object.fromEntries(entries) }));
      await rename(temporary, path);
      await syncFolder(dirname(path));
    },
  };
}

const FORMAT = 1;

async function loadFile(path: string): Promise<Entries> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return new Map();
  const content = parse(text);
  if (!isJsonObject(content) || content['version'] !== FORMAT || !isJsonObject(content['entries'])) {
    throw new Error(`${path} is not a device store of format ${FORMAT}; remove it to start with an empty one`);
  }
  const entries = Object.entries(content['entries']);
  const bad = entries.find(([, entry]) => !isEntry(entry));
  if (bad !== undefined) throw new Error(`${path} has a damaged entry ${bad[0]}; remove the file to start afresh`);
  return new Map(entries as [string, StoredEntry & typeof bad][]);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isEntry(entry: unknown): boolean {
  return (
    isJsonObject(entry) &&
    typeof entry['uid'] === 'string' &&
    typeof entry['revision'] === 'number' &&
    typeof entry['status'] === 'string' &&
    isJsonObject(entry['value'])
  );
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Without this the rename itself may be lost in a power cut. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
