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
function setUp() {
  const store = new Store<ReturnType<typeof object>>();
  store.upsert(object('5', 1));
  const logged: string[] = [];
  const log = Object.assign(Object.create(silentLogger) as Logger, {
    error: ({ what, err }: { what: string; err: Error }) => void logged.push(`${what}: ${err.message}`),
  });
  const items = [object('7', 2)];
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
    informer.subscribe(
      {
        onChange: ({ kind, key, source, isGenerationMoved }) =>
          told.push([kind, key, source, isGenerationMoved].join(' ')),
        onSynced: () => told.push('synced'),
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

it('keeps none of them from hearing what another one fails to take in, and says so', async () => {
  const { informer, told, subscribe, logged } = setUp();
  const failing = (): never => {
    throw new Error('what?');
  };
  informer.subscribe({ onChange: () => undefined, onSynced: failing }, never);
  let isBroken = false;
  informer.subscribe({ onChange: () => (isBroken ? failing() : undefined), onSynced: failing }, never);
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
