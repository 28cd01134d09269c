import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { keepEvidence } from './evidence.ts';

it('evidence is kept line by line, also where a part of it cannot be had', async () => {
  const folder = await keepEvidence({
    objects: () => Promise.reject(new Error('the API server is gone')),
    stores: () => [{ device: 'a' }, { device: 'b' }],
  });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  expect(readdirSync(folder)).toEqual(['objects.jsonl', 'stores.jsonl']);
  expect(read('objects.jsonl')).toBe('{"missing":"the API server is gone"}\n');
  expect(read('stores.jsonl')).toBe('{"device":"a"}\n{"device":"b"}\n');
  rmSync(folder, { recursive: true });
});
