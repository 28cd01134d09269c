/** A TLS reverse proxy in front of an API server that breaks on command, and counts what passes. */
import { randomBytes } from 'node:crypto';
import { createServer, request as httpsRequest } from 'node:https';
import type { Agent, RequestOptions, Server } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { json } from 'node:stream/consumers';
import { createAuthority } from '../real/certificates.ts';
import { answerBusy, answerEmpty, answerExpired, answerRefused, answerShort } from './api-proxy-answers.ts';
import type { JsonList } from './api-proxy-answers.ts';
import { agentFor, authorizationFor } from './http.ts';
import { readKubeconfig, writeKubeconfig } from './kubeconfig.ts';
import { RequestLog } from './request-log.ts';
import type { RequestRecord } from './request-log.ts';
import { resetSocket } from './reset-socket.ts';

export interface ApiProxy {
  readonly url: string;
  /** For clients that shall go through the proxy; they act as the user of the kubeconfig behind it. */
  readonly kubeconfig: string;
  /** What has passed, newest last. */
  readonly log: RequestLog;
  /** Resets every connection and refuses new ones. */
  cut(): void;
  /** Takes requests and answers nothing; open watches fall silent. What hung is reset by `restore`. */
  hang(): void;
  /** Answers every request with 429 and Retry-After; open watches go on. */
  answer429(retryAfterSeconds: number): void;
  /** Answers requests that `isRefused` says with a Status of that code. */
  refuse(code: number, isRefused: (record: RequestRecord) => boolean): void;
  /** Delays every request (not what a watch sends) by `ms`. */
  latency(ms: number): void;
  /** Answers the next `times` LISTs of devices with 200 and no items, whatever there is. */
  emptyLists(times: number, resource?: 'devices' | 'schemas'): void;
  /** Cuts the next LIST of devices after its first object; the answer tells how many it leaves out, or looks like all there is. */
  shortenList(isTold: boolean): void;
  /** Holds back the answers to LISTs of devices, which show the moment in which they were asked for, until the returned function is called. */
  holdLists(): () => void;
  /** Ends every fault above; resolves when connections are taken again. */
  restore(): Promise<void>;
  /** Breaks every open watch off in the middle of a JSON line; returns how many there were. */
  dropMidLine(): number;
  /** Ends every open watch; the next watch of each of those resources is answered with 410 Expired, once. */
  expireWatches(): number;
  /** Open watches stay open and say nothing more, as behind a firewall that forgot them; everything else works. */
  silenceWatches(): number;
  close(): Promise<void>;
}

type Fault = { readonly kind: 'none' | 'hang' } | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

interface OpenWatch {
  readonly path: string;
  readonly upstream: IncomingMessage;
  readonly response: ServerResponse;
}

/** Starts a proxy to the API server of `upstreamKubeconfig`; writes its own kubeconfig to `kubeconfigPath`. */
export async function startApiProxy(upstreamKubeconfig: string, kubeconfigPath: string): Promise<ApiProxy> {
  const authority = await createAuthority('mir-test-proxy-ca');
  const certificate = await authority.issueServer('api-proxy');
  const token = randomBytes(16).toString('hex');
  const server = createServer({ cert: certificate.certPem, key: certificate.keyPem });
  const proxy = new FaultyProxy(server, upstreamKubeconfig, token);
  await proxy.listen();
  const url = `https://127.0.0.1:${proxy.port}`;
  const kubeconfig = writeKubeconfig(kubeconfigPath, { url, caPem: authority.certPem, credentials: { token } });
  return Object.assign(proxy, { url, kubeconfig });
}

class FaultyProxy {
  readonly log = new RequestLog();
  readonly #server: Server;
  readonly #token: string;
  readonly #upstreamUrl: URL;
  /** Requests with the proxy's own token go on as the user of the kubeconfig; others go on as they came. */
  readonly #asOwnUser: Agent;
  readonly #asSent: Agent;
  readonly #ownUserHeaders: Readonly<Record<string, string>>;
  readonly #sockets = new Set<Socket>();
  /** What speaks TLS on each of them, by the port of the client. */
  readonly #secured = new Map<number | undefined, TLSSocket>();
  readonly #watches = new Set<OpenWatch>();
  readonly #expired = new Set<string>();
  #fault: Fault = { kind: 'none' };
  #emptyLists = { resource: '', times: 0 };
  #shortList: { readonly isTold: boolean } | undefined;
  #listsReleased: Promise<void> = Promise.resolve();
  #refusal: { readonly code: number; readonly isRefused: (record: RequestRecord) => boolean } | undefined;
  #latencyMs = 0;
  #port = 0;

