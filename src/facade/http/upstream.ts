import type { Dispatcher } from 'undici';
import { isJsonObject, readApiJson } from '../../api/exact-json.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import { messageOf } from '../../base/message-of.ts';
import type { Exchange, Transport } from '../../kube/transport.ts';
import { objectIn, textIn } from '../../api/json-fields.ts';
import { show } from '../../mir-shape/show.ts';
import { gatewayTimeout, internalError, serviceUnavailable, StatusError } from '../../api/status-error.ts';

type Headers = Dispatcher.ResponseData['headers'];

/** What the CRD's API answered; an error of it is a StatusError. */
export interface UpstreamAnswer {
  readonly code: number;
  readonly headers: Headers;
  readonly body: Dispatcher.ResponseData['body'];
}

/** An object is 1.5 MB at most in etcd; JSON may need somewhat more. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 1024 * 1024;

/** Sends a request on to the CRD's API, in the operator's name. Rejects with a StatusError in the words of the view. */
export async function forward(transport: Transport, exchange: Exchange): Promise<UpstreamAnswer> {
  const answer = await transport.sendPatiently(exchange).catch((error: unknown) => {
    throw unanswered(error);
  });
  const { statusCode: code, headers, body } = answer;
  if (code >= 300) throw await errorOf(answer);
  return { code, headers, body };
}

/** The whole body as JSON. */
export async function readAnswer(answer: UpstreamAnswer): Promise<JsonValue> {
  return readApiJson(await readText(answer)) as JsonValue;
}

/** The whole body. */
export async function readText({ headers, body }: UpstreamAnswer): Promise<string> {
  try {
    // To iterate a stream costs a tenth of what a small request takes.
    const isShort = Number(headers['content-length'] ?? Number.NaN) <= MAX_ANSWER_BYTES;
    return isShort ? await body.text() : await textOf(body, MAX_ANSWER_BYTES);
  } catch (error) {
    throw error instanceof StatusError ? error : unanswered(error);
  }
}

/** An error that proves that nothing was changed: the request was not sent, or its sender was turned away. */
export class NothingDone extends StatusError {
  constructor({ code, reason, message, details }: StatusError) {
    super(code, reason, message, details);
  }
}

/** An error of the CRD's API, as it is answered on: with its own body. */
export class ForwardedError extends StatusError {
  readonly #body: JsonObject;
  readonly warnings: readonly string[];

  constructor(code: number, body: JsonObject, headers: Headers) {
    const details = { ...objectIn(body, 'details'), ...retryAfterIn(headers) };
    super(code, textIn(body, 'reason') ?? '', textIn(body, 'message') ?? '', details);
    this.#body = body;
    this.warnings = warningsOf(headers);
  }

  override body(): object {
    return this.#body;
  }
}

async function errorOf({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<StatusError> {
  const text = await textOf(body, MAX_ERROR_BYTES).catch(() => '');
  const status = parsed(text);
  const message = textIn(status, 'message') ?? text.trim().slice(0, 500);
  if (statusCode === 401)
    return new NothingDone(internalError("the API server does not know the Mir view's own account; see its log"));
  const lacked = /User "[^"]*" cannot (.*)$/.exec(message)?.[1];
  if (statusCode === 403 && lacked !== undefined)
    return new NothingDone(
      internalError(`the Mir view's own account cannot ${lacked}; the chart grants it (view.enabled, rbac.create)`),
    );
  if (status?.['kind'] !== 'Status') {
    if (statusCode === 404)
      return new StatusError(404, 'NotFound', 'the CRD devices.iot.mir is not served; install it', {});
    return new StatusError(statusCode, '', message || `the API server answered ${statusCode}`, retryAfterIn(headers));
  }
  return new ForwardedError(statusCode, show(status) as JsonObject, headers);
}

/** Without it clients take a 429 for the end. */
function retryAfterIn({ 'retry-after': header }: Headers): { readonly retryAfterSeconds?: number } {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? { retryAfterSeconds: Number(header) } : {};
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function warningsOf(headers: Headers): string[] {
  const { warning } = headers;
  return warning === undefined ? [] : [warning].flat();
}

async function textOf(body: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw internalError(`the answer of the API server is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Errors of a connection that did not come about. */
const UNCONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'];
const TIMEOUTS = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT'];

function unanswered(error: unknown): StatusError {
  const why = messageOf(error);
  const code = codeOf(error);
  const isLate = (error instanceof Error && error.name === 'AbortError') || TIMEOUTS.includes(code);
  const answer = isLate
    ? gatewayTimeout(`the API server did not answer the Mir view in time: ${why}`)
    : serviceUnavailable(`the API server cannot be reached from the Mir view: ${why}`);
  return UNCONNECTED.includes(code) ? new NothingDone(answer) : answer;
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
