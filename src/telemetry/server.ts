import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../base/log.ts';
import { parseAddress } from '../base/address.ts';
import type { Check, Health } from './health.ts';

export interface ServerOptions {
  /** `host:port` or `:port`; port 0 takes a free one. */
  readonly address: string;
  readonly metrics: { render(): Promise<{ contentType: string; body: string }> };
  readonly health: Pick<Health, 'liveness' | 'readiness'>;
  readonly log: Logger;
}

export interface RunningServer {
  /** Where it listens, with the real port. */
  readonly address: string;
  close(): Promise<void>;
}

/** Serves `/metrics`, `/healthz` and `/readyz`. Rejects when the address cannot be listened on. */
export async function startServer({ address, metrics, health, log }: ServerOptions): Promise<RunningServer> {
  const where = parseAddress(address);
  if (where === undefined) throw new RangeError(`http address ${address} is not host:port or :port`);

  const routes: Readonly<Record<string, (url: URL) => Promise<Answer> | Answer>> = {
    '/metrics': async () => ({ status: 200, ...(await metrics.render()) }),
    '/healthz': (url) => listing('healthz', health.liveness(), url),
    '/readyz': (url) => listing('readyz', health.readiness(), url),
  };
  const server = createServer((request, response) => {
    answer(request, routes).then(
      (result) => send(request, response, result),
      (error: unknown) => {
        log.error({ err: error, url: request.url }, 'request failed');
        send(request, response, text(500, 'internal error, see the log'));
      },
    );
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new Error(`cannot listen on ${address}: ${cause.message}; choose another --http-address`, { cause }));
    });
    server.listen(where.port, where.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : where.port;
  const host = where.host ?? '0.0.0.0';
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // A scraper's kept-alive connection would hold the process otherwise.
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const text = (status: number, body: string): Answer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});

type Routes = Readonly<Record<string, (url: URL) => Promise<Answer> | Answer>>;

async function answer(request: IncomingMessage, routes: Routes): Promise<Answer> {
  const target = `http://operator${request.url ?? '/'}`;
  if (!URL.canParse(target)) return text(400, 'bad request');
  const url = new URL(target);
  const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (route === undefined) return text(404, `not found; there are ${Object.keys(routes).join(', ')}`);
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'use GET');
  return route(url);
}

/** As kube-apiserver answers: `ok`, or with `?verbose` and whenever something is wrong, a line a check. */
function listing(name: string, checks: readonly Check[], url: URL): Answer {
  const isWell = checks.every(({ problem }) => problem === undefined);
  if (isWell && !url.searchParams.has('verbose')) return text(200, 'ok');
  const lines = checks.map(({ name, problem, note }) =>
    problem === undefined ? `[+]${name} ok${note === undefined ? '' : `: ${note}`}` : `[-]${name} failed: ${problem}`,
  );
  return text(isWell ? 200 : 503, [...lines, `${name} check ${isWell ? 'passed' : 'failed'}`].join('\n'));
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: Answer): void {
  const allow = status === 405 ? { allow: 'GET, HEAD' } : {};
  response.writeHead(status, {
    ...allow,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
