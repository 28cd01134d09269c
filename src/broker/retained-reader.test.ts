import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../base/clock.ts';
import { BrokerError } from './broker.ts';
import type { RefusedFilters } from './broker.ts';
import { RetainedReader, matchesFilter } from './retained-reader.ts';
import type { PageLimits } from './retained-reader.ts';
import type { Showing } from './showing.ts';

const tuning: PageLimits = { pageConcurrency: 2, quietTicks: 3, tickMs: 15, maxPageMessages: 10 };
const REFUSED = new BrokerError('refused', 'no', { code: 0x80 });
const never = new AbortController().signal;

/** A broker that answers at once, and a clock that ticks when told. */
class Rig implements Showing {
  readonly subscribed: string[][] = [];
  readonly unsubscribed: string[][] = [];
  readonly reader: RetainedReader;
  onSubscribe: (filters: readonly string[]) => void = () => {};
  /** Those of the filters that the broker does not grant. */
  refuse: (filters: readonly string[]) => readonly string[] = () => [];
  nowMs = 0;
  lateTicks = 0;
  /** What the broker comes to behind each page; at once by default. */
  passed: () => Promise<void> = () => Promise.resolve();
  readonly #granted: string[] = [];
  #ticks: (() => void)[] = [];

  get granted(): string[] {
    return this.#granted;
  }

  constructor(more: Partial<PageLimits> = {}) {
    const clock: Clock = {
      now: () => 0,
      monotonic: () => this.nowMs,
      after: (_, callback) => {
        this.#ticks.push(callback);
        return () => {};
      },
    };
    const port = {
      subscribe: async (filters: readonly string[]): Promise<RefusedFilters> => {
        this.subscribed.push([...filters]);
        this.onSubscribe(filters);
        await Promise.resolve();
        const refused = this.refuse(filters);
        this.#granted.push(...filters.filter((filter) => !refused.includes(filter)));
        return new Map(refused.map((filter) => [filter, REFUSED]));
      },
      unsubscribe: async (filters: readonly string[]): Promise<void> => {
        this.unsubscribed.push([...filters]);
        await Promise.resolve();
      },
    };
    this.reader = new RetainedReader(port, clock, { ...tuning, ...more }, this);
  }

