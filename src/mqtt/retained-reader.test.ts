import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../clock.ts';
import { BrokerError } from './broker.ts';
import { RetainedReader, matchesFilter } from './retained-reader.ts';
import type { PageTuning } from './retained-reader.ts';

const tuning: PageTuning = { pageConcurrency: 2, quietTicks: 3, tickMs: 15, maxPageMessages: 10 };
const never = new AbortController().signal;

/** A broker that answers at once, and a clock that ticks when told. */
class Rig {
  readonly subscribed: string[][] = [];
  readonly unsubscribed: string[][] = [];
  readonly reader: RetainedReader;
  onSubscribe: (filters: readonly string[]) => void = () => {};
  nowMs = 0;
  #ticks: (() => void)[] = [];

  constructor(more: Partial<PageTuning> = {}) {
    const clock: Clock = {
      now: () => 0,
      monotonic: () => this.nowMs,
      after: (_, callback) => {
        this.#ticks.push(callback);
        return () => {};
      },
    };
    const port = {
      subscribe: async (filters: readonly string[]): Promise<void> => {
        this.subscribed.push([...filters]);
        this.onSubscribe(filters);
        await Promise.resolve();
      },
      unsubscribe: async (filters: readonly string[]): Promise<void> => {
        this.unsubscribed.push([...filters]);
        await Promise.resolve();
      },
    };
    this.reader = new RetainedReader(port, clock, { ...tuning, ...more });
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
