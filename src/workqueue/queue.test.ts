import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { WorkQueue } from './queue.ts';

const newQueue = (clock = new FakeClock()) => new WorkQueue({ clock, backoff: { random: () => 0 } });

describe('WorkQueue', () => {
  it('hands out higher priorities first, and lifts a waiting key', async () => {
    const queue = newQueue();
    queue.add('a');
    queue.add('b');
    queue.add('c', 5);
    queue.add('b', 9);
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['b', 'c', 'a']);
  });

  it('keeps the place of a key that is lifted, for the case that it is sent back', async () => {
    const queue = newQueue();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect(await queue.take()).toBe('a');
    queue.add('b', 1);
    expect([await queue.take(), queue.priorityOf('b'), queue.length]).toEqual(['b', 1, 1]);
    queue.add('b', 0);
    queue.done('b');
    expect([await queue.take(), queue.priorityOf('b')]).toEqual(['b', 0]);
    queue.done('b');
    expect([await queue.take(), queue.length]).toEqual(['c', 0]);
  });

  it('starves no key that is lifted and sent back again and again', async () => {
    const queue = newQueue();
    for (let at = 0; at < 20; at += 1) queue.add(`other-${at}`);
    queue.add('chatty');
    const served: string[] = [];
    for (let turns = 0; turns < 200 && !served.includes('chatty 0'); turns += 1) {
      queue.add('chatty', 2);
      const key = (await queue.take()) ?? '';
      const priority = queue.priorityOf(key) ?? 0;
      served.push(`${key} ${priority}`);
      // The others have more to do, and come back to the end of the line.
      queue.add(key);
      queue.done(key);
    }
    expect(served).toContain('chatty 0');
  });

  it('gives each priority twice the turns of the one below it while all wait, and starves none', async () => {
    const queue = newQueue();
    for (let at = 0; at < 100; at += 1) for (const priority of [0, 1, 2]) queue.add(`${priority}-${at}`, priority);
    const taken = { '0': 0, '1': 0, '2': 0 };
    for (let at = 0; at < 70; at += 1) {
      const key = await queue.take();
      taken[key?.[0] as keyof typeof taken] += 1;
    }
    expect(taken).toEqual({ '0': 10, '1': 20, '2': 40 });
  });

  it('serves at once what is urgent, however long the line of the others, and owes nothing for an absence', async () => {
    const queue = newQueue();
    for (let at = 0; at < 1000; at += 1) queue.add(`slow-${at}`, 1);
    for (let at = 0; at < 500; at += 1) await queue.take();
    for (let at = 0; at < 8; at += 1) queue.add(`urgent-${at}`, 2);
    const next = [await queue.take(), await queue.take(), await queue.take(), await queue.take()];
    expect(next).toEqual(['urgent-0', 'urgent-1', 'urgent-2', 'slow-500']);
  });

  it('keeps to the number of keys of one priority that may be worked on at once', async () => {
    let most = 1;
    const queue = new WorkQueue({
      clock: new FakeClock(),
      mostAtOnce: (priority) => (priority === 0 ? most : Number.POSITIVE_INFINITY),
    });
    const taken: string[] = [];
    for (let at = 0; at < 4; at += 1) void queue.take().then((key) => taken.push(key ?? ''));
    for (const key of ['a', 'b', 'c']) queue.add(key);
    queue.add('urgent', 1);
    await turn();
    expect(taken).toEqual(['a', 'urgent']);
    most = 2;
    queue.done('a');
    await turn();
    expect(taken).toEqual(['a', 'urgent', 'b', 'c']);
  });

  /** Of the next `count` keys, how many come from the line of the urgent ones; each is done at once. */
  const urgentOf = async (queue: WorkQueue, count: number): Promise<number> => {
    let urgent = 0;
    for (let at = 0; at < count; at += 1) {
      const key = (await queue.take()) ?? '';
      if (queue.priorityOf(key) === 2) urgent += 1;
      queue.done(key);
    }
    return urgent;
  };
  const fill = (queue: WorkQueue): void => {
    for (let at = 0; at < 500; at += 1) for (const priority of [0, 2]) queue.add(`${priority}-${at}`, priority);
  };

  it('owes a priority nothing for the time in which no more of it may be worked on', async () => {
    let most = 1;
    const mostAtOnce = (priority: number): number => (priority === 0 ? most : Number.POSITIVE_INFINITY);
    const queue = new WorkQueue({ clock: new FakeClock(), mostAtOnce });
    queue.add('0-long');
    expect(await queue.take()).toBe('0-long');
    fill(queue);
    expect(await urgentOf(queue, 200)).toBe(200);
    most = 4;
    // Its first turn may come one turn of the others too early.
    expect(await urgentOf(queue, 50)).toBeGreaterThanOrEqual(39);
  });

  it('owes a priority nothing for the time in which its only key was worked on with a higher one', async () => {
    const queue = newQueue();
    queue.add('0-lifted');
    queue.add('0-lifted', 2);
    expect([await queue.take(), queue.priorityOf('0-lifted')]).toEqual(['0-lifted', 2]);
    for (let at = 0; at < 200; at += 1) queue.add(`2-before-${at}`, 2);
    expect(await urgentOf(queue, 200)).toBe(200);
    queue.add('0-lifted', 3);
    queue.done('0-lifted');
    fill(queue);
    expect(await queue.take()).toBe('0-lifted');
    expect(await urgentOf(queue, 50)).toBe(40);
  });

  it('brings a key added during its work back once, after done', async () => {
    const queue = newQueue();
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
    await queue.take();
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  it('adds a delayed key at the earliest of its times, and once', async () => {
    const clock = new FakeClock();
    const queue = newQueue(clock);
    queue.addAfter('a', 1000);
    queue.addAfter('a', 100);
    queue.addAfter('a', 500);
    await clock.advance(99);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(await queue.take()).toBe('a');
    queue.done('a');
    await clock.advance(5000);
    expect(queue.length).toBe(0);
  });

  it('doubles the wait of a failing key until it is forgotten', async () => {
    const clock = new FakeClock();
    const queue = newQueue(clock);
    const waitOf = async (): Promise<number> => {
      const startedAt = clock.monotonic();
      queue.addRateLimited('a');
      while (queue.length === 0) await clock.advance(1);
      queue.done((await queue.take()) ?? '');
      return clock.monotonic() - startedAt;
    };
    expect([await waitOf(), await waitOf(), await waitOf()]).toEqual([5, 10, 20]);
    queue.forget('a');
    expect(await waitOf()).toBe(5);
  });

  it('never arms a timer beyond what setTimeout can hold', () => {
    const asked: number[] = [];
    const clock = Object.assign(new FakeClock(), { after: (ms: number) => (asked.push(ms), () => undefined) });
    newQueue(clock).addAfter('a', 90 * 86_400_000);
    expect(Math.max(...asked)).toBeLessThan(2 ** 31);
  });

  it('listens once to a signal, however many takes wait on it', async () => {
    const queue = newQueue();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = [queue.take(one.signal), queue.take(one.signal), queue.take(one.signal)];
    const second = queue.take(two.signal);
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(1);
    one.abort();
    expect(await Promise.all(first)).toEqual([undefined, undefined, undefined]);
    queue.add('a');
    expect(await second).toBe('a');
  });

  it('sends waiting takers home on abort and on shutdown', async () => {
    const queue = newQueue();
    const controller = new AbortController();
    const aborted = queue.take(controller.signal);
    controller.abort();
    expect(await aborted).toBeUndefined();
    const waiting = queue.take();
    queue.shutDown();
    expect(await waiting).toBeUndefined();
  });

  it('keeps its invariants under any order of add, take and done', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key, priority: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ do: fc.constant('take' as const), key, priority: fc.constant(0) }),
      fc.record({ do: fc.constant('done' as const), key, priority: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const queue = newQueue();
        const [wanted, working] = [new Set<string>(), new Set<string>()];
        for (const { do: what, key: name, priority } of steps) {
          if (what === 'add') {
            wanted.add(name);
            queue.add(name, priority);
          } else if (what === 'done') {
            working.delete(name);
            queue.done(name);
          } else if (queue.length > 0) {
            const taken = (await queue.take()) ?? '';
            const isRight = wanted.delete(taken) && !working.has(taken);
            if (!isRight) throw new Error(`took ${taken}, which was not wanted or is being worked on`);
            working.add(taken);
          }
          expect(queue.length).toBe([...wanted].filter((one) => !working.has(one)).length);
        }
      }),
    );
  });
});
