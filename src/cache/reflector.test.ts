import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import type { KubeClient, Query, WatchEvent } from '../kube/client.ts';
import { ApiError, TransportError } from '../kube/errors.ts';
import { delay } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { Reflector } from './reflector.ts';
import type { Cached } from './lister.ts';
import { Store } from './store.ts';

const thing = (name: string, resourceVersion: string): Cached => ({ metadata: { name, uid: name, resourceVersion } });
const page = (items: readonly Cached[], resourceVersion: string, next = '') => ({
  items,
  metadata: { resourceVersion, continue: next },
});
const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Cached): WatchEvent<Cached> => ({ type, object });
const gone: WatchEvent<Cached> = { type: 'ERROR', object: { code: 410, reason: 'Expired' } };

type Answer = ReturnType<typeof page> | Error;
/** Events of one watch, and seconds in between; then its end, an error, or silence. */
type Watch = readonly (WatchEvent<Cached> | Error | 'second' | 'silence')[];

/** Runs a reflector against scripted answers; a script that has ended answers with silence. `newest`: the server's version. */
async function run(
  lists: Answer[],
  watches: Watch[],
  ms = 1,
  newest = '9',
  named: Readonly<Record<string, Cached>> = {},
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
    return object === undefined ? Promise.reject(new ApiError(404, {})) : Promise.resolve(object);
  };
  const client = {
    get(path: string, query?: Query, signal?: AbortSignal) {
      if (query?.['limit'] === 1) return Promise.resolve(page([], newest));
      if (path !== '/things') return askByName(path.slice('/things/'.length));
      asked.push(`list ${String(query?.['continue'] ?? '')}@${clock.monotonic()}`);
      const answer = lists.shift();
      if (answer === undefined) return silence(signal);
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
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
  const onChange = ({ kind, key }: { kind: string; key: string }): number => changes.push(`${kind} ${key}`);
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
  const reflector = new Reflector(options, { onChange, onSynced: () => undefined });
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
