import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DEVICE, DEVICES, frontProxyAuthority, json, send, STORED, ViewBed } from '../../test/fakes/view-bed.ts';
import { readFrontProxy } from './http/front-proxy.ts';
import type { Got, Play } from '../../test/fakes/view-bed.ts';
import { createAuthority as createTestAuthority, createSelfSignedClient } from '../../test/real/certificates.ts';

let bed: ViewBed;
beforeEach(async () => {
  bed = await ViewBed.open();
});
afterEach(() => bed.close());

describe('whoever is not the front proxy', () => {
  it('is refused, whatever the headers say', async () => {
    const stranger = await createTestAuthority('front-proxy-ca');
    const forgeries = {
      'no certificate': undefined,
      'the right authority, another name': await frontProxyAuthority.issueClient('somebody'),
      'another authority of the same name': await stranger.issueClient('front-proxy'),
      'a certificate signed by itself': await createSelfSignedClient('front-proxy'),
      'one that has the name of the authority': await createSelfSignedClient('front-proxy-ca'),
      'a certificate that has expired': await frontProxyAuthority.issueClient('front-proxy', undefined, 'expired'),
    };
    for (const [what, certificate] of Object.entries(forgeries)) {
      for (const path of [DEVICE, '/apis', '/openapi/v2'])
        expect([what, path, (await send(bed, path, { certificate })).status]).toEqual([what, path, 401]);
    }
    expect((await send(bed, DEVICE, { headers: { 'x-remote-user': '' } })).status).toBe(401);
    expect(bed.asked).toEqual([]);
  });

  it('may ask how it is', async () => {
    expect((await send(bed, '/healthz', { certificate: undefined })).status).toBe(200);
    const ready = await send(bed, '/readyz', { certificate: undefined });
    expect([ready.status, ready.body['text']]).toEqual([503, '[-]view failed: not yet\n']);
  });

  it('is one of another authority after the ConfigMap has changed', async () => {
    expect((await send(bed, DEVICE)).status).toBe(200);
    const other = await createTestAuthority('new-ca');
    bed.view.use({
      frontProxy: readFrontProxy({
        data: {
          'requestheader-client-ca-file': other.certPem,
          'requestheader-allowed-names': '["proxy-2"]',
          'requestheader-username-headers': '["X-User"]',
        },
      }),
    });
    expect((await send(bed, DEVICE)).status).toBe(401);
    const certificate = await other.issueClient('proxy-2');
    expect((await send(bed, DEVICE, { certificate, headers: { 'x-user': 'bob' } })).status).toBe(200);
  });
});

