import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import type { KubeClient, Query, WatchEvent } from '../kube/client.ts';
import { ApiError, TransportError } from '../kube/errors.ts';
import { delay } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { Reflector } from './reflector.ts';
import type { Change } from './reflector.ts';
import type { Cached } from './lister.ts';
import { Store } from './store.ts';

const thing = (name: string, resourceVersion: string, uid = name): Cached => ({
  metadata: { name, uid, resourceVersion },
});
const page = (items: readonly Cached[], resourceVersion: string, next = '') => ({
  items,
  metadata: { resourceVersion, continue: next },
});
const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Cached): WatchEvent<Cached> => ({ type, object });
const gone: WatchEvent<Cached> = { type: 'ERROR', object: { code: 410, reason: 'Expired' } };

type Answer = ReturnType<typeof page> | Error | Answered;
/** An answer that comes after that to a write of our own. */
interface Answered<T = ReturnType<typeof page>> {
  readonly write: Cached;
  readonly answer: T;
}
/** Events of one watch, and seconds in between; then its end, an error, or silence. */
type Watch = readonly (WatchEvent<Cached> | Error | 'second' | 'silence')[];

/** Runs a reflector against scripted answers; a script that has ended answers with silence. `newest`: the server's version. */
async function run(
  lists: Answer[],
  watches: Watch[],
  ms = 1,
  newest = '9',
  named: Readonly<Record<string, Cached | Answered<Cached>>> = {},
) {
  const clock = new FakeClock();
  const store = new Store<Cached>();
  const [asked, changes]: [string[], string[]] = [[], []];
  const absent: number[] = [];
  const stop = new AbortController();
  const silence = (signal?: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new TransportError('aborted'))));
  const askByName = (name: string): Promise<Cached> => {
    asked.push(`get ${name}@${clock.monotonic()}`);
    const object = named[name];
    if (object === undefined) return Promise.reject(new ApiError(404, {}));
    return Promise.resolve('write' in object ? outOfTurn(object) : object);
  };
  const outOfTurn = <T>({ write, answer }: Answered<T>): T => {
    reflector.wrote(write);
    return answer;
  };
  const client = {
    get(path: string, query?: Query, signal?: AbortSignal) {
      if (query?.['limit'] === 1) return Promise.resolve(page([], newest));
      if (path !== '/things') return askByName(path.slice('/things/'.length));
      asked.push(`list ${String(query?.['continue'] ?? '')}@${clock.monotonic()}`);
      const answer = lists.shift();
      if (answer === undefined) return silence(signal);
      if (answer instanceof Error) return Promise.reject(answer);
      return Promise.resolve('write' in answer ? outOfTurn(answer) : answer);
    },
    async *watch(_path: string, query: Query, signal: AbortSignal) {
      asked.push(`watch ${String(query['resourceVersion'])}`);
      for (const one of watches.shift() ?? ['silence' as const]) {
        if (one === 'silence') await silence(signal).catch(() => undefined);
        else if (one === 'second') await delay(clock, 1000, signal);
        else if (one instanceof Error) throw one;
        else yield one;
      }
    },
  } as unknown as KubeClient;
  const onChange = ({ kind, key, isStatusMoved }: Change<Cached>): number =>
    changes.push(`${kind} ${key}${isStatusMoved === true ? ' by a stranger' : ''}`);
  const options = {
    client,
    collection: { path: '/things', objectPath: (key: string) => `/things/${key}` },
    // Half of what is known, so that few objects are many.
    mayForget: (missing: number, known: number) => missing <= known / 2,
    store,
    clock,
    log: silentLogger,
    hooks: { onAbsent: (objects: number) => absent.push(objects) },
    random: () => 0,
  };
  const reflector: Reflector<Cached> = new Reflector(options, { onChange, onSynced: () => undefined });
  const running = reflector.run(stop.signal);
  await clock.advance(ms);
  stop.abort();
  await running;
  return { asked, changes, store, absent };
}

