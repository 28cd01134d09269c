import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import type { KubeClient, Query } from './client.ts';
import { ApiError, TransportError } from './errors.ts';
import { EventRecorder } from './event-recorder.ts';
import type { ObjectReference } from './event-recorder.ts';

interface Call {
  readonly method: 'create' | 'patch';
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly query: Query | undefined;
}

const object = (name = 'a'): ObjectReference => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  namespace: 'ns',
  name,
  uid: `uid-${name}`,
});

const START = Date.UTC(2026, 0, 1);
const refusal = (status: number, reason: string, retryAfterMs?: number): ApiError =>
  new ApiError(status, { code: status, reason, message: reason }, retryAfterMs);

class Bed {
  readonly clock = new FakeClock(START);
  readonly calls: Call[] = [];
  /** What the next calls come to; those that no script names go well. `hang` waits for `release`. */
  readonly script: (Error | 'hang')[] = [];
  readonly sent: string[] = [];
  dropped = 0;
  release: () => void = () => undefined;
  readonly recorder: EventRecorder;

  constructor(perSecond = 100) {
    this.recorder = new EventRecorder({
      client: this.#client(),
      clock: this.clock,
      log: silentLogger,
      component: 'mir-operator',
      instance: 'pod-1',
      perSecond,
      onSent: (reason) => void this.sent.push(reason),
      onDropped: () => void (this.dropped += 1),
    });
  }

  /** Events that were created of objects whose name begins so. */
  recorded(prefix: string): number {
    return this.calls.filter((call) => nameOf(call)?.startsWith(prefix) === true).length;
  }

  say(message: string, name = 'a'): void {
    this.recorder.record(object(name), 'Normal', 'Online', message);
  }

  #client(): KubeClient {
    const refuse = (): never => {
      throw new Error('the recorder only creates and patches');
    };
    const answer = async <T>(call: Call): Promise<T> => {
      this.calls.push(call);
      const result = this.script.shift();
      if (result === 'hang') await new Promise<void>((resolve) => (this.release = resolve));
      else if (result !== undefined) throw result;
      return {} as T;
    };
    return {
      create: (path, body, query) => answer({ method: 'create', path, body: body as Call['body'], query }),
      patch: (path, _type, body, query) => answer({ method: 'patch', path, body: body as Call['body'], query }),
      get: refuse,
      listMetadata: refuse,
      replace: refuse,
      delete: refuse,
      watch: refuse,
      fenced: refuse,
      close: refuse,
    };
  }
}

const nameOf = (call: Call | undefined): string | undefined =>
  (call?.body['metadata'] as { name: string } | undefined)?.name;

describe('an event', () => {
  it('has what kubectl describe shows', async () => {
    const bed = new Bed();
    bed.recorder.record(object('sensor'), 'Warning', 'Rejected', 'too hot');
    await turn();
    expect(bed.calls).toEqual([
      {
        method: 'create',
        path: '/api/v1/namespaces/ns/events',
        query: { fieldManager: 'mir-operator' },
        body: {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name: expect.stringMatching(/^sensor\.[0-9a-f]+$/), namespace: 'ns' },
          involvedObject: object('sensor'),
          type: 'Warning',
          reason: 'Rejected',
          message: 'too hot',
          count: 1,
          firstTimestamp: '2026-01-01T00:00:00Z',
          lastTimestamp: '2026-01-01T00:00:00Z',
          source: { component: 'mir-operator' },
          reportingComponent: 'mir-operator',
          reportingInstance: 'pod-1',
        },
      },
    ]);
    expect(bed.sent).toEqual(['Rejected']);
  });

  it('has a valid name whatever the name of its object, and a message of bounded length', async () => {
    const bed = new Bed();
    bed.say(`-${'😀'.repeat(2000)}`, `${'a'.repeat(219)}.${'b'.repeat(33)}`);
    await turn();
    const name = nameOf(bed.calls[0]);
    expect(name?.length).toBeLessThanOrEqual(253);
    expect(name).toMatch(/^a{219}\.[0-9a-f]+$/);
    const message = String(bed.calls[0]?.body['message']);
    expect([message.length, message.isWellFormed()]).toEqual([1024, true]);
  });

  it('that says the same again is counted on the first, for ten minutes', async () => {
    const bed = new Bed();
    bed.say('hello');
    await bed.clock.advance(5000);
    bed.say('hello');
    await bed.clock.advance(600_000);
    bed.say('hello');
    await bed.clock.advance(600_001);
    bed.say('hello');
    await turn();
    expect(bed.calls.map(({ method }) => method)).toEqual(['create', 'patch', 'patch', 'create']);
    const path = `/api/v1/namespaces/ns/events/${nameOf(bed.calls[0])}`;
    expect(bed.calls[1]).toMatchObject({ path, body: { count: 2, lastTimestamp: '2026-01-01T00:00:05Z' } });
    expect(bed.calls[2]).toMatchObject({ path, body: { count: 3, lastTimestamp: '2026-01-01T00:10:05Z' } });
  });

  it.each([
    ['another object', (bed: Bed) => bed.say('hello', 'b')],
    ['another message', (bed: Bed) => bed.say('bye')],
    ['another type', (bed: Bed) => bed.recorder.record(object(), 'Warning', 'Online', 'hello')],
    ['another reason', (bed: Bed) => bed.recorder.record(object(), 'Normal', 'Offline', 'hello')],
    [
      'a new object of that name',
      (bed: Bed) => bed.recorder.record({ ...object(), uid: 'new' }, 'Normal', 'Online', 'hello'),
    ],
  ])('of %s is one of its own', async (_what, say) => {
    const bed = new Bed();
    bed.say('hello');
    say(bed);
    await turn();
    expect(bed.calls.map(({ method }) => method)).toEqual(['create', 'create']);
  });

  it('whose first is gone begins anew', async () => {
    const bed = new Bed();
    bed.say('hello');
    await turn();
    bed.script.push(refusal(404, 'NotFound'));
    bed.say('hello');
    bed.say('hello');
    await turn();
    expect(bed.calls.map(({ method }) => method)).toEqual(['create', 'patch', 'create', 'patch']);
    expect(bed.calls[2]?.body).toMatchObject({ count: 1 });
    expect(bed.calls[3]?.body).toMatchObject({ count: 2 });
    expect(bed.sent).toHaveLength(3);
  });
});

