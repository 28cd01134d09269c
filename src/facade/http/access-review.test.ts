import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DEVICE, json, send, STORED, ViewBed } from '../../../test/fakes/view-bed.ts';
import type { Got } from '../../../test/fakes/view-bed.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const BODY = JSON.stringify({
  apiVersion: 'mir/v1alpha',
  kind: 'device',
  metadata: { name: 'a' },
  spec: { deviceId: 'd' },
});
const MISSING = { kind: 'Status', status: 'Failure', reason: 'NotFound', message: 'none', code: 404 };

let bed: ViewBed;
/** What the API server says of the question whether the caller may create. */
let review: (response: ServerResponse) => void;
/** What is stored, as one request after the other finds it; the last for all that follow. */
let stored: (object | undefined)[];
beforeEach(async () => {
  bed = await ViewBed.open();
  review = (response) => json(response, 201, { status: { allowed: true } });
  stored = [undefined];
  bed.play = (request, _body, response) => {
    if (request.url === REVIEWS) return review(response);
    if (request.method !== 'GET') return json(response, 201, STORED);
    const found = stored.length > 1 ? stored.shift() : stored[0];
    return found === undefined ? json(response, 404, MISSING) : json(response, 200, found);
  };
});
afterEach(() => bed.close());

const apply = (headers: Record<string, string | string[]> = {}, query = ''): Promise<Got> =>
  send(bed, `${DEVICE}${query}`, { method: 'PATCH', headers: { ...APPLY, ...headers }, body: BODY });
const asked = (method: string, url?: string) =>
  bed.asked.filter((one) => one.method === method && (url === undefined || one.url === url));

describe('an apply of what is not there', () => {
  it('asks whether the caller may create, with all that is known of him', async () => {
    const headers = {
      'x-remote-uid': '7',
      'x-remote-group': ['a, b', 'system:authenticated'],
      'x-remote-extra-example.org%2fscopes': ['one', 'two'],
    };
    expect((await apply(headers)).status).toBe(201);
    expect(JSON.parse(asked('POST', REVIEWS)[0]?.body ?? '')).toMatchObject({
      spec: {
        user: 'alice',
        uid: '7',
        groups: ['a, b', 'system:authenticated'],
        extra: { 'example.org/scopes': ['one', 'two'] },
        resourceAttributes: { verb: 'create', group: 'mir', resource: 'devices', namespace: 'ns', name: 'a' },
      },
    });
  });

  it.each<[how: string, query: string]>([
    ['', ''],
    ['as a dry run', '?dryRun=All'],
    ['by force', '?force=true'],
  ])('is refused %s to whoever may not create', async (_, query) => {
    review = (response) => json(response, 201, { status: { allowed: false, reason: 'no rule' } });
    expect(await apply({}, query)).toMatchObject({
      status: 403,
      body: {
        reason: 'Forbidden',
        message:
          'devices.mir "a" is forbidden: User "alice" cannot create resource "devices" in API group "mir" in the namespace "ns": no rule',
        details: { name: 'a', group: 'mir', kind: 'devices' },
      },
    });
    expect(asked('PATCH')).toEqual([]);
  });

  it.each<[what: string, answer: (response: ServerResponse) => void, status: number]>([
    ['a server that is gone', (response) => response.destroy(), 503],
    ['an error', (response) => json(response, 500, { kind: 'Status', message: 'broken', code: 500 }), 500],
    [
      'no right to ask',
      (response) =>
        json(response, 403, {
          kind: 'Status',
          message: 'x is forbidden: User "v" cannot create resource "s"',
          code: 403,
        }),
      500,
    ],
    ['an answer without an answer', (response) => json(response, 201, { status: {} }), 403],
    ['both at once', (response) => json(response, 201, { status: { allowed: true, denied: true } }), 403],
    ['a text', (response) => json(response, 201, { status: { allowed: 'true' } }), 403],
  ])('creates nothing where the question gets %s', async (_, answer, status) => {
    review = answer;
    expect((await apply()).status).toBe(status);
    expect(asked('PATCH')).toEqual([]);
  });
});

describe('an apply of what is there', () => {
  it('asks nobody, and creates nothing should it be deleted meanwhile', async () => {
    stored = [STORED];
    await apply();
    expect(asked('POST')).toEqual([]);
    expect(JSON.parse(asked('PATCH')[0]?.body ?? '')).toMatchObject({ metadata: { name: 'a', uid: 'u1' } });
  });

  it('asks when it was deleted meanwhile', async () => {
    stored = [STORED, undefined];
    const play = bed.play;
    bed.play = (request, body, response) => {
      const isFirst = asked('PATCH').length === 1 && request.method === 'PATCH';
      if (!isFirst) return play(request, body, response);
      return json(response, 409, { kind: 'Status', reason: 'Conflict', message: 'uid mismatch', code: 409 });
    };
    review = (response) => json(response, 201, { status: { allowed: false } });
    expect((await apply()).status).toBe(403);
    expect(asked('PATCH')).toHaveLength(1);
  });
});