  constructor(server: Server, upstreamKubeconfig: string, token: string) {
    const access = readKubeconfig(upstreamKubeconfig);
    this.#server = server;
    this.#token = token;
    this.#upstreamUrl = new URL(access.url);
    this.#asOwnUser = agentFor(access);
    this.#asSent = agentFor({ ...access, credentials: {} });
    this.#ownUserHeaders = authorizationFor(access);
    server.on('request', (request, response) => this.#take(request, response));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      const { remotePort } = socket;
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.#secured.delete(remotePort);
      });
    });
    server.on('secureConnection', (socket: TLSSocket) => this.#secured.set(socket.remotePort, socket));
    // Connections that are reset during a handshake are what this proxy is for.
    server.on('tlsClientError', () => undefined);
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    this.#server.close();
    this.#resetAll();
  }

  hang(): void {
    this.#fault = { kind: 'hang' };
    this.silenceWatches();
  }

  answer429(retryAfterSeconds: number): void {
    this.#fault = { kind: 'busy', retryAfterSeconds };
  }

  emptyLists(times: number, resource = 'devices'): void {
    this.#emptyLists = { resource, times };
  }

  shortenList(isTold: boolean): void {
    this.#shortList = { isTold };
  }

  holdLists(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listsReleased = promise;
    return resolve;
  }

  refuse(code: number, isRefused: (record: RequestRecord) => boolean): void {
    this.#refusal = { code, isRefused };
  }

  latency(ms: number): void {
    this.#latencyMs = ms;
  }

  async restore(): Promise<void> {
    if (this.#fault.kind === 'hang') this.#resetAll();
    this.#fault = { kind: 'none' };
    this.#latencyMs = 0;
    this.#refusal = undefined;
    this.#emptyLists = { resource: '', times: 0 };
    if (!this.#server.listening) await this.listen();
  }

  dropMidLine(): number {
    return this.#endWatches(({ response }) => {
      response.write('{"type":"MODIFIED","object":{"apiVersion":"iot.mir/v1alpha","kind":"devi', () =>
        response.socket?.destroy(),
      );
    });
  }

  expireWatches(): number {
    for (const { path } of this.#watches) this.#expired.add(path);
    return this.#endWatches(({ response }) => response.end());
  }

  silenceWatches(): number {
    return this.#endWatches(() => undefined);
  }

  async close(): Promise<void> {
    this.#resetAll();
    this.#asOwnUser.destroy();
    this.#asSent.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #endWatches(end: (watch: OpenWatch) => void): number {
    const open = [...this.#watches];
    this.#watches.clear();
    for (const watch of open) {
      watch.upstream.unpipe(watch.response);
      watch.upstream.destroy();
      end(watch);
    }
    return open.length;
  }

  #resetAll(): void {
    this.#watches.clear();
    for (const socket of this.#sockets) resetSocket(socket, this.#secured.get(socket.remotePort));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const record = this.log.begin(request);
    response.once('finish', () => {
      record.status = response.statusCode;
    });
    // After a cut, what was already read still arrives here: it must not reach the API server.
    if (!this.#server.listening) return void request.socket.destroy();
    if (this.#fault.kind === 'hang') return void request.resume();
    if (this.#fault.kind === 'busy') return answerBusy(response, this.#fault.retryAfterSeconds);
    if (this.#refusal?.isRefused(record) === true) return answerRefused(response, this.#refusal.code, record);
    if (record.isWatch && this.#expired.delete(record.path)) return answerExpired(response);
    if (this.#emptyLists.times > 0 && isListOf(this.#emptyLists.resource, record)) {
      this.#emptyLists.times -= 1;
      return answerEmpty(response);
    }
    if (this.#shortList !== undefined && isListOf('devices', record)) {
      const { isTold } = this.#shortList;
      this.#shortList = undefined;
      return this.#answerShort(request, response, isTold);
    }
    if (this.#latencyMs === 0) this.#forward(request, response, record);
    else setTimeout(() => this.#forward(request, response, record), this.#latencyMs);
  }

  #upstreamOptions({ method = 'GET', headers }: IncomingMessage): RequestOptions {
    const hasOwnToken = headers.authorization === `Bearer ${this.#token}`;
    return {
      method,
      agent: hasOwnToken ? this.#asOwnUser : this.#asSent,
      headers: forwardedHeaders(headers, hasOwnToken ? this.#ownUserHeaders : undefined),
    };
  }

  #answerShort(request: IncomingMessage, response: ServerResponse, isTold: boolean): void {
    const url = new URL(request.url ?? '/', this.#upstreamUrl);
    url.searchParams.set('limit', '1');
    httpsRequest(url, this.#upstreamOptions(request), (answer) => {
      void json(answer).then((list) => answerShort(response, list as JsonList, isTold));
    })
      .on('error', () => response.destroy())
      .end();
  }

  #forward(request: IncomingMessage, response: ServerResponse, record: RequestRecord): void {
    const url = new URL(request.url ?? '/', this.#upstreamUrl);
    const upstream = httpsRequest(url, this.#upstreamOptions(request), (answer) => {
      const released = isListOf('devices', record) ? this.#listsReleased : undefined;
      if (released === undefined) this.#answer(answer, response, record);
      else void released.then(() => this.#answer(answer, response, record));
    });
    upstream.on('error', () => response.destroy());
    response.once('close', () => upstream.destroy());
    record.collectBody(request);
    request.pipe(upstream);
  }

  #answer(answer: IncomingMessage, response: ServerResponse, record: RequestRecord): void {
    record.status = answer.statusCode ?? 0;
    response.writeHead(record.status, endToEnd(answer.headers));
    answer.on('error', () => response.destroy());
    answer.pipe(response);
    if (!record.isWatch) return;
    // The head of a watch must not wait for its first event.
    response.flushHeaders();
    const watch = { path: record.path, upstream: answer, response };
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
  }
}

function forwardedHeaders(
  headers: IncomingHttpHeaders,
  credentials: Readonly<Record<string, string>> | undefined,
): IncomingHttpHeaders {
  const { host: _host, authorization, ...rest } = endToEnd(headers);
  if (credentials !== undefined) return { ...rest, ...credentials };
  return authorization === undefined ? rest : { ...rest, authorization };
}

/** Without the headers that belong to one connection [RFC 9110 7.6.1]. */
function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const {
    connection: _connection,
    'keep-alive': _keepAlive,
    'transfer-encoding': _transferEncoding,
    upgrade: _upgrade,
    ...rest
  } = headers;
  return rest;
}

/** A LIST of all; one of a single object only asks how new the server's state is. */
function isListOf(resource: string, { method, path, isWatch, query }: RequestRecord): boolean {
  return method === 'GET' && path.endsWith(`/${resource}`) && !isWatch && query.get('limit') !== '1';
}
