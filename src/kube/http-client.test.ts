import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { RequestListener, Server } from 'node:http';
import { createAuthority } from '../../test/real/certificates.ts';
import { pino } from 'pino';
import type { KubeClient, WatchEvent } from './client.ts';
import { ApiError, TransportError } from './errors.ts';
import { createKubeClient } from './http-client.ts';

let close: (() => Promise<void>) | undefined;
afterEach(() => close?.());

async function serve(
  listener: RequestListener,
  timeoutMs = 5000,
  token: (refused?: string) => Promise<string> = () => Promise.resolve('secret'),
): Promise<KubeClient> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = createKubeClient(
    {
      server: `http://127.0.0.1:${port}`,
      ca: undefined,
      cert: undefined,
      key: undefined,
      serverName: undefined,
      insecureSkipVerify: false,
      namespace: undefined,
      podNamespace: undefined,
      token,
    },
    { timeoutMs },
  );
  close = async () => {
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return client;
}

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const line = (name: string): string => `${JSON.stringify({ type: 'ADDED', object: { name } })}\n`;

async function names(watch: AsyncIterable<WatchEvent<{ name: string }>>, seen: string[]): Promise<void> {
  for await (const { type, object } of watch) if (type === 'ADDED') seen.push(object.name);
}

describe('createKubeClient', () => {
  it('keeps every digit of what the API server wrote, in answers and watch events', async () => {
    const text = '{"type":"ADDED","object":{"n":9007199254740993,"max":[9223372036854775807],"f":0.30000000000000004}}';
    const client = await serve((_, response) => void response.end(`${text}\n`));
    expect(JSON.stringify(await client.get('/x'))).toBe(text);
    for await (const event of client.watch('/x', {}, new AbortController().signal)) {
      expect(JSON.stringify(event)).toBe(text);
    }
  });

  it.each<[string, (client: KubeClient) => Promise<unknown>]>([
    ['create', (client) => client.create('/path', {})],
    ['replace', (client) => client.replace('/path', {})],
    ['patch', (client) => client.patch('/path', 'application/merge-patch+json', {})],
    ['delete', (client) => client.delete('/path')],
  ])('fenced, sends a %s while it may, and nothing afterwards', async (_, write) => {
    const methods: (string | undefined)[] = [];
    const client = await serve(({ method }, response) => {
      methods.push(method);
      response.end('{}');
    });
    let mayWrite = true;
    const fenced = client.fenced(() => mayWrite);
    await write(fenced);
    mayWrite = false;
    const error = await caught(write(fenced));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ message: expect.stringContaining('the Lease is lost'), isUnanswered: false });
    await fenced.get('/path');
    await write(client);
    expect(methods).toEqual([methods[0], 'GET', methods[0]]);
  });

  it('fenced, sends no write that was asked for in time and is held up until it is too late', async () => {
    let mayWrite = true;
    let arrived = 0;
    const count: RequestListener = (_request, response) => {
      arrived += 1;
      response.end('{}');
    };
    const client = await serve(count, 5000, async () => {
      mayWrite = false;
      return 'secret';
    });
    await expect(client.fenced(() => mayWrite).create('/path', {})).rejects.toThrow('the Lease is lost');
    expect(arrived).toBe(0);
  });

  it('sends query, token and content type', async () => {
    const client = await serve(({ url, headers }, response) => {
      response.end(JSON.stringify([url, headers.authorization, headers['content-type']]));
    });
    const answer = await client.patch('/x', 'application/merge-patch+json', {}, { limit: 5, continue: undefined });
    expect(answer).toEqual(['/x?limit=5', 'Bearer secret', 'application/merge-patch+json']);
  });

  it('asks once for a newer token when one is refused, and then sends even a POST again', async () => {
    const seen: string[] = [];
    const client = await serve(
      ({ headers }, response) => {
        seen.push(headers.authorization ?? '');
        response.writeHead(headers.authorization === 'Bearer new' ? 201 : 401).end('{}');
      },
      5000,
      (refused) => Promise.resolve(refused === undefined ? 'old' : 'new'),
    );
    await client.create('/x', {});
    expect(seen).toEqual(['Bearer old', 'Bearer new']);
  });

  it('tells of a refused token that has no successor, or whose plugin fails', async () => {
    let requests = 0;
    const refuse: RequestListener = (_request, response) => {
      requests += 1;
      response.writeHead(401).end('{"message":"Unauthorized"}');
    };
    const same = await serve(refuse);
    expect(await caught(same.get('/x'))).toMatchObject({ status: 401 });
    await close?.();
    const failing = await serve(refuse, 5000, async (refused) => {
      if (refused !== undefined) throw new Error('the plugin failed');
      return Promise.resolve('old');
    });
    expect(await caught(failing.get('/x'))).toMatchObject({ status: 401 });
    expect(requests).toBe(2);
  });

  it.each([
    ['the header', { 'retry-after': '3' }, '{"reason":"TooManyRequests"}', 3000],
    ['the body', {}, '{"details":{"retryAfterSeconds":2}}', 2000],
    ['neither, in prose', {}, 'slow down', undefined],
  ])('reads from a 429 when to retry: %s', async (_name, headers, body, retryAfterMs) => {
    const client = await serve((_request, response) => response.writeHead(429, headers).end(body));
    const error = await caught(client.get('/x'));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 429, retryAfterMs });
  });

  it('keeps little of a refusal that quotes the whole request, and what it is about and why of that', async () => {
    const value = 'A+/='.repeat(90_000);
    const message = `schema.iot.mir "x" is invalid: spec: Invalid value: "${value}": descriptorSet is immutable`;
    const details = { causes: [{ field: 'spec', message }] };
    const client = await serve((_request, response) =>
      response.writeHead(422).end(JSON.stringify({ reason: 'Invalid', message, details })),
    );
    const error = await caught(client.get('/x'));
    expect(error).toMatchObject({
      status: 422,
      reason: 'Invalid',
      message: expect.stringMatching(/^schema\.iot\.mir "x" is .* descriptorSet is immutable$/),
    });
    const lines: string[] = [];
    pino({}, { write: (line: string) => void lines.push(line) }).warn({ err: error }, 'refused');
    expect(lines.join('').length).toBeLessThan(4000);
  });

  it.each([
    ['GET', 2],
    ['POST', 1],
  ] as const)('sends a %s whose connection dies %d times', async (method, times) => {
    let requests = 0;
    const client = await serve((request) => {
      requests += 1;
      request.socket.destroy();
    });
    const error = await caught(method === 'GET' ? client.get('/x') : client.create('/x', {}));
    expect(error).toMatchObject({ name: 'TransportError', isUnanswered: true });
    expect(requests).toBe(times);
  });

  it('gives up a body that stalls', async () => {
    const client = await serve((_request, response) => void response.writeHead(200).write('{"half":'), 100);
    const error = await caught(client.get('/x'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ isUnanswered: false });
  });

  it('yields events across chunk borders, and rejects one cut in the middle', async () => {
    const bytes = Buffer.from(line('é') + line('b') + line('c').slice(0, 9));
    const client = await serve((_request, response) => {
      response.write(bytes.subarray(0, bytes.indexOf(0xc3) + 1));
      setImmediate(() => response.end(bytes.subarray(bytes.indexOf(0xc3) + 1)));
    });
    const seen: string[] = [];
    const error = await caught(names(client.watch('/x', {}, new AbortController().signal), seen));
    expect(seen).toEqual(['é', 'b']);
    expect(error).toBeInstanceOf(TransportError);
  });

  it('ends a watch quietly on abort', async () => {
    const client = await serve((_request, response) => void response.write(line('a')));
    const stop = new AbortController();
    for await (const _event of client.watch('/x', {}, stop.signal)) stop.abort();
    expect(stop.signal.aborted).toBe(true);
  });
});

it('tells in one line what is wrong with the certificate of a server, and that asking again soon is no use', async () => {
  const authority = await createAuthority('a stranger');
  const { certPem, keyPem } = await authority.issueServer('api');
  const server = createTlsServer({ cert: certPem, key: keyPem }, (_, response) => response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const config = {
    cert: undefined,
    key: undefined,
    serverName: undefined,
    insecureSkipVerify: false,
    namespace: undefined,
    podNamespace: undefined,
  };
  const token = () => Promise.resolve(undefined);
  const client = createKubeClient({ ...config, server: `https://127.0.0.1:${port}`, ca: undefined, token });
  close = async () => {
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  };
  const error: unknown = await client.get('/api').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TransportError);
  expect(error).toMatchObject({ retryAfterMs: 30_000, isUnanswered: true });
  expect(String(error)).toMatch(
    /^TransportError: the certificate of the API server is signed by .*; check server and certificate-authority in the kubeconfig$/,
  );
});
