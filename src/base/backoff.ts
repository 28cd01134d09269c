/** Milliseconds to wait after so many failures in a row: `firstMs` after none, twice as long after each, and never more than `mostMs`. */
export function backoffMs(failures: number, firstMs: number, mostMs: number): number {
  // 2^30 of anything is beyond every maximum; more would overflow to Infinity in the end.
  return Math.min(mostMs, firstMs * 2 ** Math.min(failures, 30));
}

/** Takes up to half of `ms` off, so that those who failed together do not come back together. `random`: a number in [0, 1). */
export function spread(ms: number, random: () => number = Math.random): number {
  return ms * (1 - random() / 2);
}
