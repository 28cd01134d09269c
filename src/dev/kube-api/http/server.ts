/** The API on a TLS socket. */
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../../base/log.ts';
import type { Aggregator } from '../aggregation/aggregator.ts';
import { StatusError, unauthorized } from '../errors.ts';
import type { Api } from '../handlers/call.ts';
import type { ServerIdentity } from './certificates.ts';
import { errorReply, send, textReply } from './reply.ts';
import type { Reply } from './reply.ts';
import { handleResource } from './resource-handler.ts';
import { parseResourcePath } from './resource-path.ts';
import { documentRoute, publicRoute } from './routes.ts';

export interface ApiServerOptions {
  readonly api: Api;
  readonly identity: ServerIdentity;
  readonly aggregator: Aggregator;
  /** The one bearer token that is let in. */
  readonly token: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly bookmarkIntervalMs: number;
  readonly log: Logger;
}

export interface ApiServer {
  readonly port: number;
  /** Ends every connection, watches too. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1; rejects when the port is taken. */
export async function listen(options: ApiServerOptions): Promise<ApiServer> {
  const { identity, log } = options;
  const closing = new AbortController();
  const server = createServer({ cert: identity.certPem, key: identity.keyPem }, (request, response) => {
    void answer(options, request, response, closing.signal);
  });
  // A client that does not trust the certificate ends the handshake: its problem, shown on its side.
  server.on('tlsClientError', (error) => log.debug({ err: error }, 'TLS handshake failed'));
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async close() {
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Never rejects: what goes wrong is the answer. */
async function answer(
  options: ApiServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  closing: AbortSignal,
): Promise<void> {
  const warnings: string[] = [];
  try {
    const reply = await serve(options, request, response, warnings, closing);
    if (reply !== undefined) send(response, reply, warnings);
  } catch (error) {
    if (!(error instanceof StatusError)) {
      options.log.error({ err: error, method: request.method, url: request.url }, 'request failed');
    }
    send(response, errorReply(error), warnings);
  }
}

async function serve(
  { api, token, bookmarkIntervalMs, aggregator }: ApiServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  warnings: string[],
  closing: AbortSignal,
): Promise<Reply | undefined> {
  const url = new URL(request.url ?? '/', 'https://kube-api');
  const open = publicRoute(url.pathname);
  if (open !== undefined) return open;
  if (!isAuthorized(request, token)) throw unauthorized();
  const address = request.headers.host ?? '';
  const backend = aggregator.backendFor(url.pathname);
  if (backend !== undefined) {
    await aggregator.proxy(backend, request, response);
    return undefined;
  }
  const { accept } = request.headers;
  const document = isDocument(url.pathname)
    ? documentRoute(url.pathname, { registry: api.registry, accept, address, behind: await aggregator.documents() })
    : undefined;
  if (document !== undefined) return document;
  const path = parseResourcePath(url.pathname);
  if (path === undefined) return textReply(404, '404 page not found\n');
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, closing]);
  return handleResource(api, bookmarkIntervalMs, {
    request,
    response,
    path,
    query: url.searchParams,
    warnings,
    signal,
  });
}

/** What may show something of a server behind this one, or nothing that is stored. */
function isDocument(path: string): boolean {
  return path === '/' || /^\/(openapi(\/|$)|api\/?$|apis\/?$|api\/[^/]+\/?$|apis\/[^/]+(\/[^/]+)?\/?$)/.test(path);
}

function isAuthorized({ headers }: IncomingMessage, token: string): boolean {
  const sent = Buffer.from(headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return sent.length === wanted.length && timingSafeEqual(sent, wanted);
}
