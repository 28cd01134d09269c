import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { StatusError } from '../../api/status-error.ts';
import { FairPool } from './fair-pool.ts';
import { Places } from './places.ts';
import { Share } from './share.ts';

const signal = new AbortController().signal;

describe('the places', () => {
  it('go round among the users who wait, in the order of each', async () => {
    const places = new Places({ total: 1, ofOne: 1 });
    const first = await places.enter('a', signal);
    const order: string[] = [];
    const enter = async (user: string, what: string): Promise<void> => {
      const place = await places.enter(user, signal);
      order.push(what);
      place.leave();
    };
    const all = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((what) => enter(what.charAt(0), what));
    first.leave();
    first.leave();
    await Promise.all(all);
    expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('are never all those of one user', async () => {
    const places = new Places({ total: 3, ofOne: 2 });
    await places.enter('a', signal);
    const second = await places.enter('a', signal);
    let isIn = false;
    const third = places.enter('a', signal).then(() => (isIn = true));
    await places.enter('b', signal);
    expect(isIn).toBe(false);
    second.leave();
    await third;
  });

  it('forget whoever leaves the line', async () => {
    const places = new Places({ total: 1, ofOne: 1 });
    const place = await places.enter('a', signal);
    const gone = new AbortController();
    const waiting = places.enter('a', gone.signal);
    gone.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    const next = places.enter('b', signal);
    place.leave();
    (await next).leave();
    await places.enter('a', signal);
  });

  it('are left by those who wait for their client, and taken again', async () => {
    const places = new Places({ total: 1, ofOne: 1 });
    const slow = await places.enter('a', signal);
    slow.leave();
    const other = await places.enter('b', signal);
    const again = slow.resume(signal);
    other.leave();
    await again;
    slow.leave();
    await places.enter('b', signal);
  });
});

describe('a pool', () => {
  const taken: string[] = [];
  const open = (pool: FairPool, user: string, units = 1) => pool.open(user, units, () => taken.push(user));
  beforeEach(() => void taken.splice(0));

  it('gives one user his share and no more', () => {
    const pool = new FairPool({ total: 4, ofOne: 2 }, 'things');
    const first = open(pool, 'a');
    const second = open(pool, 'a');
    expect(() => open(pool, 'a')).toThrow('one user may have 2 things');
    open(pool, 'b');
    first.close();
    first.close();
    expect(() => open(pool, 'a', 2)).toThrow(StatusError);
    second.grow(1);
    expect(() => second.grow(1)).toThrow(StatusError);
    second.close();
    open(pool, 'a', 2);
    expect(taken).toEqual([]);
  });

  it('takes from who has most for whoever has less, the newest first', () => {
    const pool = new FairPool({ total: 4, ofOne: 4 }, 'things');
    const [oldest] = [open(pool, 'a'), open(pool, 'a'), open(pool, 'a')];
    open(pool, 'b');
    open(pool, 'c');
    expect(taken).toEqual(['a']);
    // Nobody has more than he would have.
    expect(() => open(pool, 'b')).toThrow('all users together may have 4 things');
    expect(taken).toEqual(['a']);
    oldest?.close();
    open(pool, 'd');
  });

  it('takes nothing that is pinned', () => {
    const pool = new FairPool({ total: 3, ofOne: 3 }, 'things');
    for (const held of [open(pool, 'a'), open(pool, 'a'), open(pool, 'a')]) held.pin();
    expect(() => open(pool, 'b')).toThrow(StatusError);
    expect(taken).toEqual([]);
  });

  it('takes as much as is wanted, however small the parts', () => {
    const pool = new FairPool({ total: 10, ofOne: 10 }, 'bytes');
    for (let part = 0; part < 10; part += 1) open(pool, 'a');
    const held = open(pool, 'b', 0);
    held.grow(4);
    expect(taken).toHaveLength(4);
    expect(() => held.grow(4)).toThrow(StatusError);
  });
});

describe('the share of the thread', () => {
  it('is paid for with rest, half of the time', async () => {
    const clock = new FakeClock();
    const share = new Share(clock, 0.5);
    const stop = new AbortController();
    let doneMs = 0;
    const working = (async () => {
      while (!stop.signal.aborted) {
        await share.rest(stop.signal);
        share.work(() => clock.spend(1));
        doneMs += 1;
      }
    })();
    while (clock.monotonic() < 2000) await clock.advance(1);
    stop.abort();
    await working;
    expect(doneMs).toBeGreaterThan(900);
    expect(doneMs).toBeLessThan(1100);
  });

  it('is not waited for by those who ask seldom', () => {
    const clock = new FakeClock();
    const share = new Share(clock, 0.5);
    for (let times = 0; times < 100; times += 1) {
      share.charge(0.4);
      expect(share.rest(signal)).toBeUndefined();
      clock.spend(1);
    }
  });
});
