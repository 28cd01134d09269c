/** List and watch as the operator uses them, over the wire. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { load } from 'js-yaml';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readJson } from '../../api/exact-json.ts';
import { startKubeApi } from './kube-api.ts';
import type { KubeApi } from './kube-api.ts';

const CRD: unknown = load(readFileSync(join(import.meta.dirname, '../../../crds/devices.iot.mir.yaml'), 'utf8'));
const DEVICES = '/apis/iot.mir/v1alpha/namespaces/default/devices';

interface Body {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
    readonly generation?: number;
    readonly annotations?: Record<string, string>;
    readonly name?: string;
  };
  readonly items: readonly Body[];
  readonly reason?: string;
  readonly message?: string;
  readonly status?: unknown;
  readonly spec?: unknown;
}
interface Event {
  readonly type: string;
  readonly object: Body & { readonly code?: number };
}

let api: KubeApi;

beforeEach(async () => {
  api = await startKubeApi({ historySize: 100, bookmarkIntervalMs: 20 });
  await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', CRD);
});

afterEach(() => api.close());

describe('whole numbers of 64 bits', () => {
  const device = (text: string): object => ({
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name: 'big' },
    spec: { deviceId: 'big' },
    properties: { desired: { 'a.v1.M': readJson(text) } },
  });

  it('keep their digits on every way in and out', async () => {
    const text = '{"max":9223372036854775807,"n":9007199254740993}';
    await call('POST', DEVICES, device(text));
    expect(await textOf('GET', `${DEVICES}/big`)).toContain('"max":9223372036854775807,"n":9007199254740993');
    const merge = { 'content-type': 'application/merge-patch+json' };
    await textOf('PATCH', `${DEVICES}/big`, { metadata: { labels: { a: 'b' } } }, merge);
    await textOf('PATCH', `${DEVICES}/big/status`, { status: { online: true } }, merge);
    await textOf(
      'PATCH',
      `${DEVICES}/big`,
      { properties: { desired: { 'a.v1.M': { n: readJson('9007199254740995') } } } },
      merge,
    );
    const after = await textOf('GET', DEVICES);
    expect(after).toContain('"max":9223372036854775807,"n":9007199254740995');
    expect(after).toContain('"generation":2');
    expect(after).toContain('"online":true');
  });

  it('keep them in YAML, however they are written there', async () => {
    const yaml = (numbers: string): string => `apiVersion: iot.mir/v1alpha
kind: device
metadata: {name: big}
spec: {deviceId: big}
properties: {desired: {a.v1.M: {${numbers}}}}
`;
    const content = { 'content-type': 'application/yaml' };
    const numbers =
      'd: 9_007_199_254_740_993, h: -0x20000000000001, o: 0400000000000000001, s: 150119987579016:33, b: 0b10, e: 18446744073709551617';
    expect(await textOf('POST', DEVICES, yaml(numbers), content)).toContain(
      '{"d":9007199254740993,"h":-9007199254740993,"o":9007199254740993,"s":9007199254740993,"b":2,"e":18446744073709552000}',
    );
    const shown = await textOf('GET', `${DEVICES}/big`, undefined, { accept: 'application/yaml' });
    expect(shown).toContain('      d: 9007199254740993\n      h: -9007199254740993\n');
    expect(await textOf('POST', DEVICES, yaml('n: .inf'), content)).toContain('unsupported value: Infinity');
  });

  it('keep them where a JSON patch copies them', async () => {
    await call('POST', DEVICES, device('{"n":9007199254740993}'));
    const type = { 'content-type': 'application/json-patch+json' };
    const [from, path] = ['/properties/desired/a.v1.M', '/properties/desired/b.v1.M'];
    const text = await textOf('PATCH', `${DEVICES}/big`, [{ op: 'copy', from, path }], type);
    expect(text).toContain('"b.v1.M":{"n":9007199254740993}');
    const lost = [{ op: 'copy', from: '/x', path }];
    expect(await textOf('PATCH', `${DEVICES}/big`, lost, type)).toContain('"code":422');
  });

  it('are floats beyond that, and refused beyond floats', async () => {
    const text = await textOf('POST', DEVICES, device('{"n":18446744073709551617}'));
    expect(text).toContain('"n":18446744073709552000');
    expect(await textOf('POST', DEVICES, device('{"n":1e400}'))).toContain('out of range');
  });
});

async function open(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  const sent = request(`${api.url}${path}`, {
    method,
    ca: api.caPem,
    agent: false,
    headers: { authorization: `Bearer ${api.token}`, 'content-type': 'application/json', ...headers },
  });
  const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
  if (text !== '') sent.setHeader('content-length', Buffer.byteLength(text));
  sent.end(text);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

async function textOf(...request: Parameters<typeof open>): Promise<string> {
  let text = '';
  for await (const chunk of await open(...request)) text += String(chunk);
  return text;
}

async function call(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
  const response = await open(method, path, body, headers);
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return {
    code: response.statusCode,
    body: (text.startsWith('{') ? JSON.parse(text) : {}) as Body,
    headers: response.headers,
  };
}

const patch = (name: string, change: object, subresource = '') =>
  call('PATCH', `${DEVICES}/${name}${subresource}`, change, { 'content-type': 'application/merge-patch+json' });

const create = (name: string, labels: Record<string, string> = {}) =>
  call('POST', DEVICES, {
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name, labels },
    spec: { deviceId: name },
  });

/** Reads events one by one; `next` is undefined when the watch has ended. */
async function watch(query: string) {
  const response = await open('GET', `${DEVICES}?watch=true&${query}`);
  response.on('error', () => undefined);
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  return {
    async next(): Promise<Event | undefined> {
      const { value, done } = await lines.next();
      return done === true ? undefined : (JSON.parse(value) as Event);
    },
    close: () => response.destroy(),
  };
}

