/**
 * What clients can make the view do at one time. The view shares a process with the operator, and its users share the view: each has his
 * part of everything, and whoever wants more waits in line or is told to come again (429; decision 0088).
 */
import type { Logger } from '../../base/log.ts';
import type { Clock } from '../../base/clock.ts';
import { FairPool } from './fair-pool.ts';
import type { PoolLimits } from './fair-pool.ts';
import { Places } from './places.ts';

export interface GateLimits {
  /** Requests at work at one time. */
  readonly atWork: PoolLimits;
  /** Requests in all, those that arrive, wait, or are read slowly among them. */
  readonly requests: PoolLimits;
  /** Bytes of bodies whose requests are not at work yet. */
  readonly bodyBytes: PoolLimits;
  /** Lists whose clients do not read them as fast as they come. */
  readonly slow: PoolLimits;
  readonly watches: PoolLimits;
}

export interface Gate {
  readonly places: Places;
  readonly requests: FairPool;
  readonly bodies: FairPool;
  readonly slow: FairPool;
  readonly watches: FairPool;
}

const TELL_EVERY_MS = 60_000;

export function createGate(limits: GateLimits, clock: Clock, log: Logger): Gate {
  let toldAt = -Infinity;
  const tell = (user: string, what: string): void => {
    if (clock.monotonic() - toldAt < TELL_EVERY_MS) return;
    toldAt = clock.monotonic();
    log.warn({ user, limit: what }, 'a user of the Mir view wants more than his share');
  };
  return {
    places: new Places(limits.atWork),
    requests: new FairPool(limits.requests, 'requests at one time', tell),
    bodies: new FairPool(limits.bodyBytes, 'bytes of bodies at one time', tell),
    slow: new FairPool(limits.slow, 'slow readers of lists', tell),
    watches: new FairPool(limits.watches, 'watches at one time', tell),
  };
}
