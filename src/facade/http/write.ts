/** One write, and its way to the CRD's API. */
import { isJsonObject } from '../../api/exact-json.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import { StatusError } from '../../api/status-error.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Transport } from '../../kube/transport.ts';
import type { Caller } from './front-proxy.ts';
import type { Target } from './target.ts';
import { forward, readAnswer, warningsOf } from './upstream.ts';
import type { UpstreamAnswer } from './upstream.ts';

export interface Write {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly target: Target;
  readonly query: URLSearchParams;
  /** With its question mark; `''`: none. */
  readonly search: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly caller: Caller;
  /** Headers that go along: what is accepted, and who asks. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Milliseconds until its answer begins; undefined: as long as the transport allows. */
  readonly answerTimeoutMs?: number;
}

export interface WriteAnswer {
  readonly answer: UpstreamAnswer;
  /** The answer's body, where it had to be read already. */
  readonly document: JsonValue | undefined;
  /** The view's own. */
  readonly warnings: readonly string[];
  /** Header values of the CRD's API. */
  readonly forwarded: readonly string[];
}

export interface WritePorts {
  readonly transport: Transport;
  /** What the operator holds of an object, perhaps a little old; undefined: nothing. */
  readonly peek: (namespace: string, name: string) => JsonObject | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

export const JSON_TYPE = 'application/json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

/** With any other value an API server refuses the write, or carries it out. */
export const isDryRun = ({ query }: Write): boolean => query.getAll('dryRun').includes('All');

export async function passOn(
  { transport }: WritePorts,
  { method, target, search, contentType, headers, signal, answerTimeoutMs }: Write,
  body: Buffer | JsonValue,
  { warnings }: { readonly warnings: readonly string[] } = { warnings: [] },
): Promise<WriteAnswer> {
  const isEmpty = Buffer.isBuffer(body) && body.length === 0;
  const type = Buffer.isBuffer(body) || method === 'PATCH' ? contentType : JSON_TYPE;
  const answer = await forward(transport, {
    method,
    path: `${target.storedPath}${search}`,
    headers: type === '' ? headers : { ...headers, 'content-type': type },
    ...(isEmpty ? {} : { body: Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
    signal,
    answerTimeoutMs,
  });
  return { answer, document: undefined, warnings, forwarded: warningsOf(answer.headers) };
}

/** The object as it is stored; undefined: there is none. */
export async function read({ transport }: WritePorts, { target, signal }: Write): Promise<JsonObject | undefined> {
  try {
    const headers = { accept: JSON_TYPE };
    const answer = await forward(transport, { method: 'GET', path: target.storedPath, headers, signal });
    const object = await readAnswer(answer);
    return isJsonObject(object) ? object : undefined;
  } catch (error) {
    if (error instanceof StatusError && error.code === 404) return undefined;
    throw error;
  }
}
