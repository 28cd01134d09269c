import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import type { DesiredDocument } from '../protocol/envelopes.ts';
import type { DeviceEvent } from './events.ts';
import { Rejected } from './handlers.ts';
import { LocalTwin } from './local-twin.ts';
import { memoryStore } from './store.ts';
import type { DeviceStore, StoreChange } from './store.ts';
import { entry } from './testing/cloud.ts';

const A = 'a.A';

let clock: FakeClock;
let disk: DeviceStore;
let failure: Error | undefined;
let writes: StoreChange[];
let reported: string[];
let forgotten: number;
let events: DeviceEvent[];

beforeEach(() => {
  clock = new FakeClock();
  disk = memoryStore();
  failure = undefined;
  [writes, reported, events, forgotten] = [[], [], [], 0];
});

function twinOf(): LocalTwin {
  return new LocalTwin({
    clock,
    reports: [],
    checkReport: (_, value) => ({ ok: true, value }),
    store: {
      ...disk,
      write(change) {
        if (failure !== undefined) throw failure;
        writes.push(change);
        disk.write(change);
      },
    },
    onReport: (message) => reported.push(message),
    onForgotten: () => (forgotten += 1),
    onWelcomed() {},
    onEvent: (event) => events.push(event),
  });
}

function document(messages: DesiredDocument['messages']): DesiredDocument {
  return { version: 1, owner: { cluster: 'c', namespace: 'n', name: 'd', uid: 'u1' }, disabled: false, messages };
}

const failures = (): readonly string[] => events.flatMap((event) => (event.kind === 'failed' ? event.reason : []));

