import { describe, expect, it } from '@jest/globals';
import { TokenBucket } from './token-bucket.ts';

/** How many of `tries` at one moment are granted. */
function taken(bucket: TokenBucket, tries: number, now: number): number {
  return Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;
}

describe('a token bucket', () => {
  it('gives its burst at once, and then what time brings', () => {
    const bucket = new TokenBucket(5, 2, 1000);
    expect(taken(bucket, 10, 1000)).toBe(5);
    expect(taken(bucket, 10, 1499)).toBe(0);
    expect(taken(bucket, 10, 1500)).toBe(1);
    expect(taken(bucket, 10, 3000)).toBe(3);
  });

  it('never saves up more than its burst', () => {
    const bucket = new TokenBucket(5, 2, 0);
    expect(taken(bucket, 5, 0)).toBe(5);
    expect(taken(bucket, 10, 3_600_000)).toBe(5);
  });

  it('loses nothing to being asked often', () => {
    const bucket = new TokenBucket(1, 1 / 300, 0);
    expect(bucket.take(0)).toBe(true);
    const grants = Array.from({ length: 3001 }, (_, at) => bucket.take(at * 200)).filter(Boolean);
    // 600 s at one in 300 s; the last may be short by a rounding.
    expect([1, 2]).toContain(grants.length);
  });

  it('of nothing gives nothing', () => {
    expect(taken(new TokenBucket(0, 0, 0), 10, 1_000_000)).toBe(0);
  });
});
