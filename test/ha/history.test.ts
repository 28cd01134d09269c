import { describe, expect, it } from '@jest/globals';
import { intrusions, takeoverMs } from './history.ts';
import type { Action } from './history.ts';

const action = (at: number, by: string): Action => ({ at, by, what: 'patch' });
const RENEWALS = [action(0, 'a'), action(2000, 'a'), action(20_000, 'b')];

describe('intrusions', () => {
  it.each([
    { name: 'the holder acts', actions: [action(1, 'a'), action(2000, 'a'), action(20_001, 'b')], found: 0 },
    { name: 'the new holder acts in the moment of its first renewal', actions: [action(20_000, 'b')], found: 0 },
    { name: 'the former holder acts once more', actions: [action(20_001, 'a')], found: 1 },
    { name: 'the next one acts too early', actions: [action(19_999, 'b')], found: 1 },
    { name: 'the holder acts after its Lease has run out', actions: [action(17_001, 'a')], found: 1 },
    { name: 'someone acts before anyone led', actions: [action(-1, 'a')], found: 1 },
    { name: 'two take turns', actions: [action(20_001, 'b'), action(20_002, 'a'), action(20_003, 'b')], found: 1 },
  ])('finds $found when $name', ({ actions, found }) => {
    expect(intrusions(RENEWALS, actions, 15_000)).toHaveLength(found);
  });

  it('says who, when and in whose term', () => {
    expect(intrusions(RENEWALS, [action(20_500, 'a')], 15_000)).toEqual([
      '1970-01-01T00:00:20.500Z a: patch, in the term of b, renewed 500 ms before',
    ]);
  });
});

describe('takeoverMs', () => {
  it('counts until another writes the Lease', () => expect(takeoverMs(RENEWALS, 3000, 'a')).toBe(17_000));

  it('is undefined when nobody does', () => expect(takeoverMs(RENEWALS, 3000, 'b')).toBeUndefined());
});
