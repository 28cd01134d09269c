import { describe, expect, it } from '@jest/globals';
import { maySweep } from './sweep.ts';

describe('a sweep', () => {
  it.each([
    [0, 0, false, true],
    [50, 0, false, true],
    [51, 0, false, false],
    [51, 1000, false, false],
    [500, 10_000, false, true],
    [501, 10_000, false, false],
    [10_000, 0, true, true],
  ])('of %i documents beside %i devices (confirmed: %s) may go on: %s', (orphans, devices, isConfirmed, expected) => {
    expect(maySweep(orphans, devices, { maxFraction: 0.05, minimum: 50, isConfirmed })).toBe(expected);
  });

  it('of anything waits where neither fraction nor minimum allow one', () => {
    const limits = { maxFraction: 0, minimum: 0, isConfirmed: false };
    expect([maySweep(0, 10, limits), maySweep(1, 10, limits)]).toEqual([true, false]);
  });
});
