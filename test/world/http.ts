/** Raw HTTPS requests to an API server: what tests compare, without a client that would interpret anything. */
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readKubeconfig } from './kubeconfig.ts';
import type { Access } from './kubeconfig.ts';

export interface RawRequest {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body, or undefined when it is not JSON. */
  readonly json: unknown;
}

/** Sends one request as the kubeconfig's user; a body that is not a string goes as JSON. Rejects only without an answer. */
export async function request(
  kubeconfig: string,
  method: string,
  path: string,
  options: RawRequest = {},
): Promise<RawResponse> {
  const response = await open(kubeconfig, method, path, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) };
}

/** Sends one request and resolves with the answer's stream as soon as its head is there: for watches. */
export function open(
  kubeconfig: string,
  method: string,
  path: string,
  options: RawRequest = {},
): Promise<IncomingMessage> {
  const { url, agent, authorization } = connectionTo(kubeconfig);
  const body = options.body === undefined ? undefined : bodyText(options.body);
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      new URL(path, url),
      {
        agent,
        method,
        headers: {
          accept: 'application/json',
          ...authorization,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...options.headers,
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      resolve,
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

interface Connection {
  readonly url: string;
  readonly agent: Agent;
  readonly authorization: Readonly<Record<string, string>>;
}

const connections = new Map<string, Connection>();

function connectionTo(kubeconfig: string): Connection {
  let connection = connections.get(kubeconfig);
  if (connection === undefined) {
    const access = readKubeconfig(kubeconfig);
    connection = { url: access.url, agent: agentFor(access), authorization: authorizationFor(access) };
    connections.set(kubeconfig, connection);
  }
  return connection;
}

/** A keep-alive agent that shows the access's client certificate, if it has one. */
export function agentFor({ caPem, credentials }: Access): Agent {
  const certificate = 'certPem' in credentials ? { cert: credentials.certPem, key: credentials.keyPem } : {};
  return new Agent({ keepAlive: true, ca: caPem, ...certificate });
}

export function authorizationFor({ credentials }: Access): Record<string, string> {
  return 'token' in credentials ? { authorization: `Bearer ${credentials.token}` } : {};
}

function bodyText(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