  async tick(): Promise<void> {
    await settled();
    for (const fire of this.#ticks.splice(0)) fire();
    await settled();
  }

  async ticks(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await this.tick();
  }
}

/** A few turns of the event loop: more than any step of the reader takes. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('RetainedReader', () => {
  it('takes a page for complete after so many quiet ticks in a row', async () => {
    const rig = new Rig();
    let complete = false;
    const page = rig.reader.read(['p/a/#', 'p/b/#'], 1, never).then(() => (complete = true));
    await rig.ticks(2);
    rig.reader.note('p/b/reported/x.Y');
    await rig.ticks(3);
    expect(complete).toBe(false);
    await rig.tick();
    await page;
    expect(rig.unsubscribed).toEqual([['p/a/#', 'p/b/#']]);
  });

  it('begins to listen for quiet when the broker has come to what was asked for', async () => {
    const rig = new Rig();
    const { promise, resolve } = Promise.withResolvers<void>();
    rig.passed = () => promise;
    let complete = false;
    const page = rig.reader.read(['p/a/#'], 1, never).then(() => (complete = true));
    await rig.ticks(100);
    expect(complete).toBe(false);
    resolve();
    await rig.ticks(2);
    expect(complete).toBe(false);
    await rig.ticks(2);
    await page;
  });

  it('asks for a marker behind a wildcard only when that has been quiet', async () => {
    const rig = new Rig();
    let asked = 0;
    rig.passed = async () => {
      asked += 1;
      await Promise.resolve();
    };
    let complete = false;
    const page = rig.reader.read(['p/+/desired/#'], 0, never).then(() => (complete = true));
    await rig.ticks(2);
    rig.reader.note('p/a/desired');
    await rig.ticks(3);
    expect(asked).toBe(0);
    await rig.ticks(2);
    expect([asked, complete]).toEqual([1, false]);
    await rig.ticks(3);
    await page;
  });

  it('breaks a page off that the broker does not come to, and leaves no subscription', async () => {
    const rig = new Rig();
    rig.passed = () => Promise.reject(new BrokerError('transient', 'shows nothing'));
    await expect(rig.reader.read(['p/a/#'], 1, never)).rejects.toThrow('shows nothing');
    expect(rig.unsubscribed).toEqual([['p/a/#']]);
  });

  it('gives a broker that is slow to answer more time to show what it holds', async () => {
    const rig = new Rig();
    rig.onSubscribe = () => (rig.nowMs += 60);
    let complete = false;
    const page = rig.reader.read(['p/a/#'], 1, never).then(() => (complete = true));
    await rig.ticks(7);
    expect(complete).toBe(false);
    await rig.ticks(3);
    await page;
  });

  it('waits twice as long as the broker was seen to take to show what it holds', async () => {
    const rig = new Rig();
    rig.lateTicks = 4;
    let complete = false;
    const page = rig.reader.read(['p/a/#'], 1, never).then(() => (complete = true));
    await rig.ticks(7);
    rig.reader.note('p/a/state');
    await rig.ticks(8);
    expect(complete).toBe(false);
    await rig.ticks(1);
    await page;
  });

  it('is not kept waiting by what belongs to no page', async () => {
    const rig = new Rig();
    const page = rig.reader.read(['p/a/#'], 1, never);
    for (let n = 0; n < 3; n += 1) {
      rig.reader.note('p/other/state');
      await rig.tick();
    }
    await page;
    expect(rig.unsubscribed).toHaveLength(1);
  });

  it('reads so many pages at one time and the rest in order', async () => {
    const rig = new Rig();
    const pages = ['p/a/#', 'p/b/#', 'p/c/#'].map((filter) => rig.reader.read([filter], 1, never));
    await settled();
    expect(rig.subscribed).toEqual([['p/a/#'], ['p/b/#']]);
    await rig.ticks(8);
    await Promise.all(pages);
    expect(rig.subscribed).toEqual([['p/a/#'], ['p/b/#'], ['p/c/#']]);
  });

  it('reads a page again in halves when the broker may have dropped some of it', async () => {
    const rig = new Rig();
    rig.onSubscribe = (filters) => {
      for (const filter of filters)
        for (let n = 0; n < 4; n += 1) rig.reader.note(filter.replace('#', `reported/m${n}`));
    };
    const page = rig.reader.read(['p/a/#', 'p/b/#', 'p/c/#'], 1, never);
    await rig.ticks(12);
    await page;
    expect(rig.subscribed).toEqual([['p/a/#', 'p/b/#', 'p/c/#'], ['p/a/#', 'p/b/#'], ['p/c/#']]);
  });

  describe('of a broker that refuses filters', () => {
    const filtersOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `p/d${index}/#`);
    /** Grants so many filters at one time, whatever pages they belong to. */
    const grantOnly = (rig: Rig, most: number): void => {
      rig.refuse = (filters) => {
        const gone = new Set(rig.unsubscribed.flat());
        const standing = rig.granted.filter((filter) => !gone.has(filter)).length;
        return filters.slice(Math.max(0, most - standing));
      };
    };

    it('reads every filter where only so many are granted at one time, and remembers how many', async () => {
      const rig = new Rig({ pageConcurrency: 8 });
      grantOnly(rig, 3);
      const pages = Promise.all(
        [filtersOf(10).slice(0, 5), filtersOf(10).slice(5)].map((page) => rig.reader.read(page, 1, never)),
      );
      await rig.ticks(40);
      expect((await pages).map(({ size }) => size)).toEqual([0, 0]);
      expect(rig.granted.toSorted()).toEqual(filtersOf(10));
      const before = rig.subscribed.length;
      const next = rig.reader.read(filtersOf(20).slice(10, 14), 1, never);
      await rig.ticks(16);
      expect((await next).size).toBe(0);
      expect(rig.subscribed.slice(before).every(({ length }) => length <= 3)).toBe(true);
    });

