import type { Dispatcher } from 'undici';
import { OPERATOR_NAME } from '../api/operator-name.ts';
import { messageOf } from '../base/message-of.ts';
import { readApiJson } from '../api/exact-json.ts';
import type { KubeClient, KubeList, PatchType, Query, StatusBody, WatchEvent } from './client.ts';
import { ApiError, TransportError, describeUntrusted } from './errors.ts';
import type { ClusterConfig } from '../kubeconfig/kubeconfig.ts';
import { readLines } from './lines.ts';
import { Transport } from './transport.ts';
import type { Exchange } from './transport.ts';

export interface KubeClientOptions {
  /** Connections for requests; watches have connections of their own, so that they never starve requests. */
  readonly connections?: number;
  /** Milliseconds from a request to the end of its answer; watches excepted. */
  readonly timeoutMs?: number;
  readonly userAgent?: string;
  readonly onRequest?: (method: string, code: string, durationMs: number) => void;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Call {
  readonly method: Method;
  readonly path: string;
  readonly query: Query | undefined;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal: AbortSignal | undefined;
}

/** Reads what is no JSON, such as the metrics of a pod through the API server's proxy. */
export interface TextReader {
  text(path: string, signal?: AbortSignal): Promise<string>;
}

/** A client for one API server, over one pool of kept-alive HTTP/1.1 connections. */
export function createKubeClient(config: ClusterConfig, options: KubeClientOptions = {}): KubeClient & TextReader {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const requests = Transport.open(config, { timeoutMs, connections: options.connections ?? 16 });
  // A watch is silent for as long as nothing happens; the reflector's watchdog decides when that is too long.
  const watches = Transport.open(config, { timeoutMs, bodyTimeoutMs: 0 });
  return new HttpKubeClient(options, requests, watches);
}

class HttpKubeClient implements KubeClient, TextReader {
  readonly #options: KubeClientOptions;
  readonly #requests: Transport;
  readonly #watches: Transport;

  constructor(options: KubeClientOptions, requests: Transport, watches: Transport) {
    this.#options = options;
    this.#requests = requests;
    this.#watches = watches;
  }

  fenced(mayWrite: () => boolean): KubeClient {
    return new HttpKubeClient(this.#options, this.#requests.fenced(mayWrite), this.#watches);
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.#call<T>({ method: 'GET', path, query, signal });
  }

  text(path: string, signal?: AbortSignal): Promise<string> {
    return this.#answer({ method: 'GET', path, query: {}, accept: '*/*', signal }, (text) => text);
  }

  listMetadata<T>(path: string, query?: Query, signal?: AbortSignal): Promise<KubeList<T>> {
    return this.#call<KubeList<T>>({ method: 'GET', path, query, accept: METADATA_ONLY, signal });
  }

  create<T>(path: string, body: unknown, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.#call<T>({ method: 'POST', path, query, body, signal });
  }

  replace<T>(path: string, body: unknown, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.#call<T>({ method: 'PUT', path, query, body, signal });
  }

  patch<T>(path: string, type: PatchType, body: unknown, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.#call<T>({ method: 'PATCH', path, query, body, contentType: type, signal });
  }

  delete<T>(path: string, body?: unknown, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.#call<T>({ method: 'DELETE', path, query, body, signal });
  }

  async *watch<T>(path: string, query: Query, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const call: Call = { method: 'GET', path, query: { ...query, watch: true }, signal };
    const answer = await this.#watches.send(this.#exchangeOf(call)).catch((error: unknown) => {
      throw asTransportError(call, error, true);
    });
    if (answer.statusCode !== 200) throw await readError(answer);
    try {
      for await (const line of readLines(answer.body)) yield readApiJson(line) as WatchEvent<T>;
    } catch (error) {
      if (signal.aborted) return;
      throw asTransportError(call, error, false);
    } finally {
      answer.body.destroy();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#requests.destroy(), this.#watches.destroy()]);
  }

  #call<T>(call: Call): Promise<T> {
    return this.#answer(call, (text) => readApiJson(text) as T);
  }

  async #answer<T>(call: Call, read: (text: string) => T): Promise<T> {
    const startedAt = performance.now();
    let code = UNANSWERED;
    try {
      const answer = await this.#requests.sendPatiently(this.#exchangeOf(call));
      code = String(answer.statusCode);
      if (answer.statusCode >= 300) throw await readError(answer);
      return read(await answer.body.text());
    } catch (error) {
      const isOurs = error instanceof ApiError || error instanceof TransportError;
      throw isOurs ? error : asTransportError(call, error, code === UNANSWERED);
    } finally {
      this.#options.onRequest?.(call.method, code, performance.now() - startedAt);
    }
  }

  #exchangeOf({ method, path, query, body, contentType, accept, signal }: Call): Exchange {
    return {
      method,
      path: `${path}${queryString(query)}`,
      signal,
      headers: {
        accept: accept ?? 'application/json',
        'user-agent': this.#options.userAgent ?? OPERATOR_NAME,
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
  }
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** client-go's word for it, which dashboards know. */
const UNANSWERED = '<error>';

const DEFAULT_TIMEOUT_MS = 30_000;

function queryString(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

async function readError(answer: Dispatcher.ResponseData): Promise<ApiError> {
  const text = await answer.body.text();
  const body = parseStatus(text);
  const fromHeader = retryAfterMs(answer.headers['retry-after']);
  const seconds = body.details?.retryAfterSeconds;
  return new ApiError(
    answer.statusCode,
    body,
    fromHeader ?? (seconds === undefined ? undefined : clampRetry(seconds * 1000)),
  );
}

function parseStatus(text: string): StatusBody {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null) return body;
  } catch {
    // Proxies and overloaded servers answer in prose.
  }
  return { message: text.trim().slice(0, 500) || 'the API server gave no reason' };
}

/** An API server that starts with a hundred thousand objects asks for 16 s; one that asks for more is mistaken, or a stranger in between. */
const MAX_RETRY_AFTER_MS = 30_000;

function clampRetry(ms: number): number {
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3). */
function retryAfterMs(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return clampRetry(seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : clampRetry(date - Date.now());
}

/** A certificate is replaced by a person. */
const UNTRUSTED_RETRY_MS = 30_000;

function asTransportError({ method, path }: Call, error: unknown, isUnanswered: boolean): TransportError {
  const untrusted = describeUntrusted(error);
  if (untrusted !== undefined) {
    const message = `the certificate of the API server ${untrusted}; check server and certificate-authority in the kubeconfig`;
    return new TransportError(message, { cause: error, isUnanswered, retryAfterMs: UNTRUSTED_RETRY_MS });
  }
  const why = messageOf(error);
  return new TransportError(`${method} ${path}: ${why}`, { cause: error, isUnanswered });
}