describe('what the recorder remembers', () => {
  it('is bounded: the objects that have been silent for longest are forgotten first', async () => {
    const bed = new Bed(1000);
    bed.say('hello', 'first');
    bed.say('hello', 'second');
    for (let n = 0; n < 4095; n++) {
      bed.say('hello', `device-${n}`);
      if (n === 2000) bed.say('hello', 'second');
      if (n % 500 === 0) await turn();
    }
    await turn();
    bed.calls.splice(0);
    bed.say('hello', 'first');
    bed.say('hello', 'second');
    await turn();
    expect(bed.dropped).toBe(0);
    expect(bed.calls.map(({ method }) => method)).toEqual(['create', 'patch']);
  });
});

describe('what the recorder refuses', () => {
  it('is everything when no events are wanted, and that is no loss', async () => {
    const bed = new Bed(0);
    for (let n = 0; n < 10; n++) bed.say(`${n}`);
    await bed.clock.advance(100_000);
    bed.say('later');
    await turn();
    expect(bed.calls).toEqual([]);
    expect(bed.dropped).toBe(0);
  });

  it('is more than ten seconds of events at once', async () => {
    const bed = new Bed(2);
    for (let n = 0; n < 25; n++) bed.say('hello', `device-${n}`);
    await turn();
    expect([bed.sent.length, bed.dropped]).toEqual([20, 5]);
    await bed.clock.advance(500);
    bed.say('hello', 'later');
    bed.say('hello', 'too-soon');
    await turn();
    expect([bed.sent.length, bed.dropped]).toEqual([21, 6]);
  });

  it('is less than one a second too', async () => {
    const bed = new Bed(0.01);
    bed.say('1');
    bed.say('2');
    await bed.clock.advance(100_000);
    bed.say('3');
    await turn();
    expect([bed.sent.length, bed.dropped]).toEqual([2, 1]);
  });

  it('is what one object says beyond its own allowance', async () => {
    const bed = new Bed();
    for (let n = 0; n < 30; n++) bed.say(`${n}`);
    bed.say('hello', 'b');
    await turn();
    expect([bed.sent.length, bed.dropped]).toEqual([26, 5]);
    await bed.clock.advance(300_000);
    bed.say('five minutes later');
    bed.say('too soon');
    await turn();
    expect([bed.sent.length, bed.dropped]).toEqual([27, 6]);
  });

  it('costs an object nothing of its own allowance', async () => {
    const bed = new Bed(1);
    for (let n = 0; n < 10; n++) bed.say('hello', `other-${n}`);
    for (let n = 0; n < 100; n++) bed.say('refused');
    await bed.clock.advance(10_000);
    for (let n = 0; n < 10; n++) bed.say(`${n}`);
    await turn();
    expect(bed.sent).toHaveLength(20);
  });

  it('costs the others nothing when one object talks too much', async () => {
    const bed = new Bed(3);
    for (let n = 0; n < 1000; n++) bed.say(`${n}`);
    for (let n = 0; n < 5; n++) bed.say('hello', `other-${n}`);
    await turn();
    // One of the one's 25 is kept for others.
    expect([bed.sent.length, bed.recorded('other')]).toEqual([29, 5]);
  });

  it('leaves room for objects that were quiet, however many others talk without pause', async () => {
    const bed = new Bed(10);
    for (let second = 0; second < 60; second++) {
      for (let n = 0; n < 20; n++) bed.say(`${second}`, `talker-${n}`);
      bed.say('hello', `quiet-${second}`);
      await bed.clock.advance(1000);
    }
    expect(bed.recorded('quiet')).toBe(60);
  });

  it('is what a slow API server leaves waiting beyond a thousand', async () => {
    const bed = new Bed(1000);
    bed.script.push('hang');
    for (let n = 0; n < 1200; n++) bed.say('hello', `device-${n}`);
    expect([bed.calls.length, bed.dropped]).toEqual([1, 199]);
    bed.release();
    await turn();
    await turn();
    expect(bed.sent).toHaveLength(1001);
  });
});

