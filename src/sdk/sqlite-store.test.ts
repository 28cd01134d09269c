import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sqliteStore } from './sqlite-store.ts';
import type { DeviceStore, StoredEntry } from './store.ts';

const A = 'a.A';
const entry: StoredEntry = {
  uid: 'u1',
  revision: 3,
  value: { text: 'é', deep: { list: [1, null] } },
  decision: 'applied',
};

let folder: string;
let path: string;
const stores: DeviceStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mir-store-'));
  path = join(folder, 'not', 'there', 'yet', 'twin.db');
});
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(maxBytes?: number): DeviceStore {
  const store = sqliteStore(path, maxBytes === undefined ? {} : { maxBytes });
  stores.push(store);
  return store;
}

function written(): void {
  const store = open();
  store.load();
  store.write({ entries: new Map([[A, entry]]), reports: new Map([['b.B', { x: 1 }]]) });
  store.close();
}

describe('a store on SQLite', () => {
  it('is empty at first, and says nothing of it', () => {
    expect(open().load()).toEqual({ entries: new Map(), reports: new Map() });
  });

  it('gives back what was written, also after it was opened again', () => {
    written();
    const store = open();
    expect(store.load()).toEqual({ entries: new Map([[A, entry]]), reports: new Map([['b.B', { x: 1 }]]) });
    store.write({ entries: new Map([[A, undefined]]), reports: new Map([['b.B', { x: 2 }]]) });
    store.close();
    expect(open().load()).toEqual({ entries: new Map(), reports: new Map([['b.B', { x: 2 }]]) });
  });

  it('holds nothing else after it was written whole', () => {
    written();
    const store = open();
    store.load();
    store.write({ isWhole: true, entries: new Map([['c.C', entry]]) });
    store.close();
    expect(open().load()).toEqual({ entries: new Map([['c.C', entry]]), reports: new Map() });
  });

  it('has all of a write or nothing when its process is killed at any moment', async () => {
    // Pairs of equal numbers, written as fast as it goes; the number that was confirmed last is on standard output.
    const program = `
      import { sqliteStore } from ${JSON.stringify(join(import.meta.dirname, 'sqlite-store.ts'))};
      import { writeSync } from 'node:fs';
      const store = sqliteStore(${JSON.stringify(path)});
      store.load();
      for (let n = 1; ; n += 1) {
        const entry = { uid: 'u', revision: n, value: { pad: 'x'.repeat(3000) }, decision: 'accepted' };
        store.write({ entries: new Map([['a.A', entry], ['b.B', entry]]) });
        writeSync(1, n + '\\n');
      }`;
    for (let round = 0; round < 3; round += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.split('\n').length > 20 * (round + 1)) child.kill('SIGKILL');
      });
      await once(child, 'close');
      const confirmed = Number(output.trimEnd().split('\n').at(-1));
      const { entries, problem } = open().load();
      expect(problem).toBeUndefined();
      expect(entries.get('a.A')?.revision).toBe(entries.get('b.B')?.revision);
      expect(entries.get('a.A')?.revision).toBeGreaterThanOrEqual(confirmed);
    }
  });

  it.each([
    ['is not a database', () => writeFileSync(path, 'not a database'.repeat(1000)), 'file is not a database'],
    ['was cut short', () => truncateSync(path, 5000), ''],
    [
      'has pages of noise',
      () => writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 4096), Buffer.alloc(8192, 0xa5)])),
      '',
    ],
    ['is of another format', () => alter('PRAGMA user_version = 99'), 'format 99 is not 1'],
    ['has an entry that is not JSON', () => alter(`UPDATE entry SET json = '{'`), `entry ${A} is not readable`],
    ['has an entry without a revision', () => alter(`UPDATE entry SET json = '{}'`), `entry ${A} is not readable`],
    ['has lost a table', () => alter('DROP TABLE report'), 'no such table'],
  ])('that %s is moved aside, and the next one works', (_, damage, why) => {
    written();
    damage();
    const store = open();
    const { entries, reports, problem } = store.load();
    expect([entries.size, reports.size]).toEqual([0, 0]);
    expect(problem).toContain(`${path} was damaged (`);
    expect(problem).toContain(why);
    expect(problem).toContain(`moved to ${path}.corrupt, going on with an empty store`);
    expect(existsSync(`${path}.corrupt`)).toBe(true);
    store.write({ entries: new Map([[A, entry]]) });
    store.close();
    expect(open().load()).toEqual({ entries: new Map([[A, entry]]), reports: new Map() });
  });

  it('keeps one damaged file, not one a day', () => {
    for (const noise of ['first', 'second']) {
      written();
      writeFileSync(path, noise.repeat(1000));
      const store = open();
      store.load();
      store.close();
    }
    expect(readFileSync(`${path}.corrupt`, 'utf8')).toMatch(/^second/);
  });

  it('works in memory where there can be no file, and says what to check', () => {
    writeFileSync(join(folder, 'not'), 'a file where a folder should be');
    const store = open();
    expect(store.load().problem).toMatch(/cannot be used \(.*\); check its folder and permissions/);
    expect(() => store.write({ entries: new Map([[A, entry]]) })).not.toThrow();
  });

  it('refuses what passes its bound and keeps what it has', () => {
    const store = open(256 * 1024);
    store.load();
    store.write({ entries: new Map([[A, entry]]) });
    const large = { ...entry, value: { text: 'x'.repeat(400_000) } };
    expect(() => store.write({ entries: new Map([[A, large]]) })).toThrow('database or disk is full');
    store.write({ reports: new Map([['b.B', { x: 1 }]]) });
    store.close();
    expect(open().load()).toEqual({ entries: new Map([[A, entry]]), reports: new Map([['b.B', { x: 1 }]]) });
    expect(statSync(path).size).toBeLessThanOrEqual(256 * 1024);
  });

  it('does not grow with what is written over and over', () => {
    const store = open();
    store.load();
    for (let n = 0; n < 3000; n += 1) store.write({ reports: new Map([['b.B', { n, pad: 'x'.repeat(500) }]]) });
    expect(statSync(path).size + statSync(`${path}-wal`).size).toBeLessThan(2 * 1024 * 1024);
  });

  it('reads the file of a release that knew no value in effect, and writes one into it', () => {
    written();
    const rejected = { uid: 'u1', revision: 4, value: { x: 0 }, decision: 'rejected', reason: 'no' } as const;
    alter(`UPDATE entry SET json = '${JSON.stringify(rejected)}'`);
    const store = open();
    expect(store.load()).toEqual({ entries: new Map([[A, rejected]]), reports: new Map([['b.B', { x: 1 }]]) });
    store.write({ entries: new Map([[A, { ...rejected, inEffect: { x: 60 } }]]) });
    store.close();
    expect(open().load().entries.get(A)).toEqual({ ...rejected, inEffect: { x: 60 } });
  });

  it('can be read by nobody else', () => {
    written();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('can be read by nobody else also where everybody could before', () => {
    written();
    for (const suffix of ['', '-wal', '-shm']) {
      writeFileSync(path + suffix, '', { flag: 'a' });
      chmodSync(path + suffix, 0o644);
    }
    const store = open();
    expect(store.load().entries).toEqual(new Map([[A, entry]]));
    store.write({ reports: new Map([['b.B', { x: 2 }]]) });
    expect(['', '-wal', '-shm'].map((suffix) => statSync(path + suffix).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
  });

  it('that was damaged and open to everybody is moved aside closed', () => {
    written();
    writeFileSync(path, 'no database at all'.repeat(300));
    chmodSync(path, 0o644);
    expect(open().load().problem).toContain('was damaged');
    expect([path, `${path}.corrupt`].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
  });
});

function alter(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}