describe('Reflector', () => {
  it('reads every page, then watches from there', async () => {
    const { asked, changes, store } = await run(
      [page([thing('a', '1')], '5', 'more'), page([thing('b', '2')], '5')],
      [],
    );
    expect(asked).toEqual(['list @0', 'list more@0', 'watch 5']);
    expect(changes).toEqual(['added a', 'added b']);
    expect(store.hasSynced).toBe(true);
  });

  it.each<[string, Watch, string[]]>([
    ['goes on from the last event after a clean end', [event('ADDED', thing('a', '7'))], ['watch 5', 'watch 7']],
    [
      'goes on from the last event when cut',
      [event('ADDED', thing('a', '7')), new TransportError('cut')],
      ['watch 5', 'watch 7'],
    ],
    [
      'goes on from a bookmark',
      [{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } }],
      ['watch 5', 'watch 9'],
    ],
    ['lists again when history is gone', [gone], ['watch 5', 'list @0', 'watch 8']],
    [
      'lists again when nobody answered',
      [new TransportError('refused', { isUnanswered: true })],
      ['watch 5', 'list @100', 'watch 8'],
    ],
  ])('%s', async (_name, watch, asked) => {
    const world = await run([page([], '5'), page([], '8')], [watch], 150);
    expect(world.asked.slice(1)).toEqual(asked);
  });

  it('begins anew when a page has expired', async () => {
    const { asked } = await run([page([], '5', 'more'), new ApiError(410, { reason: 'Expired' }), page([], '6')], []);
    expect(asked).toEqual(['list @0', 'list more@0', 'list @0', 'watch 6']);
  });

  it('reports what a new LIST no longer has, and nothing that is the same', async () => {
    const { changes } = await run(
      [page([thing('a', '1'), thing('b', '2')], '5'), page([thing('b', '2')], '8')],
      [[gone]],
    );
    expect(changes).toEqual(['added a', 'added b', 'deleted a']);
  });

  const three = page([thing('a', '1'), thing('b', '2'), thing('c', '3')], '5');

  it('asks by name for what a LIST lacks, and keeps what answers', async () => {
    const { asked, changes, store } = await run(
      [three, page([thing('c', '3'), thing('b', '2')], '8')],
      [[gone]],
      1,
      '9',
      {
        a: thing('a', '7'),
      },
    );
    expect(asked).toEqual(['list @0', 'watch 5', 'list @0', 'get a@0', 'watch 8']);
    expect(changes).toEqual(['added a', 'added b', 'added c', 'updated a']);
    expect(store.size).toBe(3);
  });

  it('keeps all when a LIST lacks too many, and looks again until one shows them', async () => {
    const empty = page([], '8');
    const { asked, changes, absent, store } = await run([three, empty, empty, three], [[gone]], 20_000);
    expect(asked).toEqual([
      'list @0',
      'watch 5',
      'list @0',
      'watch 8',
      'list @5000',
      'watch 8',
      'list @15000',
      'watch 5',
    ]);
    expect(changes).toEqual(['added a', 'added b', 'added c']);
    expect(store.size).toBe(3);
    expect(absent).toEqual([0, 3, 3, 0]);
  });

  it('looks again in time though watches end before', async () => {
    const short = Array.from({ length: 30 }, () => ['second'] as const);
    const { asked } = await run([three, page([], '8'), three], [[gone], ...short], 10_000);
    expect(asked.filter((one) => one.startsWith('list'))).toEqual(['list @0', 'list @0', 'list @5000']);
  });

  it('believes at once every deletion that a watch tells', async () => {
    const deletions = ['a', 'b', 'c'].map((name) => event('DELETED', thing(name, '6')));
    const { changes, absent } = await run([three], [deletions]);
    expect(changes.slice(3)).toEqual(['deleted a', 'deleted b', 'deleted c']);
    expect(absent).toEqual([0]);
  });

  it.each([
    [
      'leaves out the token for the rest',
      { ...page([thing('a', '1')], '8'), metadata: { resourceVersion: '8', continue: '', remainingItemCount: 2 } },
    ],
    ['has no items', { metadata: { resourceVersion: '8' } } as unknown as ReturnType<typeof page>],
    ['breaks off in the middle', new TransportError('cut')],
  ])('makes a LIST again that %s', async (_name, cutShort) => {
    const { asked, changes } = await run([three, cutShort, three], [[gone]], 250);
    expect(asked).toEqual(['list @0', 'watch 5', 'list @0', 'list @200', 'watch 5']);
    expect(changes).toHaveLength(3);
  });

  it.each([
    [16_000, 'list @16000'],
    [0, 'list @100'],
  ])('waits %d ms as asked, but never loops at once', async (retryAfterMs, second) => {
    const { asked } = await run([new ApiError(429, {}, retryAfterMs), page([], '5')], [], 16_001);
    expect(asked[1]).toBe(second);
  });

  it('lists again when the server has gone back behind what was seen', async () => {
    const { asked } = await run([page([], '5'), page([], '3')], [[event('ADDED', thing('a', '7'))]], 150, '3');
    expect(asked.slice(1)).toEqual(['watch 5', 'list @0', 'watch 3']);
  });

  it('asks every few seconds however long nobody answers', async () => {
    const refused = Array.from({ length: 100 }, () => new TransportError('refused', { isUnanswered: true }));
    const { asked } = await run(refused, [], 60_000);
    const times = asked.map((one) => Number(one.split('@')[1]));
    expect(Math.max(...times.map((time, at) => time - (times[at - 1] ?? 0)))).toBeLessThanOrEqual(5000);
    expect(times.length).toBeGreaterThan(10);
  });

  it('gives up a watch that has said nothing for three minutes', async () => {
    const { asked } = await run([page([], '5')], [['silence']], 180_001);
    expect(asked).toEqual(['list @0', 'watch 5', 'watch 5']);
  });
});

