import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue } from './device.ts';
import { readJson } from './exact-json.ts';
import { changeOf, undoChange } from './value-change.ts';

describe('the change of a value', () => {
  it.each<[string, JsonValue | undefined, JsonValue | undefined, unknown]>([
    ['holds the fields that differ', { a: 1, b: 2 }, { a: 1, b: 3 }, { before: { b: 2 }, after: { b: 3 } }],
    ['holds a field that is new', { a: 1 }, { a: 1, b: 3 }, { before: {}, after: { b: 3 } }],
    ['holds a field that is gone', { a: { c: 1 }, b: 1 }, { b: 1 }, { before: { a: { c: 1 } }, after: {} }],
    ['holds a list as a whole', { a: [1, 2] }, { a: [1, 3] }, { before: { a: [1, 2] }, after: { a: [1, 3] } }],
    ['of nothing to a value', undefined, { a: 1 }, { after: { a: 1 } }],
    ['of a value to nothing', { a: 1 }, undefined, { before: { a: 1 } }],
    ['is none when only the order differs', { a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 }, undefined],
  ])('%s', (_, before, after, expected) => {
    expect(changeOf(before, after)).toEqual(expected);
  });

  it('tells numerals apart that no number of JavaScript can', () => {
    const [before, after] = [readJson('{"n":9007199254740993}'), readJson('{"n":9007199254740994}')];
    expect(JSON.stringify(changeOf(before, after))).toBe(
      '{"before":{"n":9007199254740993},"after":{"n":9007199254740994}}',
    );
  });

  it('undoes itself, whatever the values', () => {
    const value = fc.option(fc.jsonValue({ maxDepth: 4 }), { nil: undefined }) as fc.Arbitrary<JsonValue | undefined>;
    fc.assert(
      fc.property(value, value, (before, after) => {
        const change = changeOf(before, after);
        const undone = change === undefined ? after : undoChange(after, change);
        expect(changeOf(undone, before)).toBeUndefined();
      }),
    );
  });
});
