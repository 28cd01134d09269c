/** The store on disk: one row an object, one for the revision. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** One stored object and the resource it belongs to. */
export interface Entry {
  readonly resource: string;
  readonly key: string;
  readonly revision: number;
  readonly json: string;
}

export interface Journal {
  /** Undefined when nothing has ever been stored. */
  load(): { revision: number; entries: Entry[] } | undefined;
  put(entry: Entry): void;
  remove(resource: string, key: string, revision: number): void;
  advance(revision: number): void;
  replaceAll(entries: readonly Entry[], revision: number): void;
  close(): void;
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (resource, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS latest (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL);
`;

/** Opens (or creates) `kube-api.db` in a directory. One process at a time. */
export function openJournal(directory: string): Journal {
  mkdirSync(directory, { recursive: true });
  const database = new DatabaseSync(join(directory, 'kube-api.db'));
  database.exec(SCHEMA);
  const insert = database.prepare(
    'INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision, json = excluded.json',
  );
  const erase = database.prepare('DELETE FROM objects WHERE resource = ? AND key = ?');
  const setRevision = database.prepare(
    'INSERT INTO latest VALUES (1, ?) ON CONFLICT DO UPDATE SET revision = excluded.revision',
  );
  const advance = (revision: number): void => void setRevision.run(revision);
  const put = ({ resource, key, revision, json }: Entry): void => void insert.run(resource, key, revision, json);
  const inTransaction = (work: () => void): void => {
    database.exec('BEGIN');
    try {
      work();
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  };
  return {
    load() {
      const latest = database.prepare('SELECT revision FROM latest').get();
      if (latest === undefined) return undefined;
      const rows = database.prepare('SELECT resource, key, revision, json FROM objects ORDER BY resource, key').all();
      return { revision: Number(latest['revision']), entries: rows.map(entryOf) };
    },
    put: (entry) =>
      inTransaction(() => {
        put(entry);
        advance(entry.revision);
      }),
    remove: (resource, key, revision) =>
      inTransaction(() => {
        erase.run(resource, key);
        advance(revision);
      }),
    advance,
    replaceAll: (entries, revision) =>
      inTransaction(() => {
        database.exec('DELETE FROM objects');
        for (const entry of entries) put(entry);
        advance(revision);
      }),
    close: () => database.close(),
  };
}

function entryOf(row: Record<string, unknown>): Entry {
  return {
    resource: String(row['resource']),
    key: String(row['key']),
    revision: Number(row['revision']),
    json: String(row['json']),
  };
}