describe('a write of our own that is answered while a LIST is read', () => {
  const ours = { ...thing('a', '9'), status: 'ours' };
  const first = page([thing('a', '3'), thing('b', '3')], '5');
  const held = (store: Store<Cached>): string[] =>
    ['a', 'b'].map((key) => `${store.facts(key)?.uid} ${store.facts(key)?.resourceVersion}`);

  it('is not undone by it, and no news of a stranger afterwards', async () => {
    const { asked, changes, store } = await run(
      [first, { write: ours, answer: page([thing('a', '3')], '8', 'more') }, page([thing('b', '7')], '8')],
      [[gone], [event('MODIFIED', ours), event('MODIFIED', thing('b', '10'))]],
      1,
      '10',
    );
    expect(asked).toEqual(['list @0', 'watch 5', 'list @0', 'list more@0', 'watch 8', 'watch 10']);
    expect(held(store)).toEqual(['a 9', 'b 10']);
    expect(changes).toEqual(['added a', 'added b', 'updated b', 'updated b']);
  });

  it.each<[string, Answered, string]>([
    ['one that the LIST shows newer', { write: thing('a', '6'), answer: page([thing('a', '7')], '8') }, 'a 7'],
    [
      'one that was made anew since the write',
      { write: thing('a', '6'), answer: page([thing('a', '7', 'a2')], '8') },
      'a2 7',
    ],
    [
      'one that was made anew, and came back from a backup',
      { write: thing('a', '9'), answer: page([thing('a', '7', 'a2')], '8') },
      'a2 7',
    ],
  ])('keeps nothing back: %s', async (_name, answered, expected) => {
    const answer = { ...answered.answer, items: [...answered.answer.items, thing('b', '3')] };
    const { store } = await run([first, { ...answered, answer }], [[gone]]);
    expect(held(store)).toEqual([expected, 'b 3']);
  });

  it('is not undone by a GET for what the LIST lacks', async () => {
    const { store } = await run([first, page([thing('b', '3')], '8')], [[gone]], 1, '9', {
      a: { write: ours, answer: thing('a', '3') },
    });
    expect(held(store)).toEqual(['a 9', 'b 3']);
  });

  it('does not bring back what the LIST lacks and a GET does not find', async () => {
    const { changes } = await run([first, { write: ours, answer: page([thing('b', '3')], '12') }], [[gone]]);
    expect(changes).toEqual(['added a', 'added b', 'deleted a']);
  });

  it('is no newer than what the next LIST shows', async () => {
    const restored = page([thing('a', '4'), thing('b', '3')], '8');
    const { store } = await run([first, { write: ours, answer: first }, restored], [[gone], [gone]]);
    expect(held(store)).toEqual(['a 4', 'b 3']);
  });

  it('is let go of by another LIST when the server has gone back behind it', async () => {
    const restored = page([thing('a', '4'), thing('b', '3')], '5');
    const { asked, store } = await run([first, { write: ours, answer: restored }, restored], [[gone]], 1, '6');
    expect(asked).toEqual(['list @0', 'watch 5', 'list @0', 'list @0', 'watch 5']);
    expect(held(store)).toEqual(['a 4', 'b 3']);
  });
});
