/** The author of a change that cannot carry him. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../../api/json-value.ts';
import { begin, DEVICE, json, send, STORED, until, ViewBed } from '../../../test/fakes/view-bed.ts';

type Stored = JsonObject & { readonly metadata: JsonObject };

let bed: ViewBed;
let stored: Stored;
beforeEach(async () => {
  bed = await ViewBed.open();
  stored = STORED;
});
afterEach(() => bed.close());

const isStamp = (body: string): boolean => body.includes('author');
const CHANGED: Stored = {
  ...STORED,
  metadata: { ...STORED.metadata, resourceVersion: '8', generation: 2 },
  spec: { deviceId: 'd', disabled: true },
};
/** What the API server does with a change, which it then has made. */
const playChange = (answerChange: (response: ServerResponse) => void, changed = CHANGED): void => {
  bed.play = ({ method }, body, response) => {
    if (method !== 'PATCH' || isStamp(body)) return json(response, 200, stored);
    stored = changed;
    answerChange(response);
  };
};
/** What it does with an author. */
const playRefusing = (answerStamp: (response: ServerResponse) => void): void => {
  bed.play = ({ method }, body, response) => {
    if (isStamp(body)) return answerStamp(response);
    if (method === 'PATCH') stored = CHANGED;
    json(response, 200, stored);
  };
};

