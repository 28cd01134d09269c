import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { ApiError } from '../kube/errors.ts';
import { silentLogger } from '../log.ts';
import { WorkQueue } from '../workqueue/queue.ts';
import { runController } from './controller.ts';
import { DONE, TerminalError, TransientError } from './outcome.ts';
import type { Outcome } from './outcome.ts';

function start(reconcile: (key: string) => Promise<Outcome>) {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, backoff: { random: () => 0 } });
  const stop = new AbortController();
  const turns: string[] = [];
  const results: string[] = [];
  const running = runController(
    {
      name: 'test',
      queue,
      clock,
      concurrency: { least: 2, most: 2 },
      log: silentLogger,
      onReconcile: (result) => results.push(result),
      reconcile: (key) => {
        turns.push(`${key}@${clock.monotonic()}`);
        return reconcile(key);
      },
    },
    stop.signal,
  );
  const end = (): Promise<void> => {
    stop.abort();
    return running;
  };
  return { clock, queue, turns, results, end };
}

const failing = (error: unknown) => {
  let isFirst = true;
  return (): Promise<Outcome> => {
    if (!isFirst) return Promise.resolve(DONE);
    isFirst = false;
    return Promise.reject(error);
  };
};

describe('runController', () => {
  it.each([
    ['a transient error, with back-off', new TransientError('later'), ['a@0', 'a@5'], ['error', 'success']],
    ['an unknown error, with back-off', new Error('what?'), ['a@0', 'a@5'], ['error', 'success']],
    [
      'at the time that was named',
      new TransientError('later', { retryAfterMs: 70 }),
      ['a@0', 'a@70'],
      ['error', 'success'],
    ],
    ['Retry-After: 0, with back-off', new ApiError(429, {}, 0), ['a@0', 'a@5'], ['error', 'success']],
    ['nothing after a terminal error', new TerminalError('no'), ['a@0'], ['terminal']],
  ])('retries %s', async (_name, error, turns, results) => {
    const world = start(failing(error));
    world.queue.add('a');
    await world.clock.advance(1000);
    expect(world.turns).toEqual(turns);
    expect(world.results).toEqual(results);
    await world.end();
  });

  it.each([400, 403, 413, 422])('waits before it sends again what was refused with %d', async (status) => {
    const world = start(() => Promise.reject(new ApiError(status, {})));
    world.queue.add('a');
    await world.clock.advance(120_000);
    expect(world.turns.slice(0, 3)).toEqual(['a@0', 'a@5000', 'a@10000']);
    expect(world.turns.length).toBeLessThan(20);
    await world.end();
  });

  it('pauses every key when the API server names a time', async () => {
    const world = start(failing(new ApiError(429, {}, 500)));
    world.queue.add('a');
    await world.clock.advance(1);
    world.queue.add('b');
    await world.clock.advance(1000);
    expect(world.turns.toSorted()).toEqual(['a@0', 'a@500', 'b@500']);
    await world.end();
  });

  it('begins no work once it is stopped during a pause', async () => {
    const world = start(failing(new ApiError(429, {}, 500)));
    world.queue.add('a');
    await world.clock.advance(1);
    world.queue.add('b');
    await world.clock.advance(1);
    await world.end();
    expect(world.turns).toEqual(['a@0']);
  });
});
