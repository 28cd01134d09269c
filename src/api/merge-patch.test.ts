import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import type { JsonObject, JsonValue } from './device.ts';
import { readJson } from './exact-json.ts';
import { applyMergePatch, diffMergePatch } from './merge-patch.ts';

/** RFC 7386, as the API server applies it. */
function apply(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch;
  const result: Record<string, JsonValue> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = apply(result[key], value);
  }
  return result;
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const { object } = fc.letrec<{ object: JsonObject; value: JsonValue }>((tie) => ({
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value'), { maxKeys: 4 }),
  value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(leaf, { maxLength: 3 }), tie('object')),
}));

describe('a merge patch', () => {
  it('replaces a number that no number of JavaScript is by another one', () => {
    const [before, after] = ['9007199254740993', '9007199254740995'].map((n) => readJson(`{"m":{"n":${n}}}`));
    expect(JSON.stringify(diffMergePatch(before as JsonObject, after as JsonObject))).toBe(
      '{"m":{"n":9007199254740995}}',
    );
    expect(
      diffMergePatch(before as JsonObject, readJson('{"m":{"n":9007199254740993}}') as JsonObject),
    ).toBeUndefined();
  });

  it('turns the one into the other, whatever they are', () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        const patch = diffMergePatch(before, after);
        const result = patch === undefined ? before : apply(before, patch);
        expect(jsonPatch.compare({ it: result }, { it: after })).toEqual([]);
      }),
    );
  });

  it('is nothing when only the order of keys differs, in lists too', () => {
    const before = { conditions: [{ type: 'Ready', status: 'True' }] };
    expect(diffMergePatch(before, { conditions: [{ status: 'True', type: 'Ready' }] })).toBeUndefined();
  });
});

it('a merge patch changes what it names, and takes away what it says null of', () => {
  const value = { a: 1, b: { c: 1, d: 2 }, e: [1] };
  expect(applyMergePatch(value, { a: null, b: { d: 3 }, e: [2], f: {} })).toEqual({ b: { c: 1, d: 3 }, e: [2], f: {} });
  expect(applyMergePatch('text', { a: { b: null } })).toEqual({ a: {} });
});
