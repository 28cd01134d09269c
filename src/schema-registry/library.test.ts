import { expect, it } from '@jest/globals';
import { schemaName } from '../api/schema.ts';
import type { SchemaObject } from '../api/schema.ts';
import type { Lister } from '../cache/lister.ts';
import { hashSchema } from '../schema/load-schema.ts';
import { descriptorSet } from '../schema/testing/descriptor-set.ts';
import { SchemaLibrary } from './library.ts';

/** A library of so many schemas, each of about so many bytes, and the names of those that were loaded, in order. */
function libraryOf(count: number, bytes: number) {
  const padding = Array.from({ length: Math.ceil(bytes / 1000) }, (_, at) => ({ name: `M${at}_${'x'.repeat(990)}` }));
  const sets = Array.from({ length: count }, (_, at) => descriptorSet({ name: `${at}.proto`, messages: padding }));
  const hashes = sets.map((set) => hashSchema(set));
  const objects = new Map(hashes.map((hash, at) => [schemaName(hash), sets[at]?.toString('base64')]));
  const loads: string[] = [];
  const lister = {
    has: (name: string) => objects.has(name),
    get: (name: string) => {
      loads.push(name);
      return { spec: { descriptorSet: objects.get(name) } };
    },
  } as unknown as Lister<SchemaObject>;
  const library = new SchemaLibrary(lister);
  const useAll = (): number => {
    const before = loads.length;
    for (const hash of hashes) library.find(hash);
    return loads.length - before;
  };
  return { library, hashes, loads, useAll };
}

it('loads each schema of a fleet once, however many it uses', () => {
  const { useAll } = libraryOf(1000, 1000);
  expect([useAll(), useAll()]).toEqual([1000, 0]);
});

it('keeps few of many that are large, the least recently used not', () => {
  const { library, hashes, useAll, loads } = libraryOf(300, 100_000);
  expect(useAll()).toBe(300);
  for (const hash of hashes.slice(-256)) library.find(hash);
  expect(loads).toHaveLength(300);
  library.find(hashes[0] ?? '');
  expect(loads).toHaveLength(301);
  // The one that has gone for it.
  library.find(hashes[300 - 256] ?? '');
  expect(loads).toHaveLength(302);
});

it('keeps count of what is forgotten and loaded again', () => {
  const { library, hashes, useAll } = libraryOf(1000, 1000);
  useAll();
  for (let times = 0; times < 30; times += 1) {
    for (const hash of hashes) library.forget(hash);
    expect(useAll()).toBe(1000);
  }
  expect(useAll()).toBe(0);
});
