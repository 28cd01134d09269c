import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import type { KubeClient } from './client.ts';
import { ApiError, TransportError } from './errors.ts';
import { runElection } from './lease.ts';
import type { LeaseTerm } from './lease.ts';

interface Stored {
  metadata: { resourceVersion?: string };
  spec: { holderIdentity?: string };
}

/** One Lease with optimistic locking; `cut` holds those who cannot reach it. */
function leaseApi() {
  let stored: Stored | undefined;
  let version = 0;
  const cut = new Set<string>();
  /** The next request of each of these gets no answer. */
  const unanswered = new Set<string>();
  const writes: string[] = [];
  const clientOf = (who: string): KubeClient => {
    const reach = (): void => {
      if (cut.has(who)) throw new TransportError('unreachable', { isUnanswered: true });
    };
    const answer = (signal: AbortSignal | undefined): Promise<unknown> => {
      reach();
      if (!unanswered.delete(who)) return Promise.resolve();
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    };
    const store = (body: Stored): Stored => {
      version += 1;
      writes.push(who);
      stored = { ...body, metadata: { ...body.metadata, resourceVersion: String(version) } };
      return stored;
    };
    return {
      get: async (_path: string, _query: unknown, signal?: AbortSignal) => {
        await answer(signal);
        if (stored === undefined) throw new ApiError(404, {});
        return stored;
      },
      create: async (_path: string, body: Stored, _query: unknown, signal?: AbortSignal) => {
        await answer(signal);
        if (stored !== undefined) throw new ApiError(409, {});
        return store(body);
      },
      replace: async (_path: string, body: Stored, _query: unknown, signal?: AbortSignal) => {
        await answer(signal);
        if (stored === undefined) throw new ApiError(404, {});
        if (body.metadata.resourceVersion !== stored?.metadata.resourceVersion) throw new ApiError(409, {});
        return store(body);
      },
    } as unknown as KubeClient;
  };
  const remove = (): void => {
    stored = undefined;
  };
  return { clientOf, cut, unanswered, writes, remove, holder: () => stored?.spec.holderIdentity };
}

function contend() {
  const clock = new FakeClock();
  const api = leaseApi();
  const leading = new Set<string>();
  const held = new Map<string, LeaseTerm>();
  let most = 0;
  let terms = 0;
  const enter = (identity: string) => {
    const stop = new AbortController();
    const done = runElection(
      { client: api.clientOf(identity), lease: { namespace: 'n', name: 'l' }, identity, clock, log: silentLogger },
      async (term) => {
        const { signal } = term;
        held.set(identity, term);
        leading.add(identity);
        terms += 1;
        most = Math.max(most, leading.size);
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        leading.delete(identity);
      },
      stop.signal,
    );
    return { stop, done };
  };
  return { clock, api, leading, held, enter, most: () => most, terms: () => terms };
}

describe('runElection', () => {
  it('has one leader, and hands over at once on shutdown', async () => {
    const { clock, api, leading, enter } = contend();
    const a = enter('a');
    await clock.advance(1);
    const b = enter('b');
    await clock.advance(60_000);
    expect([...leading]).toEqual(['a']);
    a.stop.abort();
    await clock.advance(1);
    await a.done;
    expect(api.holder()).toBe('');
    await clock.advance(3_000);
    expect([...leading]).toEqual(['b']);
    b.stop.abort();
    await b.done;
  });

  it('leads on when its Lease is deleted, and creates it again', async () => {
    const { clock, api, leading, enter, terms } = contend();
    const a = enter('a');
    await clock.advance(1);
    api.remove();
    await clock.advance(30_000);
    expect([...leading]).toEqual(['a']);
    expect(terms()).toBe(1);
    expect(api.holder()).toBe('a');
    a.stop.abort();
    await clock.advance(1);
    await a.done;
  });

  it('has one leader again when a Lease is deleted and another creates it first', async () => {
    const { clock, api, leading, enter } = contend();
    const a = enter('a');
    await clock.advance(1);
    const b = enter('b');
    await clock.advance(5_000);
    api.cut.add('a');
    api.remove();
    await clock.advance(3_000);
    api.cut.delete('a');
    await clock.advance(5_000);
    expect([...leading]).toEqual(['b']);
    for (const one of [a, b]) one.stop.abort();
    await clock.advance(1);
    await Promise.all([a.done, b.done]);
  });

  it('never has two: a leader cut off stops before another begins, and writes no more', async () => {
    const { clock, api, leading, enter, most } = contend();
    const a = enter('a');
    await clock.advance(1);
    const b = enter('b');
    await clock.advance(5_000);
    api.cut.add('a');
    api.writes.length = 0;
    await clock.advance(12_500);
    expect([...leading]).toEqual([]);
    await clock.advance(10_000);
    expect([...leading]).toEqual(['b']);
    expect(most()).toBe(1);
    expect(api.writes).not.toContain('a');
    for (const one of [a, b]) one.stop.abort();
    await clock.advance(1);
    await Promise.all([a.done, b.done]);
  });

  it('takes over from a killed leader within the lease time and a second', async () => {
    // The spread of the looks is random, so the leader is killed at many moments between two renewals.
    for (let afterMs = 0; afterMs < 2000; afterMs += 50) {
      const { clock, api, leading, enter } = contend();
      const a = enter('a');
      await clock.advance(1);
      const b = enter('b');
      await clock.advance(10_000 + afterMs);
      api.cut.add('a');
      a.stop.abort();
      await clock.advance(16_000);
      expect({ afterMs, leading: [...leading] }).toEqual({ afterMs, leading: ['b'] });
      b.stop.abort();
      await clock.advance(1);
      await Promise.all([a.done, b.done]);
    }
  });

  it('leads on when one renewal gets no answer', async () => {
    const { clock, api, leading, enter, terms } = contend();
    const a = enter('a');
    await clock.advance(1);
    const b = enter('b');
    api.unanswered.add('a');
    await clock.advance(30_000);
    expect([...leading]).toEqual(['a']);
    expect(terms()).toBe(1);
    for (const one of [a, b]) one.stop.abort();
    await clock.advance(1);
    await Promise.all([a.done, b.done]);
  });

  it('takes over in time although a look got no answer just before', async () => {
    const { clock, api, leading, enter } = contend();
    const a = enter('a');
    await clock.advance(1);
    const b = enter('b');
    await clock.advance(10_000);
    api.cut.add('a');
    a.stop.abort();
    await clock.advance(10_000);
    api.unanswered.add('b');
    // The last renewal was 10 s ago: the look that hangs is given up before the Lease expires.
    await clock.advance(6_000);
    expect([...leading]).toEqual(['b']);
    b.stop.abort();
    await clock.advance(1);
    await Promise.all([a.done, b.done]);
  });

  it('is known not to be held as soon as a frozen process goes on, before any timer has fired', async () => {
    const { clock, held, enter } = contend();
    const a = enter('a');
    await clock.advance(5_000);
    expect(held.get('a')?.isHeld()).toBe(true);
    clock.spend(20_000);
    expect(held.get('a')?.isHeld()).toBe(false);
    a.stop.abort();
    await clock.advance(1);
    await a.done;
  });
});