describe.each([
  ['an apply', 'application/apply-patch+yaml', { apiVersion: 'mir/v1alpha', kind: 'device', spec: { deviceId: 'd' } }],
  ['a JSON patch', 'application/json-patch+json', [{ op: 'add', path: '/spec/disabled', value: true }]],
])('%s', (_, contentType, change) => {
  const sent = (headers: Record<string, string> = {}) => ({
    method: 'PATCH',
    headers: { 'content-type': contentType, ...headers },
    body: JSON.stringify(change),
  });
  const STAMP = { annotations: { 'iot.mir/author': 'alice', 'iot.mir/author-of': '2' } };
  const stamps = (): object[] =>
    bed.asked.filter(({ body }) => isStamp(body)).map(({ body }) => JSON.parse(body) as JsonObject);
  const isDry = (url = ''): boolean => url.includes('dryRun=All');

  it.each([
    ['a table', 'Table', ''],
    ['a table without objects', 'Table', '?includeObject=None'],
    ['metadata', 'PartialObjectMetadata', ''],
  ])('has its author, though the client wants %s', async (_form, kind, search) => {
    const form = `application/json;as=${kind};v=v1;g=meta.k8s.io`;
    bed.play = ({ method, url, headers }, _body, response) => {
      if (method === 'PATCH' && !isDry(url)) stored = CHANGED;
      json(response, 200, headers.accept === form ? { kind, apiVersion: 'meta.k8s.io/v1' } : stored);
    };
    const answer = await send(bed, `${DEVICE}${search}`, sent({ accept: form }));
    expect(answer).toMatchObject({ status: 200, body: { kind } });
    expect(stamps()).toMatchObject([{ metadata: STAMP }]);
    expect(bed.asked.at(-1)).toMatchObject({
      method: 'GET',
      url: expect.stringMatching(/\/a(\?includeObject=None)?$/),
    });
  });

  it('changes nothing where its answer cannot be given in the form that the client wants', async () => {
    bed.play = ({ headers }, _body, response) => {
      if (headers.accept === 'application/json') return json(response, 200, stored);
      json(response, 406, { kind: 'Status', reason: 'NotAcceptable', message: 'not a list', code: 406 });
    };
    const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
    expect((await send(bed, DEVICE, sent({ accept }))).status).toBe(406);
    expect(bed.asked.filter(({ method, url }) => method === 'PATCH' && !isDry(url))).toEqual([]);
  });

  it('has its author, though the client has hung up before the answer', async () => {
    let answerNow: (() => void) | undefined;
    bed.play = ({ method }, body, response) => {
      const isChange = method === 'PATCH' && !body.includes('author');
      if (!isChange) return json(response, 200, stored);
      stored = CHANGED;
      answerNow = () => json(response, 200, stored);
    };
    const { body, ...rest } = sent();
    const client = begin(bed, DEVICE, rest);
    client.on('error', () => undefined).end(body);
    await until(() => answerNow !== undefined);
    client.destroy();
    await until(() => bed.open === 0);
    answerNow?.();
    await until(() => stamps().length > 0);
    expect(stamps()).toMatchObject([{ metadata: STAMP }]);
  });

  it.each(['?dryRun=', '?dryrun=All', '?fieldManager=mir-operator'])('has its author with %s', async (search) => {
    bed.play = ({ method }, _body, response) => {
      if (method === 'PATCH') stored = CHANGED;
      json(response, 200, stored);
    };
    await send(bed, `${DEVICE}${search}`, sent());
    expect(stamps()).toMatchObject([{ metadata: STAMP }]);
  });

  it.each([429, 500, 503])('has its author, though the API server answers %i to that for a while', async (code) => {
    let refusals = 2;
    playRefusing((response) => {
      if ((refusals -= 1) < 0) json(response, 200, stored);
      else response.writeHead(code, { 'retry-after': '2' }).end('Too many requests');
    });
    const answered = send(bed, DEVICE, sent());
    for (const tries of [1, 2]) {
      await until(() => stamps().length === tries && bed.clock.pendingTimers === 2);
      await bed.clock.advance(2000);
    }
    expect(await answered).toMatchObject({ status: 200 });
    expect(stamps()).toHaveLength(3);
  });

  it('stands though its author cannot be written, and is answered', async () => {
    playRefusing((response) => response.writeHead(503, { 'retry-after': '3600' }).end());
    let isAnswered = false;
    const answered = send(bed, DEVICE, sent()).finally(() => (isAnswered = true));
    for (let tries = 1; tries < 5; tries += 1) {
      await until(() => stamps().length === tries && bed.clock.pendingTimers === 2);
      expect(isAnswered).toBe(false);
      await bed.clock.advance(5000);
    }
    expect(await answered).toMatchObject({ status: 200, body: { spec: { disabled: true } } });
    expect(stamps()).toHaveLength(5);
  });

  it('is not asked to have an author again where a policy forbids it', async () => {
    playRefusing((response) => json(response, 422, { kind: 'Status', message: 'forbidden', code: 422 }));
    expect(await send(bed, DEVICE, sent())).toMatchObject({ status: 200 });
    expect(stamps()).toHaveLength(1);
  });

  it('has its author, however long the API server takes for it', async () => {
    await bed.close();
    bed = await ViewBed.open({ timeoutMs: 2000 });
    let change: ServerResponse | undefined;
    playChange((response) => {
      change = response;
    });
    const answered = send(bed, DEVICE, sent());
    await until(() => change !== undefined);
    // A read that begins later has waited too long.
    const { play } = bed;
    bed.play = () => undefined;
    expect((await send(bed, DEVICE)).status).toBe(504);
    bed.play = play;
    if (change !== undefined) json(change, 200, stored);
    expect(await answered).toMatchObject({ status: 200 });
    expect(stamps()).toMatchObject([{ metadata: STAMP }]);
  });

  describe('whose answer is lost', () => {
    const operation = contentType.includes('apply') ? 'Apply' : 'Update';
    const managed = (manager: string, changed: object = {}): Stored => {
      const managedFields = [{ manager, operation, time: '2026-01-01T00:00:01Z', ...changed }];
      return { ...CHANGED, metadata: { ...CHANGED.metadata, managedFields } };
    };
    const cutOff = (response: ServerResponse): unknown => response.destroy();
    const AS_FLUX = `${DEVICE}?fieldManager=flux`;

    it.each([
      ['as field manager', AS_FLUX, {}],
      ['as user agent', DEVICE, { 'user-agent': 'flux/1.2 (linux)' }],
    ])('has its author where it was made %s', async (_how, path, headers) => {
      playChange(cutOff, managed('flux'));
      expect((await send(bed, path, sent(headers))).status).toBe(503);
      expect(stamps()).toMatchObject([{ metadata: STAMP }]);
    });

    it('has its author where half of the answer came', async () => {
      playChange((response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).write('{"kind":', () => response.destroy());
      }, managed('flux'));
      expect((await send(bed, AS_FLUX, sent())).status).toBe(503);
      expect(stamps()).toMatchObject([{ metadata: STAMP }]);
    });

    it('has its author where the API server itself does not know', async () => {
      playChange((response) => json(response, 504, { kind: 'Status', message: 'Timeout', code: 504 }), managed('flux'));
      expect((await send(bed, AS_FLUX, sent())).status).toBe(504);
      expect(stamps()).toMatchObject([{ metadata: STAMP }]);
    });

    it('has none where the view may not change devices', async () => {
      const message = 'User "operator" cannot patch resource "devices" in API group "iot.mir"';
      playChange((response) => json(response, 403, { kind: 'Status', message, code: 403 }), managed('flux'));
      expect((await send(bed, AS_FLUX, sent())).status).toBe(500);
      expect(stamps()).toEqual([]);
    });

    it('has none where the API server does not know the view', async () => {
      playChange((response) => json(response, 401, { kind: 'Status', code: 401 }), managed('flux'));
      expect((await send(bed, AS_FLUX, sent())).status).toBe(500);
      expect(stamps()).toEqual([]);
    });

    it('has none where it was not sent, because nobody listened', async () => {
      bed.play = (_request, _body, response) => {
        bed.refuse();
        json(response, 200, stored, { connection: 'close' });
      };
      let isAnswered = false;
      const answered = send(bed, AS_FLUX, sent()).finally(() => (isAnswered = true));
      await until(() => isAnswered || bed.clock.pendingTimers > 1);
      expect(isAnswered).toBe(true);
      expect((await answered).status).toBe(503);
    });

    it.each([
      ['it was not made', () => stored],
      ['another manager made one', () => managed('kubectl')],
      ['the status was written', () => managed('flux', { subresource: 'status' })],
      [
        'more than one was made',
        () => ({ ...managed('flux'), metadata: { ...managed('flux').metadata, generation: 3 } }),
      ],
      [
        'the object is another one',
        () => ({ ...managed('flux'), metadata: { ...managed('flux').metadata, uid: 'u2' } }),
      ],
    ])('has none where %s', async (_why, changed) => {
      playChange(cutOff, changed());
      expect((await send(bed, AS_FLUX, sent())).status).toBe(503);
      expect(bed.asked.at(-1)?.method).toBe('GET');
      expect(stamps()).toEqual([]);
    });
  });

  it.each([
    ['keeps the one that another user wrote meanwhile', [], 1],
    ['has its own where another user has written since, and changed nothing', ['kubectl'], 2],
    ['keeps the one that another user wrote meanwhile, whatever the operator wrote', ['mir-operator'], 1],
  ])('%s', async (_how, managers, count) => {
    const byBob = { ...STAMP.annotations, 'iot.mir/author': 'bob' };
    const managedFields = managers.map((manager) => ({ manager, operation: 'Update', time: '2026-01-01T00:00:01Z' }));
    playRefusing((response) => {
      if (stamps().length > 1) return json(response, 200, stored);
      stored = { ...CHANGED, metadata: { ...CHANGED.metadata, annotations: byBob, managedFields } };
      json(response, 409, { kind: 'Status', reason: 'Conflict', message: 'modified', code: 409 });
    });
    expect(await send(bed, DEVICE, sent())).toMatchObject({ status: 200, body: { metadata: { generation: 2 } } });
    expect(stamps()).toHaveLength(count);
  });

  it('has none on an object that was made anew meanwhile', async () => {
    const another = { ...CHANGED, metadata: { ...CHANGED.metadata, uid: 'u2', resourceVersion: '9' } };
    playRefusing((response) => {
      stored = another;
      json(response, 409, { kind: 'Status', reason: 'Conflict', message: 'modified', code: 409 });
    });
    expect(await send(bed, DEVICE, sent())).toMatchObject({ status: 200, body: { metadata: { uid: 'u1' } } });
    expect(stamps()).toHaveLength(1);
  });

  it('has none in a dry run', async () => {
    bed.play = ({ method }, _body, response) => json(response, 200, method === 'PATCH' ? CHANGED : stored);
    await send(bed, `${DEVICE}?dryRun=All`, sent());
    expect(bed.asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  });
});

describe('a JSON patch of an object that was made anew since it was read', () => {
  const patch = () =>
    send(bed, DEVICE, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'add', path: '/spec/disabled', value: true }]),
    });
  const playAnew = (generation: number): void => {
    stored = { ...STORED, metadata: { ...STORED.metadata, generation: 5 } };
    playChange((response) => json(response, 200, stored), {
      ...CHANGED,
      metadata: { ...CHANGED.metadata, uid: 'u2', generation },
    });
  };
  const generationsStamped = (): unknown[] =>
    bed.asked
      .filter(({ body }) => isStamp(body))
      .map(({ body }) => (JSON.parse(body) as Stored).metadata['annotations']);

  it.each([2, 6])('has its author at generation %i', async (generation) => {
    playAnew(generation);
    expect((await patch()).status).toBe(200);
    expect(generationsStamped()).toEqual([{ 'iot.mir/author': 'alice', 'iot.mir/author-of': String(generation) }]);
  });

  it('is not taken for its creation', async () => {
    playAnew(1);
    expect((await patch()).status).toBe(200);
    expect(generationsStamped()).toEqual([]);
  });
});
