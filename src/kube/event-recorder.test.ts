import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { object, refusal, Bed, nameOf } from './testing/event-recorder-bed.ts';

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
