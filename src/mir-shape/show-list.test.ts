import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../api/json-value.ts';
import { KUBERNETES_YAML } from '../api/kubernetes-yaml.ts';
import { load } from 'js-yaml';
import { showList } from './show-list.ts';
import { show } from './show.ts';

async function* chunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function shown(text: string, size: number, format: 'json' | 'yaml' = 'json'): Promise<string> {
  let result = '';
  for await (const piece of showList(chunks(text, size), format)) result += piece;
  return result;
}

const device = (name: string, desired: object = {}): JsonObject =>
  ({
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name, namespace: 'ns' },
    spec: { deviceId: name },
    properties: { desired },
  }) as JsonObject;
const list = (...items: JsonObject[]): JsonObject => ({
  apiVersion: 'iot.mir/v1alpha',
  items,
  kind: 'deviceList',
  metadata: { continue: '', resourceVersion: '7' },
});
const table = (...rows: JsonObject[]): JsonObject => ({
  kind: 'Table',
  apiVersion: 'meta.k8s.io/v1',
  metadata: {},
  columnDefinitions: [{ name: 'Name', description: 'items":[{' }],
  rows,
});

describe('a list', () => {
  it.each([1, 2, 7, 64, 100_000])('is shown whatever its chunks, here of %i bytes', async (size) => {
    const nasty = { 'x.v1.M': { items: [{ a: ']}"\\' }, []], kind: 'grüße 🌡', rows: [] } };
    for (const answer of [
      list(),
      list(device('a')),
      list(device('a', nasty), device('b'), device('c', nasty)),
      table(),
      table({ cells: ['a', 1], object: device('a', nasty) }, { cells: ['b', 2], object: null }),
      { ...list(), items: null },
    ]) {
      for (const text of [JSON.stringify(answer), JSON.stringify(answer, undefined, 2)])
        expect(JSON.parse(await shown(text, size))).toEqual(show(answer));
    }
  });

  it('is shown whatever its values', async () => {
    const values = fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<object>);
    await fc.assert(
      fc.asyncProperty(fc.array(values, { maxLength: 4 }), fc.integer({ min: 1, max: 50 }), async (all, size) => {
        const answer = JSON.parse(JSON.stringify(list(...all.map((desired) => device('a', desired))))) as JsonObject;
        expect(JSON.parse(await shown(JSON.stringify(answer), size))).toEqual(JSON.parse(JSON.stringify(show(answer))));
      }),
      { numRuns: 50 },
    );
  });

  it('is shown as YAML', async () => {
    for (const answer of [list(), list(device('a'), device('b')), table({ cells: ['on', 1], object: device('a') })]) {
      const text = await shown(JSON.stringify(answer), 50, 'yaml');
      expect(load(text, { schema: KUBERNETES_YAML })).toEqual(show(answer));
    }
  });

  it('that was cut is no list', async () => {
    await expect(shown(JSON.stringify(list(device('a'))).slice(0, -1), 10)).rejects.toThrow('ended before its end');
  });
});
