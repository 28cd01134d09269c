import { describe, expect, it } from '@jest/globals';
import { LeakyBucket } from './leaky-bucket.ts';

/** How many of `tries` at one moment are granted. */
function taken(bucket: LeakyBucket, tries: number, now: number): number {
  return Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;
}

describe('a leaky bucket', () => {
  it('gives its burst at once, and then what time brings', () => {
    const bucket = new LeakyBucket(5, 2);
    expect(taken(bucket, 10, 1000)).toBe(5);
    expect(taken(bucket, 10, 1499)).toBe(0);
    expect(taken(bucket, 10, 1500)).toBe(1);
    expect(taken(bucket, 10, 3000)).toBe(3);
  });

  it('never saves up more than its burst', () => {
    const bucket = new LeakyBucket(5, 2);
    expect(taken(bucket, 5, 0)).toBe(5);
    expect(taken(bucket, 10, 3_600_000)).toBe(5);
  });

  it('loses nothing to being asked often', () => {
    const bucket = new LeakyBucket(1, 1 / 300);
    expect(bucket.take(0)).toBe(true);
    const grants = Array.from({ length: 3001 }, (_, at) => bucket.take(at * 200)).filter(Boolean);
    // 600 s at one in 300 s; the last may be short by a rounding.
    expect([1, 2]).toContain(grants.length);
  });

  it('of nothing gives nothing', () => {
    expect(taken(new LeakyBucket(0, 0), 10, 1_000_000)).toBe(0);
  });

  it('tells how often something has happened of late, and counts nothing above its most', () => {
    const bucket = new LeakyBucket(4, 2);
    for (let at = 0; at < 10; at += 1) bucket.note(0);
    expect([0, 500, 1000, 5000].map((now) => bucket.level(now))).toEqual([4, 3, 2, 0]);
  });

  it('says how much of it is allowed', () => {
    const bucket = new LeakyBucket(4, 2);
    bucket.take(0);
    expect(bucket.share(0)).toBe(0.75);
    expect(bucket.share(500)).toBe(1);
  });
});
