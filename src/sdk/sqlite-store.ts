import { isJsonObject } from '../api/exact-json.ts';
import { chmodSync, closeSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { messageOf } from '../base/message-of.ts';
import { memoryStore } from './store.ts';
import type { DeviceStore, MessageValue, StoreChange, StoreContent, StoredEntry } from './store.ts';

export interface SqliteStoreOptions {
  /** Bound of the file; default 8 MiB. Beyond it a write fails, so nothing new is taken or acknowledged. */
  readonly maxBytes?: number;
}

/**
 * A store in one SQLite file (with `-wal` and `-shm` beside it while it is open), made with its folder when there is none.
 * A damaged file is moved to `<path>.corrupt` and replaced by an empty one; where no file can be made at all, memory is used.
 */
export function sqliteStore(path: string, options: SqliteStoreOptions = {}): DeviceStore {
  return new SqliteStore(path, options.maxBytes ?? DEFAULT_MAX_BYTES);
}

const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;
const PAGE_BYTES = 4096;
/** `PRAGMA user_version` of the tables below; a file of another one is moved aside like a damaged one. */
const FORMAT = 1;

class SqliteStore implements DeviceStore {
  readonly #path: string;
  readonly #maxBytes: number;
  #file: OpenFile | undefined;
  /** Where there can be no file. */
  #memory: DeviceStore | undefined;

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  load(): StoreContent {
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      return this.#open();
    } catch (error) {
      return isDamage(error) ? this.#beginAnew(error) : this.#doWithout(error);
    }
  }

  write(change: StoreChange): void {
    if (this.#memory !== undefined) return this.#memory.write(change);
    if (this.#file === undefined) throw new Error(`${this.#path} is not open`);
    try {
      this.#file.write(change);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const { problem } = this.#beginAnew(error);
      throw new Error(problem, { cause: error });
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #open(): StoreContent {
    // Made here, because SQLite would let everybody read it.
    closeSync(openSync(this.#path, 'a', OWNER_ONLY));
    const problem = closeToOthers(this.#path);
    this.#file = new OpenFile(this.#path, this.#maxBytes);
    return { ...this.#file.read(), ...(problem !== undefined && { problem }) };
  }

  /** One file is kept, for whoever wants to know what happened: a device that breaks its store daily must not fill its disk. */
  #beginAnew(cause: unknown): StoreContent {
    const aside = `${this.#path}.corrupt`;
    try {
      this.close();
      for (const suffix of SUFFIXES) {
        rmSync(aside + suffix, { force: true });
        moveIfThere(this.#path + suffix, aside + suffix);
      }
      const problem = `${this.#path} was damaged (${messageOf(cause)}); moved to ${aside}, going on with an empty store`;
      return { ...this.#open(), problem };
    } catch (error) {
      return this.#doWithout(error);
    }
  }

  /** Without a store a device can still be reached and repaired; with an error at start it could not. */
  #doWithout(cause: unknown): StoreContent {
    this.close();
    this.#memory = memoryStore();
    const problem = `${this.#path} cannot be used (${messageOf(cause)}); check its folder and permissions. Nothing outlives a restart until then`;
    return { ...this.#memory.load(), problem };
  }
}

class OpenFile {
  readonly #db: DatabaseSync;
  readonly #putEntry: StatementSync;
  readonly #putReport: StatementSync;
  readonly #dropEntry: StatementSync;

  constructor(path: string, maxBytes: number) {
    this.#db = openDatabase(path);
    try {
      prepareDatabase(this.#db, maxBytes);
      this.#putEntry = this.#db.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?)');
      this.#putReport = this.#db.prepare('INSERT OR REPLACE INTO report VALUES (?, ?)');
      this.#dropEntry = this.#db.prepare('DELETE FROM entry WHERE message = ?');
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  read(): StoreContent {
    return { entries: new Map(this.#rows('entry', isEntry)), reports: new Map(this.#rows('report', isJsonObject)) };
  }

  /**
   * FULL syncs the log at every commit: an acknowledged value and `done` must outlive a power cut, or a device that comes up without
   * network runs what nobody wants any more, or updates itself twice. Reports are frequent, flash wears, and the next one replaces
   * them: NORMAL, which outlives the process and never damages the file (decision 0017).
   */
  write({ entries, reports, isWhole }: StoreChange): void {
    this.#db.exec(`PRAGMA synchronous = ${entries === undefined ? 'NORMAL' : 'FULL'}; BEGIN IMMEDIATE`);
    try {
      if (isWhole === true) this.#db.exec('DELETE FROM entry; DELETE FROM report');
      for (const [message, entry] of entries ?? []) {
        if (entry === undefined) this.#dropEntry.run(message);
        else this.#putEntry.run(message, JSON.stringify(entry));
      }
      for (const [message, value] of reports ?? []) this.#putReport.run(message, JSON.stringify(value));
      this.#db.exec('COMMIT');
    } catch (error) {
      // SQLite has rolled back by itself after some errors (a full disk), and not after others.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }

  *#rows<T extends StoredEntry | MessageValue>(
    table: 'entry' | 'report',
    isValid: (value: unknown) => value is T,
  ): Generator<[string, T]> {
    for (const { message, json } of this.#db.prepare(`SELECT message, json FROM ${table}`).all()) {
      const value = parse(String(json));
      if (!isValid(value)) throw new DamagedStore(`${table} ${String(message)} is not readable`);
      yield [String(message), value];
    }
  }
}

function openDatabase(path: string): DatabaseSync {
  // Not imported at the top: a device without a path needs no SQLite, and some builds of Node have none.
  const sqlite = process.getBuiltinModule('node:sqlite');
  return new sqlite.DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
}

/** There are passwords in it. SQLite makes the other two with the permissions of the first. */
const OWNER_ONLY = 0o600;
const SUFFIXES = ['', '-wal', '-shm'] as const;

/** Also a file that an earlier release or another program made. Where that cannot be done the store is used all the same, and it is told. */
function closeToOthers(path: string): string | undefined {
  for (const suffix of SUFFIXES) {
    try {
      chmodSync(path + suffix, OWNER_ONLY);
    } catch (error) {
      if (propertyOf(error, 'code') === 'ENOENT') continue;
      return `${path + suffix} can be read by others (${messageOf(error)}); give it to the user of this process, with mode 0600`;
    }
  }
  return undefined;
}

/** A process that is just being replaced may still hold the file. */
const LOCK_TIMEOUT_MS = 2000;

function prepareDatabase(db: DatabaseSync, maxBytes: number): void {
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 1048576; PRAGMA wal_autocheckpoint = 128; PRAGMA cache_size = -128;
    PRAGMA max_page_count = ${Math.max(16, Math.floor(maxBytes / PAGE_BYTES))}`);
  const check = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (check !== 'ok') throw new DamagedStore(String(check));
  const format = db.prepare('PRAGMA user_version').get()?.['user_version'];
  if (format === FORMAT) return;
  if (format !== 0) throw new DamagedStore(`format ${String(format)} is not ${FORMAT}`);
  db.exec(`BEGIN;
    CREATE TABLE entry (message TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE report (message TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
    PRAGMA user_version = ${FORMAT}; COMMIT`);
}

class DamagedStore extends Error {
  override readonly name = 'DamagedStore';
}

/** SQLITE_ERROR: a table is not as it should be. SQLITE_CORRUPT, SQLITE_FORMAT, SQLITE_NOTADB. Extended codes hold these in their low byte. */
const DAMAGE_CODES: ReadonlySet<number> = new Set([1, 11, 24, 26]);

function isDamage(error: unknown): boolean {
  if (error instanceof DamagedStore) return true;
  const code = propertyOf(error, 'errcode');
  return typeof code === 'number' && DAMAGE_CODES.has(code & 0xff);
}

const propertyOf = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;

function isEntry(entry: unknown): entry is StoredEntry {
  return (
    isJsonObject(entry) &&
    typeof entry['uid'] === 'string' &&
    typeof entry['revision'] === 'number' &&
    typeof entry['decision'] === 'string' &&
    isJsonObject(entry['value']) &&
    (entry['inEffect'] === undefined || isJsonObject(entry['inEffect']))
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (propertyOf(error, 'code') !== 'ENOENT') throw error;
  }
}