describe('a local twin', () => {
  it('has stored what it acknowledges', () => {
    const twin = twinOf();
    twin.onDesired(A, () => new Promise(() => {}));
    twin.load();
    twin.take(document({ [A]: entry(1, { x: 1 }) }));
    expect(reported).toEqual([A]);
    expect(disk.load().entries.get(A)).toEqual({ uid: 'u1', revision: 1, value: { x: 1 }, decision: 'accepted' });
  });

  describe('whose entry was rejected and that is started again', () => {
    const rejected = { uid: 'u1', revision: 6, value: { x: 0 }, inEffect: { x: 60 }, decision: 'rejected' } as const;
    const ran: unknown[] = [];
    let broken: number;
    beforeEach(() => {
      ran.length = 0;
      broken = 0;
      disk.write({ entries: new Map([[A, rejected]]) });
    });

    /** Takes no 0, and fails for the values in `failing` while `broken` says so. */
    function start(...failing: readonly number[]): LocalTwin {
      const twin = twinOf();
      twin.onDesired(A, ({ x }) => {
        ran.push(x);
        if (x === 0) throw new Rejected('0 is no rate');
        if (failing.includes(Number(x)) && broken-- > 0) throw new Error('bus busy');
      });
      twin.load();
      return twin;
    }

    it('goes on with the value in effect, and says no again', async () => {
      start();
      await clock.advance(0);
      expect(ran).toEqual([60, 0]);
      expect(disk.load().entries.get(A)).toEqual({ ...rejected, reason: '0 is no rate' });
    });

    it('tries the value in effect until its handler can', async () => {
      broken = 3;
      start(60);
      await clock.advance(60_000);
      expect(ran).toEqual([60, 0, 60, 60, 60]);
      expect(failures()).toContain('the value in effect could not be applied: bus busy');
      await clock.advance(600_000);
      expect(ran).toHaveLength(5);
    });

    it('lets a newer value overtake one in effect that cannot be applied any more', async () => {
      broken = 1000;
      const twin = start(60);
      await clock.advance(5000);
      twin.take(document({ [A]: entry(7, { x: 30 }) }));
      await clock.advance(0);
      expect(disk.load().entries.get(A)).toEqual({ uid: 'u1', revision: 7, value: { x: 30 }, decision: 'applied' });
      const tries = ran.length;
      await clock.advance(600_000);
      expect(ran).toHaveLength(tries);
    });

    it('takes back with the message what was in effect', async () => {
      const twin = start();
      await clock.advance(0);
      twin.take(document({}));
      await clock.advance(0);
      expect(disk.load().entries).toEqual(new Map());
    });
  });

  it('makes good with its next write what it could not store', async () => {
    const twin = twinOf();
    twin.onDesired(A, () => ({ value: { x: 3 } }));
    twin.load();
    failure = new Error('disk full');
    twin.report('b.B', { y: 1 });
    twin.take(document({ [A]: entry(1, { x: 1 }) }));
    expect(failures()).toEqual(['disk full', 'disk full']);
    expect(twin.desired(A)).toBeUndefined();
    failure = undefined;
    await clock.advance(5000);
    expect(disk.load().entries.get(A)).toMatchObject({ revision: 1, decision: 'applied' });
    expect(Object.fromEntries(disk.load().reports)).toEqual({ 'b.B': { y: 1 }, [A]: { x: 3 } });
    expect(writes.map(({ isWhole }) => isWhole === true)).toEqual([true, false]);
  });

  it('takes a newer document instead of the one it could not store', async () => {
    const runs: unknown[] = [];
    const twin = twinOf();
    twin.onDesired(A, ({ x }) => void runs.push(x));
    twin.load();
    failure = new Error('disk full');
    twin.take(document({ [A]: entry(1, { x: 1 }) }));
    failure = undefined;
    twin.take(document({ [A]: entry(2, { x: 2 }) }));
    await clock.advance(60_000);
    expect(runs).toEqual([2]);
  });

  it('tries to take a message back until it has, also after a restart', async () => {
    let attempts = 0;
    const start = (): LocalTwin => {
      const twin = twinOf();
      twin.onDesired(
        A,
        () => {},
        () => {
          attempts += 1;
          if (attempts < 3) throw new Error('relay stuck');
        },
      );
      twin.load();
      return twin;
    };
    disk.write({ entries: new Map([[A, { uid: 'u1', revision: 1, value: {}, decision: 'applied' }]]) });
    const before = start();
    await clock.advance(0);
    before.take(document({}));
    await clock.advance(0);
    expect(failures()).toEqual([expect.stringMatching(/^relay stuck; tried again in \d+ ms$/)]);
    before.end();
    const after = start();
    expect(after.desired(A)).toBeUndefined();
    await clock.advance(1000);
    expect(attempts).toBe(3);
    expect(disk.load().entries.size).toBe(0);
    expect([...after.names]).toEqual([A]);
  });

  it('applies a value that comes back while it is taken back', async () => {
    const calls: string[] = [];
    const twin = twinOf();
    twin.onDesired(
      A,
      () => void calls.push('apply'),
      ({ signal }) => {
        calls.push('withdraw');
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    );
    twin.load();
    twin.take(document({ [A]: entry(1, { x: 1 }) }));
    await clock.advance(0);
    twin.take(document({}));
    await clock.advance(0);
    twin.take(document({ [A]: entry(2, { x: 1 }) }));
    await clock.advance(0);
    expect(calls).toEqual(['apply', 'withdraw', 'apply']);
    expect(disk.load().entries.get(A)).toMatchObject({ revision: 2, decision: 'applied' });
  });

  it('writes nothing at a start that changes nothing', async () => {
    disk.write({
      entries: new Map([[A, { uid: 'u1', revision: 1, value: { x: 1 }, decision: 'applied' }]]),
      reports: new Map([[A, { x: 1 }]]),
    });
    let runs = 0;
    const twin = twinOf();
    twin.onDesired(A, () => void (runs += 1));
    twin.load();
    await clock.advance(0);
    expect([runs, writes, reported]).toEqual([1, [], []]);
  });

  it('leaves a document with more messages than it keeps', () => {
    const twin = twinOf();
    twin.load();
    twin.take(document(Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`a.A${n}`, entry(1, {})]))));
    expect(failures()).toEqual(['it has 101 messages, this device keeps at most 100']);
    expect(disk.load().entries.size).toBe(0);
  });
});
