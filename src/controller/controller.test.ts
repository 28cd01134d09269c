import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { delay } from '../base/clock.ts';
import { ApiError } from '../kube/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { Logger } from '../base/log.ts';
import { WorkQueue } from '../workqueue/queue.ts';
import { Concurrency } from './concurrency.ts';
import { runController } from './controller.ts';
import { DONE } from './outcome.ts';
import type { Outcome } from './outcome.ts';

function start(
  reconcile: (key: string) => Promise<Outcome>,
  places = 2,
  onReconcile: (result: string) => void = () => undefined,
) {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, backoff: { random: () => 0 } });
  const stop = new AbortController();
  const turns: string[] = [];
  const results: string[] = [];
  const pauses: number[] = [];
  const logged: string[] = [];
  const note = (level: string) => (_fields: unknown, text: string) => void logged.push(`${level} ${text}`);
  const running = runController(
    {
      name: 'test',
      queue,
      clock,
      places: new Concurrency({ least: places, most: places }, clock),
      log: Object.assign(Object.create(silentLogger) as Logger, { warn: note('warn'), info: note('info') }),
      hooks: {
        onOverload: (count) => pauses.push(count),
        onReconcile: (result) => {
          results.push(result);
          onReconcile(result);
        },
      },
      reconciler: {
        reconcile: (key) => {
          turns.push(`${key}@${clock.monotonic()}`);
          return reconcile(key);
        },
      },
    },
    stop.signal,
  );
  const end = (): Promise<void> => {
    stop.abort();
    return running;
  };
  return { clock, queue, turns, results, pauses, logged, running, end };
}

const failing = (error: unknown, times = 1) => {
  let left = times;
  return (): Promise<Outcome> => {
    left -= 1;
    if (left < 0) return Promise.resolve(DONE);
    return Promise.reject(error);
  };
};

describe('runController', () => {
  it.each([
    ['an error, with back-off', new Error('what?'), ['a@0', 'a@5'], ['error', 'success']],
    ['at the time that was named', new ApiError(429, {}, 70), ['a@0', 'a@70'], ['error', 'success']],
    ['Retry-After: 0, with back-off', new ApiError(429, {}, 0), ['a@0', 'a@5'], ['error', 'success']],
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

  it('pauses for seconds although the API server asks for minutes, and lets one key find out', async () => {
    const answers = [new ApiError(429, {}, 300_000), new ApiError(429, {}, 300_000), new ApiError(429, {}, 300_000)];
    const world = start(() => {
      const error = answers.shift();
      return error === undefined ? Promise.resolve({ kind: 'done', answerMs: 3 }) : Promise.reject(error);
    });
    world.queue.add('a');
    await world.clock.advance(1);
    for (const key of ['b', 'c']) world.queue.add(key);
    await world.clock.advance(20_000);
    expect(world.turns.slice(0, 3)).toEqual(['a@0', 'b@2000', 'c@6000']);
    expect(world.turns.slice(3).toSorted()).toEqual(['a@14000', 'b@14000', 'c@14000']);
    expect(world.pauses).toEqual([1, 2, 3, 0]);
    expect(world.logged).toEqual([
      'warn the API server is overloaded: writes pause',
      'info the API server takes requests again',
    ]);
    await world.end();
  });

  it.each([
    ['nothing is to be written any more, after a while', DONE, 20_000],
    ['a write is refused for a reason of its own, at once', new ApiError(409, {}), 2001],
    [
      'a write is answered and comes back later, at once',
      { kind: 'requeue', afterMs: 60_000, answerMs: 3 } as const,
      2001,
    ],
  ])('ends an overload when %s', async (_name, second, withinMs) => {
    const answers = [new ApiError(429, {}, 300_000), second];
    const world = start(() => {
      const answer = answers.shift() ?? DONE;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    });
    world.queue.add('a');
    await world.clock.advance(1999);
    expect(world.pauses).toEqual([1]);
    await world.clock.advance(withinMs - 1999);
    expect(world.pauses).toEqual([1, 0]);
    await world.end();
  });

  it('does not take a refusal that names no time for the end of an overload', async () => {
    const answers = [new ApiError(429, {}, 300_000), new ApiError(429, {})];
    const world = start(() => {
      const error = answers.shift();
      return error === undefined ? Promise.resolve(DONE) : Promise.reject(error);
    });
    world.queue.add('a');
    await world.clock.advance(2001);
    expect(answers).toEqual([]);
    expect(world.pauses).toEqual([1]);
    await world.end();
  });

  it('takes several refusals of what was under way for one', async () => {
    const world = start(failing(new ApiError(429, {}, 300_000), 2));
    world.queue.add('a');
    world.queue.add('b');
    await world.clock.advance(1);
    expect(world.pauses).toEqual([1]);
    await world.end();
  });

  it.each([
    ['an answer', { kind: 'done', answerMs: 3000 } as const],
    ['a refusal', new ApiError(409, {})],
    ['another 429', new ApiError(429, {}, 300_000)],
  ])('learns nothing of an overload from %s that comes late to what was sent before it', async (_name, late) => {
    const busy = new ApiError(429, {}, 300_000);
    const answers: [number, Outcome | Error][] = [
      [1, busy],
      [3000, late],
      [8000, busy],
    ];
    const world = start(async () => {
      const [ms, answer] = answers.shift() ?? [0, DONE];
      await delay(world.clock, ms);
      if (answer instanceof Error) throw answer;
      return answer;
    }, 4);
    world.queue.add('a');
    world.queue.add('b');
    await world.clock.advance(9000);
    expect(world.turns).toEqual(['a@0', 'b@0', 'a@2001']);
    expect(world.pauses).toEqual([1]);
    await world.clock.advance(2000);
    expect(world.pauses).toEqual([1, 2]);
    await world.end();
  });

  it('leaves nothing behind of an overload when a worker fails', async () => {
    const world = start(failing(new ApiError(429, {}, 300_000)), 2, (result) => {
      if (result === 'error') throw new Error('what?');
    });
    world.queue.add('a');
    const ended = world.running.catch((error: unknown) => String(error));
    await world.clock.advance(1);
    expect(await ended).toBe('Error: what?');
    expect(world.pauses).toEqual([1, 0]);
    await world.end().catch(() => undefined);
    // The key that is to come back.
    expect(world.clock.pendingTimers).toBe(1);
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
