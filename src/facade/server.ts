/** The view on a TLS socket. */
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:crypto';
import type { Address } from '../base/address.ts';
import type { Logger } from '../base/log.ts';
import { messageOf } from '../base/message-of.ts';
import type { KeyPair } from '../certificates/issue.ts';
import { serveDocument } from './http/documents.ts';
import { Strangers } from './gate/strangers.ts';
import { isWatch, serveDevices } from './http/devices.ts';
import type { DevicePorts, Ending } from './http/devices.ts';
import { authenticate } from './http/front-proxy.ts';
import type { FrontProxy } from './http/front-proxy.ts';
import { sendError } from './http/reply.ts';
import { parseRequestUrl } from './http/request-url.ts';
import { parseTarget } from './http/target.ts';
import { internalError, methodNotAllowed, PageNotFound, StatusError, unauthorized } from '../api/status-error.ts';

export interface ViewServerOptions {
  readonly address: Address;
  readonly devices: DevicePorts;
  readonly log: Logger;
  /** What is wrong, for `/readyz`; undefined: nothing. */
  readonly problem: () => string | undefined;
  /** Told of every answer. */
  readonly onAnswer: (method: string, code: number, durationMs: number, isWatch: boolean) => void;
}

/** One for all: to make an error, and find out where, costs every request that ends. */
const ENDED = new Error('the request has ended');
ENDED.name = 'AbortError';

/** Time for a request to arrive whole. */
const REQUEST_MS = 60_000;
/** The API server's proxy lets go of a connection after 90 s; whoever lets go first must not be the one who is just being asked. */
const KEEP_ALIVE_MS = 120_000;
const MAX_CONNECTIONS = 1000;
const PROBE_AFTER_MS = 60_000;
/** Some users are in a thousand groups, each of which is a header. */
const MAX_HEADER_BYTES = 128 * 1024;
const MAX_HEADERS = 2000;
/** Connections from one address that have not shown that they are the front proxy's. */
const MAX_STRANGERS = 64;
const HANDSHAKE_MS = 10_000;
const STRANGER_MS = 5000;

export class ViewServer {
  readonly #options: ViewServerOptions;
  readonly #server: Server;
  readonly #closing = new AbortController();
  #frontProxy: FrontProxy | undefined;
  #serving: KeyPair | undefined;

  constructor(options: ViewServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        requestCert: true,
        rejectUnauthorized: false,
        handshakeTimeout: HANDSHAKE_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        requestTimeout: REQUEST_MS,
        // A client whose machine has gone says nothing.
        keepAlive: true,
        maxHeaderSize: MAX_HEADER_BYTES,
        keepAliveInitialDelay: PROBE_AFTER_MS,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.maxHeadersCount = MAX_HEADERS;
    const strangers = new Strangers(MAX_STRANGERS);
    // Whoever has no certificate may ask how the view is, and not keep a connection from the API server.
    this.#server.on('connection', (socket) => strangers.note(socket as Socket));
    this.#server.on('secureConnection', (socket) => {
      if (socket.authorized) strangers.admit(socket);
      else socket.setTimeout(STRANGER_MS, () => socket.destroy());
    });
    this.#server.on('tlsClientError', (error) =>
      options.log.debug({ err: error }, 'TLS handshake with the view failed'),
    );
  }

  /** From now on; connections that are open stay. */
  use({ frontProxy, serving }: { readonly frontProxy?: FrontProxy; readonly serving?: KeyPair }): void {
    if (frontProxy !== undefined) this.#frontProxy = frontProxy;
    if (serving !== undefined) this.#serving = serving;
    if (this.#serving === undefined || this.#frontProxy === undefined) return;
    this.#server.setSecureContext({
      cert: this.#serving.certPem,
      key: this.#serving.keyPem,
      ca: this.#frontProxy.clientCa,
      minVersion: 'TLSv1.2',
      // A resumed session would be believed on the word of an authority that may be gone.
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
  }

  get isListening(): boolean {
    return this.#server.listening;
  }

  /** Resolves with `host:port`; rejects when the address is taken. */
  async listen(): Promise<string> {
    const { host, port } = this.#options.address;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const bound = this.#server.address();
    const shown = host ?? '0.0.0.0';
    return `${shown.includes(':') ? `[${shown}]` : shown}:${typeof bound === 'object' ? bound?.port : port}`;
  }

  /** Takes no more requests; what is under way ends, watches at once, the rest within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#closing.abort();
    this.#server.closeIdleConnections();
    const late = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(late);
  }

  /** Never rejects: what goes wrong is the answer. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const asked = { isWatch: false };
    response.once('close', () =>
      this.#options.onAnswer(request.method ?? '', response.statusCode, performance.now() - startedAt, asked.isWatch),
    );
    try {
      await this.#serve(request, response, asked);
    } catch (error) {
      if (response.destroyed) return;
      if (error instanceof StatusError) return sendError(response, error);
      if (!response.headersSent)
        this.#options.log.error({ err: error, method: request.method, url: request.url }, 'request to the view failed');
      sendError(response, internalError(messageOf(error)));
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse, asked: { isWatch: boolean }): Promise<void> {
    const url = parseRequestUrl(request.url ?? '/');
    if (this.#serveHealth(url.path, response)) return;
    if (this.#frontProxy === undefined) throw unauthorized();
    const caller = authenticate(request, this.#frontProxy);
    const target = parseTarget(url.path);
    asked.isWatch = isWatch(request, target, url);
    const ending = endingOf(response);
    const { gate } = this.#options.devices;
    const admitted = (asked.isWatch ? gate.watches : gate.requests).open(caller.user, 1, ending.end);
    response.once('close', () => admitted.close());
    if (target === undefined) {
      if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
      if (!serveDocument(request, response, url.path)) throw new PageNotFound();
      return;
    }
    // A watch would not end by itself for an hour.
    if (asked.isWatch) this.#endWithServer(response, ending);
    try {
      await serveDevices(this.#options.devices, { request, response, target, url, caller, admitted, ending });
    } catch (error) {
      const { reason } = ending.signal as { readonly reason: unknown };
      throw reason instanceof StatusError ? reason : error;
    }
  }

  #endWithServer(response: ServerResponse, { end }: Ending): void {
    const { signal } = this.#closing;
    const close = (): void => end();
    signal.addEventListener('abort', close, { once: true });
    response.once('close', () => signal.removeEventListener('abort', close));
  }

  #serveHealth(path: string, response: ServerResponse): boolean {
    if (!/^\/(healthz|livez|readyz)(\/|$)/.test(path)) return false;
    const problem = path.startsWith('/readyz') ? this.#options.problem() : undefined;
    const text = problem === undefined ? 'ok\n' : `[-]view failed: ${problem}\n`;
    response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(text);
    return true;
  }
}

function endingOf(response: ServerResponse): Ending {
  const ended = new AbortController();
  const end = (why: Error = ENDED): void => ended.abort(why);
  // To abort costs a tenth of a small request; what has been answered has nothing left to end.
  response.once('close', () => {
    if (!response.writableFinished) end();
  });
  return { signal: ended.signal, end };
}