    it('halves a page of which it grants nothing', async () => {
      const rig = new Rig();
      rig.refuse = (filters) => (filters.length > 2 ? filters : []);
      const page = rig.reader.read(filtersOf(7), 1, never);
      await rig.ticks(40);
      expect((await page).size).toBe(0);
      expect(rig.granted.toSorted()).toEqual(filtersOf(7));
    });

    it('names those that it refuses each by itself, reads the others, and is as fast as before', async () => {
      const rig = new Rig();
      const forbidden = ['p/d1/#', 'p/d4/#'];
      rig.refuse = (filters) => filters.filter((filter) => forbidden.includes(filter));
      const page = rig.reader.read(filtersOf(6), 1, never);
      await rig.ticks(12);
      expect([...(await page)]).toEqual(forbidden.map((filter) => [filter, REFUSED]));
      expect(rig.granted).toHaveLength(4);
      const before = rig.subscribed.length;
      const pages = [['p/x/#', 'p/y/#'], ['p/z/#']].map((filters) => rig.reader.read(filters, 1, never));
      await settled();
      expect(rig.subscribed.slice(before)).toEqual([['p/x/#', 'p/y/#'], ['p/z/#']]);
      await rig.ticks(4);
      await Promise.all(pages);
    });

    it('goes back to full pages after a refusal that passed', async () => {
      const rig = new Rig();
      let refusals = 1;
      rig.refuse = (filters) => (refusals-- > 0 ? filters : []);
      const first = rig.reader.read(['p/a/#'], 1, never);
      await rig.ticks(8);
      await first;
      for (let round = 0; round < 4; round += 1) {
        const page = rig.reader.read(filtersOf(500), 1, never);
        await rig.ticks(80);
        await page;
      }
      const before = rig.subscribed.length;
      const pages = [1, 2].map((n) => rig.reader.read(filtersOf(500 + n), 1, never));
      await settled();
      expect(rig.subscribed.slice(before).map(({ length }) => length)).toEqual([501, 502]);
      await rig.ticks(4);
      await Promise.all(pages);
    });
  });

  it('rejects what runs and what waits when the connection is gone', async () => {
    const rig = new Rig({ pageConcurrency: 1 });
    const pages = Promise.allSettled(['p/a/#', 'p/b/#'].map((filter) => rig.reader.read([filter], 1, never)));
    await settled();
    const gone = new BrokerError('transient', 'gone');
    rig.reader.close(gone);
    expect(await pages).toEqual([
      { status: 'rejected', reason: gone },
      { status: 'rejected', reason: gone },
    ]);
    expect(rig.unsubscribed).toEqual([]);
  });

  it('gives up its subscriptions when the caller aborts', async () => {
    const rig = new Rig();
    const stop = new AbortController();
    const page = Promise.allSettled([rig.reader.read(['p/a/#'], 1, stop.signal)]);
    await settled();
    stop.abort(new Error('enough'));
    expect(await page).toMatchObject([{ status: 'rejected', reason: { message: 'enough' } }]);
    expect(rig.unsubscribed).toEqual([['p/a/#']]);
  });

  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/+', true],
    ['a/b/c', 'a/+', false],
    ['a/b/c', 'a/+/c', true],
    ['a/b/c', 'a/#', true],
    ['a', 'a/#', true],
    ['a', 'a/+', false],
    ['a/b', 'a', false],
    ['b/b', 'a/+', false],
  ])('knows whether %s matches %s', (topic, filter, matches) => {
    expect(matchesFilter(topic, filter)).toBe(matches);
  });
});