const seen = (event: Event | undefined) => [event?.type, event?.object.metadata.name];

describe('LIST', () => {
  it('gives pages of one moment, and 410 with a way on when that moment is forgotten', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    const first = await call('GET', `${DEVICES}?limit=2`);
    expect(first.body.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(first.body.metadata.remainingItemCount).toBe(3);
    await create('bb');
    await call('DELETE', `${DEVICES}/d`);
    const token = first.body.metadata.continue ?? '';
    const second = await call('GET', `${DEVICES}?limit=2&continue=${token}`);
    expect(second.body.items.map(({ metadata }) => metadata.name)).toEqual(['c', 'd']);
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    api.expireHistory();
    const third = await call('GET', `${DEVICES}?limit=2&continue=${second.body.metadata.continue ?? ''}`);
    expect([third.code, third.body.reason]).toEqual([410, 'Expired']);
    const rest = await call('GET', `${DEVICES}?limit=2&continue=${third.body.metadata.continue ?? ''}`);
    expect(rest.body.items.map(({ metadata }) => metadata.name)).toEqual(['e']);
  });

  it.each([
    ['resourceVersion=999999', 504],
    ['resourceVersion=x', 400],
    ['continue=x', 400],
    ['labelSelector=a%20b', 400],
    ['fieldSelector=spec.nothing%3D1', 400],
  ])('answers %s with %d', async (query, code) => {
    expect((await call('GET', `${DEVICES}?${query}`)).code).toBe(code);
  });
});

