import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { difference, differenceBelow, insert, intersection, isEmpty, pathsOf, union } from './fields.ts';
import type { Fields } from './fields.ts';
import { compareElements } from './path-element.ts';

const of = (...paths: readonly string[]): Fields => {
  const fields: Fields = {};
  for (const path of paths) insert(fields, path === '' ? [] : path.split(' '));
  return fields;
};
const members = (fields: Fields): string[] => [...pathsOf(fields, compareElements)].map((path) => path.join(' '));

describe('a set of fields', () => {
  it('is written as Kubernetes writes it', () => {
    expect(of('f:spec', 'f:spec f:a', 'f:meta f:labels f:x')).toEqual({
      'f:spec': { '.': {}, 'f:a': {} },
      'f:meta': { 'f:labels': { 'f:x': {} } },
    });
  });

  it.each([
    ['a parent after its child', ['f:a f:b', 'f:a']],
    ['a child after its parent', ['f:a', 'f:a f:b']],
  ])('keeps %s', (_, paths) => {
    expect(of(...paths)).toEqual({ 'f:a': { '.': {}, 'f:b': {} } });
  });

  it('does not hold the root', () => {
    expect(isEmpty(of(''))).toBe(true);
  });

  it.each([
    ['union', union, ['f:a', 'f:b f:c'], ['f:b', 'f:b f:d'], ['f:a', 'f:b', 'f:b f:c', 'f:b f:d']],
    ['intersection', intersection, ['f:a', 'f:b', 'f:b f:c'], ['f:b', 'f:b f:d', 'f:a f:x'], ['f:b']],
    ['difference: a child outlives its parent', difference, ['f:a', 'f:a f:b', 'f:c'], ['f:a', 'f:c'], ['f:a f:b']],
    ['difference: a parent outlives its child', difference, ['f:a', 'f:a f:b'], ['f:a f:b'], ['f:a']],
    ['difference below', differenceBelow, ['f:a', 'f:a f:b', 'f:c f:d f:e'], ['f:a', 'f:c f:d'], []],
    ['difference below keeps a parent', differenceBelow, ['f:a', 'f:a f:b'], ['f:a f:b'], ['f:a']],
  ] as const)('has a %s', (_, operation, left, right, expected) => {
    expect(members(operation(of(...left), of(...right)))).toEqual([...expected]);
  });

  it('obeys the laws of sets', () => {
    const step = fc.constantFrom('f:a', 'f:b', 'k:{"n":1}', 'v:"x"');
    const path = fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => steps.join(' '));
    const paths = fc.uniqueArray(path, { maxLength: 8 });
    fc.assert(
      fc.property(paths, paths, (mine, theirs) => {
        const [left, right] = [of(...mine), of(...theirs)];
        const sorted = (wanted: readonly string[]) => members(of(...wanted));
        expect(members(union(left, right))).toEqual(sorted([...mine, ...theirs]));
        expect(members(intersection(left, right))).toEqual(sorted(mine.filter((one) => theirs.includes(one))));
        expect(members(difference(left, right))).toEqual(sorted(mine.filter((one) => !theirs.includes(one))));
        const isBelow = (one: string) => theirs.some((gone) => one === gone || one.startsWith(`${gone} `));
        expect(members(differenceBelow(left, right))).toEqual(sorted(mine.filter((one) => !isBelow(one))));
      }),
    );
  });
});