describe('a request', () => {
  it("goes on in the operator's name, and says nothing of the caller's credentials", async () => {
    const headers = { 'user-agent': 'kubectl/v1', authorization: 'Bearer stolen', 'x-remote-group': 'system:masters' };
    await send(bed, `${DEVICE}?fieldManager=x&pretty=true`, { headers });
    expect(bed.asked).toMatchObject([
      {
        method: 'GET',
        url: '/apis/iot.mir/v1alpha/namespaces/ns/devices/a?fieldManager=x&pretty=true',
        headers: { accept: 'application/json', 'user-agent': 'kubectl/v1', authorization: 'Bearer own' },
      },
    ]);
    expect(bed.asked[0]?.headers).not.toHaveProperty('x-remote-group');
  });

  it.each([
    ['/apis/mir/v1alpha/namespaces/ns/devices/../../../../../api/v1/secrets', 404],
    ['/apis/mir/v1alpha/namespaces/ns/devices/%2e%2e', 404],
    ['/apis/mir/v1alpha/namespaces/ns/../other/devices/a', 404],
    ['/apis/mir/v1alpha/namespaces/ns/devices/../../other/devices', 404],
    ['/apis/mir/v1alpha/namespaces/ns/%2E%2e/other/devices', 404],
    ['/apis/mir/v1alpha/namespaces/ns/./devices/a', 404],
    ['/apis/mir/v1alpha/namespaces/ns\\..\\other/devices', 404],
    ['/apis/mir/v1alpha/namespaces/ns//devices/a', 404],
    ['//apis/mir/v1alpha/namespaces/ns/devices/a', 404],
    [`${DEVICES}?x=1#&fieldSelector=metadata.name%3Da`, 400],
    [`${DEVICES}?fieldSelector=metadata.name%3Da#b`, 400],
    [`${DEVICES}#`, 404],
    [`${DEVICES}?watch=1;`, 400],
    [`${DEVICES}?watch=%zz`, 400],
    ['/apis/mir/v1alpha/namespaces/ns%2fx/devices/a', 404],
    ['/apis/mir/v1alpha/namespaces/ns/secrets/a', 404],
    ['/apis/mir/v1alpha/namespaces/ns/devices/a/scale', 404],
    ['/apis/iot.mir/v1alpha/devices', 404],
    ['/api/v1/secrets', 404],
  ])('for %s goes nowhere', async (path, status) => {
    expect((await send(bed, path)).status).toBe(status);
    expect(bed.asked).toEqual([]);
  });

  it.each([
    ['POST', DEVICE, 405],
    ['PUT', DEVICES, 405],
    ['PATCH', `${DEVICE}/status`, 405],
    ['DELETE', '/apis/mir/v1alpha/devices', 404],
  ])('%s %s is not allowed', async (method, path, status) => {
    expect((await send(bed, path, { method, body: '{}' })).status).toBe(status);
  });

  it('brings the warnings of both sides', async () => {
    bed.play = (_request, _body, response) => json(response, 201, STORED, { warning: '299 - "theirs"' });
    const body = JSON.stringify({
      apiVersion: 'mir/v1alpha',
      kind: 'device',
      meta: { name: 'a' },
      status: { online: true },
    });
    const { status, headers } = await send(bed, DEVICES, { method: 'POST', body });
    expect([status, headers['warning']]).toEqual([
      201,
      expect.stringMatching(/^299 - "status is written.*, 299 - "theirs"$/),
    ]);
  });

  it.each([
    ['application/vnd.kubernetes.protobuf', 406],
    ['application/vnd.kubernetes.protobuf,application/json', 200],
    ['application/cbor;q=0.9,*/*', 200],
  ])('that accepts %s is answered with %i', async (accept, status) => {
    expect((await send(bed, DEVICE, { headers: { accept } })).status).toBe(status);
  });

  it.each<[what: string, headers: Record<string, string>, body: string, status: number]>([
    ['a body that is too large', {}, `"${'x'.repeat(3 * 1024 * 1024)}"`, 413],
    ['a body of the other API', {}, JSON.stringify(STORED), 400],
    ['protobuf', { 'content-type': 'application/vnd.kubernetes.protobuf' }, 'k8s', 415],
    ['a compressed body', { 'content-encoding': 'gzip' }, 'x', 415],
  ])('with %s is refused', async (_, headers, body, status) => {
    expect((await send(bed, DEVICES, { method: 'POST', headers, body })).status).toBe(status);
    expect(bed.asked).toEqual([]);
  });

  it('of a user in a thousand groups is as good as another', async () => {
    const groups = Array.from({ length: 1000 }, (_, at) => `cn=group-${at},ou=groups,dc=example,dc=org`);
    expect((await send(bed, DEVICE, { headers: { 'x-remote-group': groups } })).status).toBe(200);
  });

  it('gets no more warnings than an API server would give', async () => {
    const meta = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`unknown-${at}`, 1]));
    const body = JSON.stringify({ apiVersion: 'mir/v1alpha', kind: 'device', meta: { name: 'a', ...meta } });
    const { status, headers } = await send(bed, DEVICES, { method: 'POST', body });
    expect([status, (headers['warning'] ?? '').length < 8192]).toEqual([200, true]);
  });

  it('says in its own words what the API server says', async () => {
    const details = { name: 'a', group: 'iot.mir', kind: 'devices' };
    const failure = { kind: 'Status', status: 'Failure', message: 'devices.iot.mir "a" not found', details, code: 404 };
    bed.play = (_request, _body, response) => json(response, 404, failure);
    expect(await send(bed, DEVICE)).toMatchObject({
      status: 404,
      body: { message: 'devices.mir "a" not found', details: { group: 'mir' } },
    });
  });

  it.each<[status: number, message: string, expected: Partial<Got>]>([
    [401, 'Unauthorized', { status: 500, body: { reason: 'InternalError' } }],
    [
      403,
      'devices.iot.mir is forbidden: User "system:serviceaccount:mir-system:mir-operator" cannot list resource "devices"',
      { status: 500, body: { message: expect.stringContaining('own account cannot list') } },
    ],
    [403, 'devices.iot.mir "a" is forbidden: namespace ns is being terminated', { status: 403 }],
    [404, '404 page not found', { status: 404, body: { message: expect.stringContaining('CRD devices.iot.mir') } }],
    [429, 'too many', { status: 429 }],
  ])('that is answered %i, "%s"', async (status, message, expected) => {
    const isStatus = !message.startsWith('404');
    bed.play = (_request, _body, response) =>
      isStatus
        ? json(response, status, { kind: 'Status', message, code: status })
        : response.writeHead(404).end(message);
    expect(await send(bed, DEVICE)).toMatchObject(expected);
  });

  it('without an API server is told so', async () => {
    bed.play = (_request, _body, response) => response.destroy();
    expect(await send(bed, DEVICE)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  });

  it.each([
    ['a Status', JSON.stringify({ kind: 'Status', message: 'busy', code: 429 })],
    // The API server's own fairness answers so.
    ['text', 'Too many requests, please try again later.\n'],
  ])('that is told in %s to come again is told when', async (_, body) => {
    bed.play = (_request, _body, response) => response.writeHead(429, { 'retry-after': '7' }).end(body);
    expect(await send(bed, DEVICE)).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
  });

  it('that gets half a list gets no list', async () => {
    bed.play = (_request, _body, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`{"kind":"deviceList","items":[${JSON.stringify(STORED)}`, () => response.destroy());
    };
    await expect(send(bed, DEVICES)).rejects.toThrow('aborted');
  });
});

