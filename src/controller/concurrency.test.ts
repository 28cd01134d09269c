import { describe, expect, it } from '@jest/globals';
import { Concurrency } from './concurrency.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const signal = new AbortController().signal;

/** Tries to take `count` places and tells how many were there. */
async function enterMany(places: Concurrency, count: number): Promise<() => number> {
  let entered = 0;
  for (let at = 0; at < count; at += 1)
    void (async () => {
      await places.enter(signal);
      entered += 1;
    })();
  await settle();
  return () => entered;
}

const succeed = (places: Concurrency, times: number, backlog: number): void => {
  for (let at = 0; at < times; at += 1) places.noteSuccess(backlog);
};

describe('Concurrency', () => {
  it('lets in as many as there are places, and one more for each that leaves', async () => {
    const places = new Concurrency({ least: 2, most: 2 });
    const entered = await enterMany(places, 5);
    expect(entered()).toBe(2);
    places.leave();
    places.leave();
    await settle();
    expect(entered()).toBe(4);
  });

  it('grows to its bound while the work goes well and more waits', async () => {
    const places = new Concurrency({ least: 2, most: 3 });
    const entered = await enterMany(places, 5);
    succeed(places, 1000, 100);
    await settle();
    expect([places.count, entered()]).toEqual([3, 3]);
  });

  it('stays as it is without a backlog', () => {
    const places = new Concurrency({ least: 2, most: 8 });
    succeed(places, 1000, 2);
    expect(places.count).toBe(2);
  });

  it('halves when told of overload, never to nothing, and comes back', async () => {
    const places = new Concurrency({ least: 4, most: 8 });
    const entered = await enterMany(places, 6);
    for (let at = 0; at < 4; at += 1) places.halve();
    expect(places.count).toBe(1);
    for (let at = 0; at < 3; at += 1) places.leave();
    await settle();
    expect(entered()).toBe(4);
    succeed(places, 1000, 100);
    expect(places.count).toBe(8);
  });

  it('lets everyone go when its signal aborts', async () => {
    const places = new Concurrency({ least: 1, most: 1 });
    const stop = new AbortController();
    await places.enter(stop.signal);
    const waiting = places.enter(stop.signal);
    stop.abort();
    await expect(waiting).resolves.toBeUndefined();
    await expect(places.enter(stop.signal)).resolves.toBeUndefined();
  });
});
