import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import type { Logger } from '../base/log.ts';
import type { KubeClient } from '../kube/client.ts';
import { Informer } from './informer.ts';
import { Store } from './store.ts';

const object = (resourceVersion: string, generation: number, uid = 'u') => ({
  metadata: { name: 'a', namespace: 'n', uid, resourceVersion, generation },
});

const never = new AbortController().signal;

/** An informer that holds one object; a LIST shows it newer, and watches end at once. */
function setUp(items = [object('7', 2)]) {
  const store = new Store<ReturnType<typeof object>>();
  store.upsert(object('5', 1));
  const logged: string[] = [];
  const log = Object.assign(Object.create(silentLogger) as Logger, {
    error: ({ what, err }: { what: string; err: Error }) => void logged.push(`${what}: ${err.message}`),
  });
  const informer = new Informer({
    client: {
      get: () => Promise.resolve({ items, metadata: { resourceVersion: '7' } }),
      watch: () => [],
    } as unknown as KubeClient,
    collection: { path: '/things', objectPath: (key) => `/things/${key}` },
    mayForget: () => true,
    store,
    clock: new FakeClock(),
    log,
  });
  const told: string[] = [];
  const subscribe = (signal: AbortSignal): void =>
    void informer.subscribe(
      {
        onChange: ({ kind, key, source, isGenerationMoved }) =>
          told.push([kind, key, source, isGenerationMoved].join(' ')),
        onSynced: () => void told.push('synced'),
      },
      signal,
    );
  return { informer, store, told, subscribe, logged };
}

describe('who hears of a cache', () => {
  it('is told what is held, and that it is complete, before anything new', () => {
    const { informer, store, told, subscribe } = setUp();
    store.markSynced();
    subscribe(never);
    expect(told).toEqual(['added n/a held true', 'synced']);
    informer.wrote(object('7', 2));
    expect(told.slice(2)).toEqual(['updated n/a write true']);
  });

  it('hears that it is complete only when it is', () => {
    const { told, subscribe } = setUp();
    subscribe(never);
    expect(told).toEqual(['added n/a held true']);
  });

  it('hears nothing any more when its signal has aborted', () => {
    const { informer, told, subscribe } = setUp();
    const stop = new AbortController();
    subscribe(stop.signal);
    stop.abort();
    informer.wrote(object('7', 2));
    subscribe(stop.signal);
    expect(told).toEqual(['added n/a held true']);
  });
});

describe('whoever hears of much that is held', () => {
  const others = ['b', 'c', 'd', 'e', 'f'].map((name) => ({ metadata: { ...object('5', 1, name).metadata, name } }));

  /** Objects that take so long to take in that two are a turn of the event loop. */
  function setUpSlow() {
    const { informer, store } = setUp([object('7', 2), ...others]);
    for (const other of others) store.upsert(other);
    const told: string[] = [];
    const handler = {
      onChange: ({ kind, key, source }: { kind: string; key: string; source: string }) => {
        told.push([kind, key, source].join(' '));
        for (const end = performance.now() + 11; performance.now() < end;);
      },
      onSynced: () => void told.push('synced'),
    };
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    return { informer, store, told, handler, turn };
  }

  it('lets others have their turns, and hears what changes meanwhile; that it is complete comes last', async () => {
    const { informer, store, told, handler, turn } = setUpSlow();
    store.markSynced();
    const heard = informer.subscribe(handler, never);
    const before = told.length;
    await turn();
    expect([before, told.length]).toEqual([2, 4]);
    informer.wrote(object('7', 2, 'u'));
    await heard;
    const held = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `added n/${name} held`);
    expect(told).toEqual([...held.slice(0, 4), 'updated n/a write', ...held.slice(4), 'synced']);
  });

  it('is not told that all is there before it has heard of it', async () => {
    const { informer, told, handler, turn } = setUpSlow();
    const stop = new AbortController();
    const heard = informer.subscribe(handler, never);
    // Its LIST is complete in the turn in which it is asked for.
    const running = informer.run(stop.signal);
    await turn();
    expect(told).not.toContain('synced');
    await heard;
    stop.abort();
    await running;
    expect(told.filter((one) => one === 'synced')).toHaveLength(1);
    expect(told.at(-1)).toBe('synced');
  });

  it('hears no more when its signal aborts', async () => {
    const { informer, told, handler } = setUpSlow();
    const stop = new AbortController();
    const heard = informer.subscribe(handler, stop.signal);
    stop.abort();
    await heard;
    informer.wrote(object('7', 2));
    expect(told).toEqual(['added n/a held', 'added n/b held']);
  });

  it('is told on by what it throws', async () => {
    const { informer } = setUpSlow();
    const onChange = (): never => {
      throw new Error('what?');
    };
    await expect(informer.subscribe({ onChange, onSynced: () => undefined }, never)).rejects.toThrow('what?');
  });
});

it('keeps none of them from hearing what another one fails to take in, and says so', async () => {
  const { informer, told, subscribe, logged } = setUp();
  const failing = (): never => {
    throw new Error('what?');
  };
  void informer.subscribe({ onChange: () => undefined, onSynced: failing }, never);
  let isBroken = false;
  void informer.subscribe({ onChange: () => (isBroken ? failing() : undefined), onSynced: failing }, never);
  subscribe(never);
  isBroken = true;
  informer.wrote(object('7', 2));
  expect(told.slice(1)).toEqual(['updated n/a write true']);
  expect(logged).toEqual(['n/a: what?']);
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await running;
  expect(told.slice(2)).toEqual(['synced']);
  expect(logged.slice(1)).toEqual(['synced: what?', 'synced: what?']);
});

function observe(written: ReturnType<typeof object>) {
  const { informer, store, told, subscribe } = setUp();
  subscribe(never);
  informer.wrote(written);
  const news = told.slice(1).map((line) => line.replace(' write', ''));
  return { told: news, held: store.get('n/a')?.metadata.resourceVersion };
}

describe('the answer to a write of our own', () => {
  it('is held, and says nothing new when only what we wrote changed', () => {
    expect(observe(object('6', 1))).toEqual({ told: [], held: '6' });
  });

  it("tells of another's change that it brings along, because the watch will not", () => {
    expect(observe(object('7', 2))).toEqual({ told: ['updated n/a true'], held: '7' });
  });

  it('is nothing when the watch was faster, or the object is another one by now', () => {
    expect(observe(object('4', 1))).toEqual({ told: [], held: '5' });
    expect(observe(object('9', 2, 'another'))).toEqual({ told: [], held: '5' });
  });
});