describe('the author', () => {
  const play: Play = (request, body, response) => {
    if (request.method === 'GET') json(response, 200, STORED);
    else json(response, 200, { ...STORED, metadata: { ...STORED.metadata, generation: 2 }, sent: body });
  };
  const document = {
    apiVersion: 'mir/v1alpha',
    kind: 'device',
    metadata: { name: 'a' },
    spec: { deviceId: 'd', disabled: true },
  };

  it('is no part of what is applied, and written after it', async () => {
    bed.play = play;
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    await send(bed, `${DEVICE}?fieldManager=flux&force=true`, {
      method: 'PATCH',
      headers,
      body: JSON.stringify(document),
    });
    const [, applied, stamp] = bed.asked;
    expect(JSON.parse(applied?.body ?? '')).toEqual({
      ...document,
      apiVersion: 'iot.mir/v1alpha',
      metadata: { name: 'a', uid: 'u1' },
    });
    expect(stamp?.url).toContain('?fieldManager=mir-operator');
    expect(JSON.parse(stamp?.body ?? '')).toEqual({
      metadata: { resourceVersion: '7', annotations: { 'iot.mir/author': 'alice', 'iot.mir/author-of': '2' } },
    });
    expect(bed.asked).toHaveLength(3);
  });

  it('is nobody where nothing was changed, or nothing was meant to be', async () => {
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    await send(bed, DEVICE, { method: 'PATCH', headers, body: JSON.stringify(document) });
    expect(bed.asked).toHaveLength(2);
    bed.play = play;
    await send(bed, `${DEVICE}?dryRun=All`, { method: 'PATCH', headers, body: JSON.stringify(document) });
    expect(bed.asked).toHaveLength(4);
  });

  it('goes with a merge patch of what people want, the same one with the same patch', async () => {
    const headers = { 'content-type': 'application/merge-patch+json' };
    const patch = async (body: object): Promise<unknown> => {
      await send(bed, DEVICE, { method: 'PATCH', headers, body: JSON.stringify(body) });
      return JSON.parse(bed.asked.at(-1)?.body ?? '') as unknown;
    };
    const stamped = {
      annotations: { 'iot.mir/author': 'alice', 'iot.mir/author-of': expect.stringMatching(/^view-/) },
    };
    expect(await patch({ spec: { disabled: true } })).toEqual({ spec: { disabled: true }, metadata: stamped });
    expect(await patch({ spec: { disabled: true } })).toEqual(JSON.parse(bed.asked[0]?.body ?? ''));
    expect(await patch({ meta: { labels: { a: 'b' } } })).toEqual({ metadata: { labels: { a: 'b' } } });
    expect(bed.asked.map(({ method }) => method)).toEqual(['PATCH', 'PATCH', 'PATCH']);
  });

  it('stays, whoever takes all annotations away', async () => {
    const annotations = { note: 'x', 'iot.mir/author': 'bob', 'iot.mir/author-of': '1' };
    const stored = { ...STORED, metadata: { ...STORED.metadata, annotations } };
    bed.play = (_request, _body, response) => json(response, 200, stored);
    const headers = { 'content-type': 'application/merge-patch+json' };
    await send(bed, DEVICE, { method: 'PATCH', headers, body: '{"metadata":{"annotations":null}}' });
    expect(JSON.parse(bed.asked.at(-1)?.body ?? '')).toEqual({ metadata: { annotations: { note: null } } });
    const both = '{"metadata":{"annotations":null},"spec":{"disabled":true}}';
    await send(bed, DEVICE, { method: 'PATCH', headers, body: both });
    expect(JSON.parse(bed.asked.at(-1)?.body ?? '')).toMatchObject({
      metadata: { annotations: { note: null, 'iot.mir/author': 'alice' } },
    });
    const body = JSON.stringify({ ...document, metadata: { name: 'a', annotations: null } });
    await send(bed, DEVICE, { method: 'PUT', body });
    expect(JSON.parse(bed.asked.at(-1)?.body ?? '')).toMatchObject({
      metadata: { annotations: { 'iot.mir/author': 'alice' } },
    });
  });

  it('has his name as he writes it', async () => {
    bed.play = play;
    const body = JSON.stringify(document);
    // Node sends the head and the body in one packet, as UTF-8 both.
    await send(bed, DEVICES, { method: 'POST', headers: { 'x-remote-user': 'jürgen' }, body });
    expect(JSON.parse(bed.asked.at(-1)?.body ?? '')).toMatchObject({
      metadata: { annotations: { 'iot.mir/author': 'jürgen' } },
    });
  });

  it('stays who it was in a PUT that changes something else', async () => {
    const annotations = { 'iot.mir/author': 'bob', 'iot.mir/author-of': '1' };
    const stored = { ...STORED, metadata: { ...STORED.metadata, annotations } };
    bed.play = (_request, _body, response) => json(response, 200, stored);
    const body = {
      ...stored,
      apiVersion: 'mir/v1alpha',
      metadata: { ...stored.metadata, annotations: { 'iot.mir/author': 'eve' } },
    };
    await send(bed, DEVICE, { method: 'PUT', body: JSON.stringify(body) });
    expect(JSON.parse(bed.asked.at(-1)?.body ?? '')).toMatchObject({ metadata: { annotations } });
  });
});

