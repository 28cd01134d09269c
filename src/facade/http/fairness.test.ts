/** One user never harms another: each has his part of what the view can do. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { answerOf, begin, DEVICE, DEVICES, json, send, STORED, until, ViewBed } from '../../../test/fakes/view-bed.ts';
import type { Got } from '../../../test/fakes/view-bed.ts';

let bed: ViewBed;
beforeEach(async () => {
  bed = await ViewBed.open();
});
afterEach(() => bed.close());

const as = (user: string): Record<string, string> => ({ 'x-remote-user': user });
/** Holds all answers back; resolves each of them by hand. */
function holdAnswers(): ServerResponse[] {
  const held: ServerResponse[] = [];
  bed.play = (_request, _body, response) => void held.push(response);
  return held;
}

describe('requests', () => {
  it('wait, and beyond the share of their user are told to come again', async () => {
    const held = holdAnswers();
    const first = [send(bed, DEVICE), send(bed, DEVICE)];
    await until(() => held.length === 2);
    const [third, fourth] = [send(bed, DEVICE), send(bed, DEVICE)];
    // Whichever of them came last.
    expect(await Promise.race([third, fourth])).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
      body: { reason: 'TooManyRequests', message: expect.stringContaining('one user may have 3 requests') },
    });
    for (const response of held.splice(0)) json(response, 200, STORED);
    await until(() => held.length === 1);
    for (const response of held.splice(0)) json(response, 200, STORED);
    const statuses = await Promise.all([...first, third, fourth].map(async (answer) => (await answer).status));
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 429]);
  });

  it('that arrive slowly hold up nobody, not those of their user either', async () => {
    const slow = [1, 2].map(() => {
      const sent = begin(bed, DEVICES, { method: 'POST', headers: { ...as('mallory'), 'content-length': '100' } });
      sent.on('error', () => undefined).write('{');
      return sent;
    });
    expect((await send(bed, DEVICE, { headers: as('mallory') })).status).toBe(200);
    for (let times = 0; times < 5; times += 1) expect((await send(bed, DEVICE)).status).toBe(200);
    for (const sent of slow) sent.destroy();
  });

  it('of one user make room for those of another, who has fewer', async () => {
    const slow = ['mallory', 'mallory', 'mallory', 'eve'].map((user) => {
      const sent = begin(bed, DEVICES, { method: 'POST', headers: { ...as(user), 'content-length': '100' } });
      sent.write('{');
      return { user, answer: answerOf(sent).catch(() => undefined), sent };
    });
    await until(() => bed.open >= 4);
    expect((await send(bed, DEVICE)).status).toBe(200);
    const refused = await Promise.race(slow.map(async ({ user, answer }) => ({ user, got: await answer })));
    expect(refused).toMatchObject({ user: 'mallory', got: { status: 429 } });
    for (const { sent } of slow) sent.destroy();
  });

  it('with bodies beyond the share of their user are refused while they arrive', async () => {
    const bodies = [1, 2, 3].map(() => {
      const sent = begin(bed, DEVICES, { method: 'POST', headers: { 'content-length': String(2 << 20) } });
      sent.write('x'.repeat(3 << 19));
      return { sent, answer: answerOf(sent).catch(() => undefined) };
    });
    const refused = await Promise.race(bodies.map(({ answer }) => answer));
    expect(refused).toMatchObject({ status: 429, body: { message: expect.stringContaining('bytes of bodies') } });
    for (const { sent } of bodies) sent.destroy();
  });
});

describe('a list that its client does not read', () => {
  const LONG = { kind: 'deviceList', apiVersion: 'iot.mir/v1alpha', metadata: {}, items: [] };
  const long = (): string => {
    const item = JSON.stringify({ ...STORED, spec: { deviceId: 'd', note: 'x'.repeat(100_000) } });
    return JSON.stringify(LONG).replace('"items":[]', `"items":[${Array(200).fill(item).join(',')}]`);
  };

  it('holds up nobody, and is whole when it is read', async () => {
    bed.play = (request, _body, response) => {
      if (request.url?.endsWith('/devices') !== true) return json(response, 200, STORED);
      response.writeHead(200, { 'content-type': 'application/json' }).end(long());
    };
    const unread = ['mallory', 'eve'].map((user) => {
      const sent = begin(bed, DEVICES, { headers: as(user) });
      sent.once('response', (answer) => answer.pause());
      sent.on('error', () => undefined).end();
      return sent;
    });
    await until(() => bed.asked.length === 2);
    const other = send(bed, DEVICE);
    let isAnswered = false;
    void other.then(() => (isAnswered = true));
    await until(() => {
      void bed.clock.advance(10);
      return isAnswered;
    });
    expect((await other).status).toBe(200);
    for (const sent of unread) sent.destroy();
  });
});

describe('watches', () => {
  const watch = (user: string, query = ''): Promise<Got> =>
    send(bed, `${DEVICES}?watch=true${query}`, { headers: as(user) });
  let held: ServerResponse[];
  beforeEach(() => {
    held = [];
    bed.play = (_request, _body, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`${JSON.stringify({ type: 'ADDED', object: STORED })}\n`);
      held.push(response);
    };
  });

  it('of one user are so many, and those of another are his own', async () => {
    const watching = watch('alice');
    await until(() => held.length === 1);
    expect(await watch('alice')).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect((await send(bed, `${DEVICES}?watch=false`, { headers: as('alice'), method: 'HEAD' })).status).toBe(200);
    expect((await send(bed, `${DEVICES}?watch=true`, { headers: as('alice'), method: 'HEAD' })).status).toBe(429);
    const others = watch('bob');
    await until(() => held.length === 3);
    for (const response of held) response.end();
    expect((await watching).body).toMatchObject({
      type: 'ADDED',
      object: { apiVersion: 'mir/v1alpha', meta: { name: 'a' } },
    });
    expect((await others).status).toBe(200);
  });

  it.each([
    ['', 3630],
    ['&timeoutSeconds=60', 90],
    ['&timeoutSeconds=0', 3630],
    ['&timeoutSeconds=86400', 3630],
    ['&timeoutSeconds=soon', 3630],
  ])('that nobody ends (%s) are over after %i s', async (query, seconds) => {
    const watching = watch('alice', query);
    await until(() => held.length === 1);
    let isOver = false;
    void watching.then(() => (isOver = true));
    await bed.clock.advance((seconds - 1) * 1000);
    expect(isOver).toBe(false);
    await bed.clock.advance(1000);
    expect((await watching).status).toBe(200);
    await until(() => held[0]?.destroyed === true);
  });
});
