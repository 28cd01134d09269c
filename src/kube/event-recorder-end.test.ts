import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { TransportError } from './errors.ts';
import { refusal, Bed, nameOf } from './testing/event-recorder-bed.ts';

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