describe('documents', () => {
  it.each([
    ['/apis', { kind: 'APIGroupList', groups: [{ name: 'mir' }] }],
    ['/apis/mir', { kind: 'APIGroup', name: 'mir' }],
    [
      '/apis/mir/v1alpha',
      { kind: 'APIResourceList', resources: [{ name: 'devices', kind: 'device' }, { name: 'devices/status' }] },
    ],
    ['/openapi/v3', { paths: { 'apis/mir/v1alpha': { serverRelativeURL: expect.stringContaining('?hash=') } } }],
    [
      '/openapi/v3/apis/mir/v1alpha',
      { components: { schemas: { 'mir.v1alpha.device': { properties: { meta: {} } } } } },
    ],
    ['/openapi/v2', { swagger: '2.0', definitions: { 'mir.v1alpha.device': {}, 'mir.v1alpha.deviceList': {} } }],
  ])('%s is made without asking anybody', async (path, expected) => {
    const { status, body, headers } = await send(bed, path);
    expect(status).toBe(200);
    expect(body).toMatchObject(expected);
    expect(bed.asked).toEqual([]);
    const again = await send(bed, path, { headers: { 'if-none-match': headers['etag'] ?? '' } });
    expect(again.status).toBe(headers['etag'] === undefined ? 200 : 304);
  });

  it.each(['v2', 'v2beta1'])('has everything at once for those who ask for it (%s)', async (version) => {
    const accept = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    const { headers, body } = await send(bed, '/apis', { headers: { accept } });
    expect(headers['content-type']).toBe(accept);
    expect(body).toMatchObject({
      apiVersion: `apidiscovery.k8s.io/${version}`,
      items: [{ metadata: { name: 'mir' } }],
    });
  });
});