describe('an answer of the API server', () => {
  it.each([
    ['a namespace that is being deleted', refusal(403, 'Forbidden')],
    ['a namespace that is gone', refusal(404, 'NotFound')],
    ['an invalid event', refusal(422, 'Invalid')],
    ['a missing right', refusal(403, 'Forbidden')],
  ])('to %s drops the event and disturbs no other', async (_what, error) => {
    const bed = new Bed();
    bed.script.push(error);
    bed.say('lost');
    bed.say('hello');
    await turn();
    expect([bed.calls.length, bed.dropped, bed.sent.length]).toEqual([2, 1, 1]);
  });

  it('that asks for patience gets it', async () => {
    const bed = new Bed();
    bed.script.push(refusal(429, 'TooManyRequests', 3000));
    bed.say('hello');
    await bed.clock.advance(2999);
    expect(bed.calls).toHaveLength(1);
    await bed.clock.advance(1);
    expect(nameOf(bed.calls[1])).toBe(nameOf(bed.calls[0]));
    expect([bed.dropped, bed.sent.length]).toEqual([0, 1]);
  });

  it('that does not come is asked for again, and an event that was there by then is told', async () => {
    const bed = new Bed();
    bed.script.push(new TransportError('reset'), refusal(409, 'AlreadyExists'));
    bed.say('hello');
    await bed.clock.advance(1000);
    bed.say('hello');
    await turn();
    expect(bed.calls.map(({ method }) => method)).toEqual(['create', 'create', 'patch']);
    expect(nameOf(bed.calls[1])).toBe(nameOf(bed.calls[0]));
    expect([bed.dropped, bed.sent.length]).toEqual([0, 2]);
  });

  it('that never comes is not waited for for ever', async () => {
    const bed = new Bed();
    bed.script.push(...Array.from({ length: 5 }, () => new TransportError('refused')));
    bed.say('lost');
    bed.say('hello');
    await bed.clock.advance(60_000);
    expect([bed.calls.length, bed.dropped, bed.sent.length]).toEqual([6, 1, 1]);
    expect(bed.clock.pendingTimers).toBe(0);
  });

  it('that does not come to a count is asked for with the same count', async () => {
    const bed = new Bed();
    bed.say('hello');
    bed.script.push(new TransportError('reset'));
    bed.say('hello');
    await turn();
    await bed.clock.advance(1000);
    expect(bed.calls.map(({ body }) => body['count'])).toEqual([1, 2, 2]);
    expect(bed.sent).toHaveLength(2);
  });
});

describe('the end of the recorder', () => {
  it('sends what waits, and takes nothing more', async () => {
    const bed = new Bed();
    bed.script.push('hang');
    bed.say('1');
    bed.say('2');
    const closed = bed.recorder.close();
    bed.say('too late');
    bed.release();
    await closed;
    expect([bed.sent.length, bed.dropped]).toEqual([2, 1]);
  });

  it('does not wait for an API server that is away', async () => {
    const bed = new Bed();
    bed.script.push(...Array.from({ length: 9 }, () => new TransportError('refused')));
    bed.say('1');
    bed.say('2');
    await turn();
    await bed.recorder.close();
    expect([bed.sent.length, bed.dropped, bed.clock.pendingTimers]).toEqual([0, 2, 0]);
  });

  it('gives up what it cannot send in two seconds', async () => {
    const bed = new Bed();
    bed.script.push('hang');
    for (let n = 0; n < 10; n++) bed.say(`${n}`);
    const closed = bed.recorder.close();
    await bed.clock.advance(2000);
    await closed;
    bed.release();
    await turn();
    expect(bed.calls).toHaveLength(1);
    expect(bed.dropped).toBe(9);
  });
});
