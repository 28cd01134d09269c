import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import type { KubeClient } from '../kube/client.ts';
import { Informer } from './informer.ts';
import { Store } from './store.ts';

const object = (resourceVersion: string, generation: number, uid = 'u') => ({
  metadata: { name: 'a', namespace: 'n', uid, resourceVersion, generation },
});

const never = new AbortController().signal;

/** An informer that holds one object, and asks nobody. */
function setUp() {
  const store = new Store<ReturnType<typeof object>>();
  store.upsert(object('5', 1));
  const informer = new Informer({
    client: {} as KubeClient,
    collection: { path: '/things', objectPath: (key) => `/things/${key}` },
    mayForget: () => true,
    store,
    clock: new FakeClock(),
    log: silentLogger,
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
  return { informer, store, told, subscribe };
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
