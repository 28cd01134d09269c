import { describe, expect, it } from '@jest/globals';
import { backoffMs, spread } from './backoff.ts';

describe('a back-off', () => {
  it.each([
    [0, 100],
    [1, 200],
    [3, 800],
    [10, 5000],
    [1e9, 5000],
  ])('after %d failures is %d ms', (failures, ms) => {
    expect(backoffMs(failures, 100, 5000)).toBe(ms);
  });

  it('is spread over its second half', () => {
    expect([spread(100, () => 0), spread(100, () => 0.999)].map(Math.round)).toEqual([100, 50]);
  });
});
