/** Who is said to have changed what, when others change the same object at the same time. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../../api/json-value.ts';
import { DEVICE, json, send, STORED, ViewBed } from '../../../test/fakes/view-bed.ts';

let bed: ViewBed;
/** What is stored. A patch of another resourceVersion is refused, as API servers do. */
let stored: JsonObject & { readonly metadata: JsonObject };
beforeEach(async () => {
  bed = await ViewBed.open();
  stored = STORED;
  bed.play = (request, body, response) => {
    if (request.method === 'GET') return json(response, 200, stored);
    const { metadata } = JSON.parse(body) as { metadata?: { resourceVersion?: string } };
    const wanted = metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== stored.metadata['resourceVersion']) return conflict(response);
    json(response, 200, stored);
  };
});
afterEach(() => bed.close());

const conflict = (response: ServerResponse): void =>
  json(response, 409, { kind: 'Status', reason: 'Conflict', message: 'the object has been modified', code: 409 });
const version = (resourceVersion: string, disabled: boolean, generation = 1): typeof stored => ({
  ...STORED,
  metadata: { ...STORED.metadata, resourceVersion, generation },
  spec: { deviceId: 'd', disabled },
});
const patches = (): JsonObject[] =>
  bed.asked.filter(({ method }) => method === 'PATCH').map(({ body }) => JSON.parse(body) as JsonObject);
const AUTHOR = { annotations: { 'iot.mir/author': 'alice' } };

describe('a merge patch', () => {
  const patch = (body: object = { spec: { disabled: false } }) =>
    send(bed, DEVICE, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(body),
    });

  it('that changes nothing has no author, and goes on top of what it changes nothing of', async () => {
    bed.held = stored = version('7', false);
    expect((await patch()).status).toBe(200);
    expect(patches()).toEqual([{ spec: { disabled: false }, metadata: { resourceVersion: '7' } }]);
  });

  it('that takes back a change which the operator has not seen has one', async () => {
    bed.held = version('7', false);
    stored = version('8', true, 2);
    expect((await patch()).status).toBe(200);
    expect(patches()).toHaveLength(2);
    expect(patches()[1]).toMatchObject({ metadata: AUTHOR });
    expect(patches()[1]).not.toHaveProperty('metadata.resourceVersion');
  });

  it('that changes nothing has none, though the status has changed meanwhile', async () => {
    bed.held = version('7', false);
    stored = version('8', false);
    expect((await patch()).status).toBe(200);
    expect(patches()[1]).toEqual({ spec: { disabled: false }, metadata: { resourceVersion: '8' } });
  });

  it('is written and has its author, however often others write meanwhile', async () => {
    bed.held = version('7', false);
    let writes = 7;
    const play = bed.play;
    bed.play = (request, body, response) => {
      stored = version(String((writes += 1)), false);
      play(request, body, response);
    };
    expect((await patch()).status).toBe(200);
    expect(patches().at(-1)).toMatchObject({ metadata: AUTHOR });
  });

  it('has another stamp when it is sent again after somebody has taken it back', async () => {
    for (const generation of [2, 4]) {
      bed.held = stored = version(String(generation), true, generation);
      await patch();
    }
    const [first, second] = patches().map(({ metadata }) => Object(metadata).annotations as JsonObject);
    expect(first).toMatchObject(AUTHOR.annotations);
    expect(second?.['iot.mir/author-of']).not.toBe(first?.['iot.mir/author-of']);
  });

  it('has the same stamp when it is sent twice before the operator has seen it', async () => {
    bed.held = stored = version('7', true);
    await patch();
    await patch();
    expect(patches()[1]).toEqual(patches()[0]);
  });

  it('that names a version itself is refused in its own right', async () => {
    bed.held = version('7', false);
    stored = version('8', true, 2);
    expect((await patch({ metadata: { resourceVersion: '7' }, spec: { disabled: false } })).status).toBe(409);
    expect(patches()).toHaveLength(1);
  });
});

describe('a JSON patch that changed nothing', () => {
  const operations = JSON.stringify([{ op: 'test', path: '/spec/deviceId', value: 'd' }]);
  const apply = () =>
    send(bed, DEVICE, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: operations,
    });

  it.each([
    ['by the view', 'view-1', 2],
    ['by the policy', '3', 3],
  ])('leaves the author whom another change got meanwhile %s', async (_, stamp, generation) => {
    bed.play = (request, _body, response) => {
      if (request.method === 'GET') return json(response, 200, version('7', false));
      const changed = version('8', true, generation);
      const annotations = { 'iot.mir/author': 'bob', 'iot.mir/author-of': stamp };
      json(response, 200, { ...changed, metadata: { ...changed.metadata, annotations } });
    };
    expect((await apply()).status).toBe(200);
    expect(bed.asked.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
  });

  it('is not told from a change that nobody stamped', async () => {
    bed.play = (request, _body, response) =>
      json(response, 200, request.method === 'GET' ? version('7', false) : version('8', true, 2));
    await apply();
    expect(patches().at(-1)).toMatchObject({ metadata: AUTHOR });
  });
});

describe('a change that nobody could be named for', () => {
  const MERGE = 'application/merge-patch+json';
  it.each([
    ['in CBOR', DEVICE, { 'content-type': 'application/apply-patch+cbor' }, 415],
    ['as a strategic patch', DEVICE, { 'content-type': 'application/strategic-merge-patch+json' }, 415],
    ['of the status', `${DEVICE}/status`, { 'content-type': MERGE }, 405],
    ['of the scale', `${DEVICE}/scale`, { 'content-type': MERGE }, 404],
    ['answered in protobuf', DEVICE, { 'content-type': MERGE, accept: 'application/vnd.kubernetes.protobuf' }, 406],
    ['answered in CBOR', DEVICE, { 'content-type': MERGE, accept: 'application/cbor' }, 406],
  ])('%s is not written', async (_, path, headers, status) => {
    const body = '{"spec":{"disabled":true}}';
    expect((await send(bed, path, { method: 'PATCH', headers, body })).status).toBe(status);
    expect(bed.asked).toEqual([]);
  });
});

describe('a change of an object that does not exist yet', () => {
  it('is told by its generation', async () => {
    const body = JSON.stringify({
      apiVersion: 'mir/v1alpha',
      kind: 'device',
      metadata: { name: 'a' },
      spec: { deviceId: 'd' },
    });
    const headers = { 'content-type': 'application/json' };
    await send(bed, DEVICE.replace(/\/a$/, ''), { method: 'POST', headers, body });
    expect(JSON.parse(bed.asked.at(-1)?.body ?? '')).toMatchObject({
      metadata: { annotations: { 'iot.mir/author': 'alice', 'iot.mir/author-of': '1' } },
    });
  });
});

describe('annotations that are no annotations', () => {
  it.each([
    ['text', 'x'],
    ['a list', []],
  ])('of %s are left to the API server to refuse', async (_, annotations) => {
    const body = JSON.stringify({ metadata: { annotations }, spec: { disabled: true } });
    await send(bed, DEVICE, { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' }, body });
    expect(patches()).toEqual([JSON.parse(body)]);
  });
});
