import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { fence } from './fence.ts';
import type { ClusterConfig } from '../kubeconfig/kubeconfig.ts';

export interface TransportOptions {
  readonly connections?: number;
  /** Milliseconds until the head of an answer, and between two pieces of its body. */
  readonly timeoutMs: number;
  /** Another limit between two pieces of the body; 0: none. */
  readonly bodyTimeoutMs?: number;
}

export interface Exchange {
  readonly method: Dispatcher.HttpMethod;
  /** Absolute, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** In place of the transport's own limit for the head of the answer, and between two pieces of its body. */
  readonly answerTimeoutMs?: number | undefined;
}

const DEAD = ['UND_ERR_SOCKET', 'ECONNRESET'];

/** Requests to one API server as one user, over one pool of kept-alive HTTP/1.1 connections. */
export class Transport {
  readonly #config: ClusterConfig;
  readonly #dispatcher: Dispatcher;

  constructor(config: ClusterConfig, dispatcher: Dispatcher) {
    this.#config = config;
    this.#dispatcher = dispatcher;
  }

  static open(config: ClusterConfig, options: TransportOptions): Transport {
    const { connections, timeoutMs, bodyTimeoutMs = timeoutMs } = options;
    const agent = new Agent({
      allowH2: false,
      pipelining: 1,
      connect: { ...tlsOptions(config), timeout: 10_000 },
      keepAliveTimeout: 30_000,
      headersTimeout: timeoutMs,
      bodyTimeout: bodyTimeoutMs,
      ...(connections === undefined ? {} : { connections }),
    });
    return new Transport(config, agent);
  }

  /** Over the same pool, but no request goes out that changes something while `mayWrite` says no: it rejects with a TransportError. */
  fenced(mayWrite: () => boolean): Transport {
    return new Transport(this.#config, this.#dispatcher.compose(fence(mayWrite)));
  }

  /** A refused token may have been replaced since; nothing was done with it, so that everything may be sent again. */
  async send(exchange: Exchange): Promise<Dispatcher.ResponseData> {
    const token = await this.#config.token();
    const answer = await this.#sendAs(token, exchange);
    if (answer.statusCode !== 401 || token === undefined) return answer;
    const newer = await this.#config.token(token).catch(() => token);
    if (newer === token) return answer;
    await answer.body.dump();
    return this.#sendAs(newer, exchange);
  }

  /** The same; what changes nothing is sent once more where a kept-alive connection is found dead. */
  async sendPatiently(exchange: Exchange): Promise<Dispatcher.ResponseData> {
    try {
      return await this.send(exchange);
    } catch (error) {
      const isDead = error instanceof Error && 'code' in error && DEAD.includes(String(error.code));
      if (!isDead || exchange.method !== 'GET' || exchange.signal?.aborted === true) throw error;
      return this.send(exchange);
    }
  }

  destroy(): Promise<void> {
    return this.#dispatcher.destroy();
  }

  #sendAs(
    token: string | undefined,
    { method, path, headers, body, signal, answerTimeoutMs }: Exchange,
  ): Promise<Dispatcher.ResponseData> {
    return this.#dispatcher.request({
      ...this.#target(path),
      method,
      ...(signal === undefined ? {} : { signal }),
      ...(answerTimeoutMs === undefined ? {} : { headersTimeout: answerTimeoutMs, bodyTimeout: answerTimeoutMs }),
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { body }),
    });
  }

  /** A server may be reached under a path of its own, as behind a proxy. */
  #target(path: string): { readonly origin: string; readonly path: string } {
    const { origin, pathname, search } = new URL(`${this.#config.server}${path}`);
    return { origin, path: `${pathname}${search}` };
  }
}

function tlsOptions({ ca, cert, key, insecureSkipVerify, serverName }: ClusterConfig): Record<string, unknown> {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(insecureSkipVerify ? { rejectUnauthorized: false } : {}),
  };
}
