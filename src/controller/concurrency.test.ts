import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { Concurrency } from './concurrency.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const signal = new AbortController().signal;
const clock = new FakeClock();

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

/** Answers of `latencyMs`, with so many keys waiting. */
const answer = (places: Concurrency, times: number, latencyMs: number, backlog: number): void => {
  for (let at = 0; at < times; at += 1) places.noteAnswer(latencyMs, places.count, backlog);
};

/** A server of so many hands, each of which takes 3 ms, that also has `others` requests in flight. */
const latencyAt = (places: Concurrency, hands: number, others = 0): number =>
  3 * Math.max(1, (places.count + others) / hands);

describe('Concurrency', () => {
  it('lets in as many as there are places, and one more for each that leaves', async () => {
    const places = new Concurrency({ least: 2, most: 2 }, clock);
    const entered = await enterMany(places, 5);
    expect(entered()).toBe(2);
    places.leave();
    places.leave();
    await settle();
    expect(entered()).toBe(4);
  });

  it.each([
    ['all a small server can use and some in line', 2, 0, 8, 10],
    ['many on a large server', 16, 0, 16, 16],
    ['no more beside others that fill a small server', 2, 16, 6, 8],
    ['its share beside others on a large server', 16, 4, 14, 16],
  ])('finds %s', (_name, hands, others, least, most) => {
    const places = new Concurrency({ least: 2, most: 16 }, clock);
    // At first it is alone, and learns how fast the server can be.
    answer(places, 1, 3, 0);
    for (let at = 0; at < 2000; at += 1) answer(places, 1, latencyAt(places, hands, others), 100);
    expect(places.count).toBeGreaterThanOrEqual(least);
    expect(places.count).toBeLessThanOrEqual(most);
  });

  it('lets in more at once when there is one place more', async () => {
    const places = new Concurrency({ least: 2, most: 3 }, clock);
    const entered = await enterMany(places, 5);
    answer(places, 10, 3, 100);
    await settle();
    expect([places.count, entered()]).toEqual([3, 3]);
  });

  it('does not grow without a backlog', () => {
    const places = new Concurrency({ least: 2, most: 8 }, clock);
    answer(places, 1000, 3, 2);
    expect(places.count).toBe(2);
  });

  it('does not grow while places are free: answers tell nothing of what more would do', () => {
    const places = new Concurrency({ least: 4, most: 8 }, clock);
    for (let at = 0; at < 1000; at += 1) places.noteAnswer(3, 2, 100);
    expect(places.count).toBe(4);
  });

  it('says that the other side is crowded while it is several times slower than at its best', () => {
    const places = new Concurrency({ least: 2, most: 8 }, clock);
    answer(places, 10, 3, 0);
    expect(places.isCrowded).toBe(false);
    answer(places, 40, 20, 0);
    expect(places.isCrowded).toBe(true);
    answer(places, 40, 4, 0);
    expect(places.isCrowded).toBe(false);
  });

  it('says so no longer when nothing was answered for a second', async () => {
    const places = new Concurrency({ least: 2, most: 8 }, clock);
    answer(places, 10, 3, 0);
    answer(places, 40, 20, 0);
    await clock.advance(999);
    expect(places.isCrowded).toBe(true);
    await clock.advance(1);
    expect(places.isCrowded).toBe(false);
  });

  it('forgets a best that has become out of reach', () => {
    const places = new Concurrency({ least: 2, most: 8 }, clock);
    answer(places, 10, 1, 0);
    answer(places, 10_000, 6, 0);
    expect(places.isCrowded).toBe(false);
  });

  it('halves when told of overload, never to nothing, and comes back', async () => {
    const places = new Concurrency({ least: 4, most: 8 }, clock);
    const entered = await enterMany(places, 6);
    for (let at = 0; at < 4; at += 1) places.halve();
    expect(places.count).toBe(1);
    for (let at = 0; at < 3; at += 1) places.leave();
    await settle();
    expect(entered()).toBe(4);
    answer(places, 1000, 3, 0);
    expect(places.count).toBe(4);
    answer(places, 1000, 3, 100);
    expect(places.count).toBe(8);
  });

  it('lets everyone go when its signal aborts', async () => {
    const places = new Concurrency({ least: 1, most: 1 }, clock);
    const stop = new AbortController();
    await places.enter(stop.signal);
    const waiting = places.enter(stop.signal);
    stop.abort();
    await expect(waiting).resolves.toBeUndefined();
    await expect(places.enter(stop.signal)).resolves.toBeUndefined();
  });
});
