import { LeakyBucket } from '../base/leaky-bucket.ts';
import type { Announcers } from './announcers.ts';

/** What one device may cost in schemas, so that no device uses up what is there for all. */
export interface Share {
  /** Requests for a schema: each answer may have to be hashed and checked. */
  readonly asks: LeakyBucket;
  /** New schemas that are stored because of this device. */
  readonly stores: LeakyBucket;
  /** The hash that it was asked for last, and how many answers are still owed: each request is good for one. */
  asked: string | undefined;
  owed: number;
  /** Requests in a row without a good answer: who has some is asked after all others. */
  silences: number;
  /** The newest schema object that was stored because of it. */
  stored: string | undefined;
  /** Monotonic milliseconds. */
  usedAt: number;
}

/** A device that is flashed again and again in development needs a few. */
const ASKS = 5;
const ASKS_PER_SECOND = 1 / 10;
const STORES = 5;
const STORES_PER_SECOND = 1 / 60;
/** By then both allowances are whole again, and what is forgotten is what a new share says. */
const IDLE_MS = 600_000;
const SWEEP_MS = 60_000;

/** The shares of devices that were asked for a schema lately. Bounded by the devices. */
export class SchemaShares {
  readonly #shares = new Map<string, Share>();
  readonly #devices: Pick<Announcers, 'isKnown'>;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(devices: Pick<Announcers, 'isKnown'>) {
    this.#devices = devices;
  }

  of(deviceId: string, now: number): Share {
    const known = this.#shares.get(deviceId);
    if (known !== undefined) return known;
    const asks = new LeakyBucket(ASKS, ASKS_PER_SECOND);
    const stores = new LeakyBucket(STORES, STORES_PER_SECOND);
    const share = { asks, stores, asked: undefined, owed: 0, silences: 0, stored: undefined, usedAt: now };
    this.#shares.set(deviceId, share);
    return share;
  }

  /** The device is asked for `hash`: that is in vain until it answers. */
  noteAsked(deviceId: string, hash: string, now: number): void {
    const share = this.of(deviceId, now);
    share.asks.take(now);
    share.owed = share.asked === hash ? share.owed + 1 : 1;
    share.asked = hash;
    share.silences += 1;
    share.usedAt = now;
  }

  peek(deviceId: string): Share | undefined {
    return this.#shares.get(deviceId);
  }

  /** Forgets who has had nothing to do with schemas for a while; to be called every so often. */
  sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const [deviceId, { usedAt, stored }] of this.#shares) {
      const isIdle = now - usedAt > IDLE_MS && stored === undefined;
      if (isIdle || !this.#devices.isKnown(deviceId)) this.#shares.delete(deviceId);
    }
  }
}