describe('WATCH', () => {
  it('carries on from a revision, and says 410 when that is forgotten', async () => {
    await create('a');
    const { metadata } = (await call('GET', DEVICES)).body;
    await create('b');
    await call('DELETE', `${DEVICES}/a`);
    const events = await watch(`resourceVersion=${metadata.resourceVersion}`);
    expect(seen(await events.next())).toEqual(['ADDED', 'b']);
    expect(seen(await events.next())).toEqual(['DELETED', 'a']);
    events.close();
    api.expireHistory();
    const late = await watch(`resourceVersion=${metadata.resourceVersion}`);
    const error = await late.next();
    expect([error?.type, error?.object.code, error?.object.reason]).toEqual(['ERROR', 410, 'Expired']);
    expect(await late.next()).toBeUndefined();
  });

  it('begins with what there is, marks the end of it, and sends bookmarks', async () => {
    await create('a');
    const events = await watch('sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true');
    expect(seen(await events.next())).toEqual(['ADDED', 'a']);
    const end = await events.next();
    expect(end?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    const bookmark = await events.next();
    expect(bookmark?.type).toBe('BOOKMARK');
    expect(Number(bookmark?.object.metadata.resourceVersion)).toBeGreaterThan(1);
    events.close();
  });

  it('shows what starts and ceases to match a selector as added and deleted', async () => {
    await create('a', { type: 'sensor' });
    const { metadata } = (await call('GET', DEVICES)).body;
    const events = await watch(`resourceVersion=${metadata.resourceVersion}&labelSelector=type%3Dvalve`);
    await patch('a', { metadata: { labels: { type: 'valve' } } });
    await patch('a', { spec: { disabled: true } });
    const last = await patch('a', { metadata: { labels: { type: null } } });
    expect(seen(await events.next())).toEqual(['ADDED', 'a']);
    expect(seen(await events.next())).toEqual(['MODIFIED', 'a']);
    const gone = await events.next();
    expect(seen(gone)).toEqual(['DELETED', 'a']);
    expect(gone?.object.metadata.resourceVersion).toBe(last.body.metadata.resourceVersion);
    events.close();
  });

  it('ends when its time is over, and when the store is restored', async () => {
    const timed = await watch('resourceVersion=0&timeoutSeconds=1');
    expect(await timed.next()).toBeUndefined();
    await create('a');
    const snapshot = api.snapshot();
    const { metadata } = (await create('b')).body;
    const events = await watch(`resourceVersion=${metadata.resourceVersion}`);
    api.restore(snapshot);
    expect(await events.next()).toBeUndefined();
    expect((await call('GET', `${DEVICES}/b`)).code).toBe(404);
    expect(Number((await create('c')).body.metadata.resourceVersion)).toBeGreaterThan(Number(metadata.resourceVersion));
    const late = await watch(`resourceVersion=${metadata.resourceVersion}`);
    expect((await late.next())?.object.code).toBe(410);
  });
});

describe('writes', () => {
  it('keep status and the rest apart, and count only the rest in the generation', async () => {
    await create('a');
    const whole = await patch('a', { spec: { disabled: true }, status: { online: true } });
    expect(whole.body).toMatchObject({ metadata: { generation: 2 }, status: { observedGeneration: -1 } });
    const part = await patch('a', { spec: { disabled: false }, status: { online: true } }, '/status');
    expect(part.body).toMatchObject({
      metadata: { generation: 2 },
      spec: { disabled: true },
      status: { online: true },
    });
  });

  it('that change nothing make no new revision', async () => {
    const { body } = await create('a');
    const same = await patch('a', { spec: { deviceId: 'a' } });
    expect(same.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  });

  it('refuse stale revisions and foreign uids', async () => {
    const { body } = await create('a');
    await patch('a', { spec: { disabled: true } });
    const stale = await call('PUT', `${DEVICES}/a`, body);
    expect([stale.code, stale.body.reason]).toEqual([409, 'Conflict']);
    const foreign = await call('DELETE', `${DEVICES}/a`, { preconditions: { uid: 'other' } });
    expect([foreign.code, foreign.body.reason]).toEqual([409, 'Conflict']);
  });

  it('warn of unknown fields, or refuse them, as asked', async () => {
    await create('a');
    const change = { spec: { colour: 'red' } };
    const type = { 'content-type': 'application/merge-patch+json' };
    const warned = await call('PATCH', `${DEVICES}/a?fieldValidation=Warn`, change, type);
    expect([warned.code, warned.headers['warning']]).toEqual([200, '299 - "unknown field \\"spec.colour\\""']);
    expect((await call('PATCH', `${DEVICES}/a?fieldValidation=Strict`, change, type)).code).toBe(422);
  });

  it.each([
    ['application/apply-patch+yaml', 422],
    ['application/strategic-merge-patch+json', 415],
    ['text/plain', 415],
  ])('as %s are answered with %d', async (type, code) => {
    await create('a');
    expect((await call('PATCH', `${DEVICES}/a`, {}, { 'content-type': type })).code).toBe(code);
  });
});

describe('the door', () => {
  it('is closed without the token, except for health and version', async () => {
    const stranger = { authorization: 'Bearer wrong' };
    expect((await call('GET', DEVICES, undefined, stranger)).code).toBe(401);
    expect((await call('GET', '/readyz', undefined, stranger)).code).toBe(200);
    expect((await call('GET', '/version', undefined, stranger)).code).toBe(200);
  });

  it.each([
    ['GET', '/apis/iot.mir/v1alpha/nothing', 404],
    ['POST', '/apis/iot.mir/v1alpha/devices', 404],
    ['PUT', DEVICES, 405],
    ['GET', `${DEVICES}/a/scale`, 404],
    ['GET', '/api/v1/namespaces/default/pods/a/log', 404],
    ['PUT', '/api/v1/namespaces/default/configmaps/a/eviction', 501],
    ['GET', '/openapi/v2', 200],
    ['GET', '/openapi/v2/x', 404],
  ])('answers %s %s with %d', async (method, path, code) => {
    expect((await call(method, path)).code).toBe(code);
  });

  it('serves no protobuf', async () => {
    expect((await call('GET', DEVICES, undefined, { accept: 'application/vnd.kubernetes.protobuf' })).code).toBe(406);
  });
});
