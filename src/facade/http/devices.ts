/** Requests about devices: what is asked, in whose name, and in what form the answer goes out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readApiJson } from '../../api/exact-json.ts';
import type { JsonValue } from '../../api/json-value.ts';
import { isSet } from '../../kube/query-flag.ts';
import { readLines } from '../../kube/lines.ts';
import type { Transport } from '../../kube/transport.ts';
import { show, showEvent } from '../../mir-shape/show.ts';
import { showList } from '../../mir-shape/show-list.ts';
import { spliceDevice } from '../../mir-shape/splice.ts';
import {
  methodNotAllowed,
  notAcceptable,
  notFound,
  PageNotFound,
  unsupportedMediaType,
} from '../../api/status-error.ts';
import { readBody } from './body.ts';
import type { Caller } from './front-proxy.ts';
import type { Gate } from './gate.ts';
import { bodyType, negotiate } from './media-types.ts';
import type { Wanted } from './media-types.ts';
import { beginStream, sendDocument, sendJson, setWarnings, write } from './reply.ts';
import type { RequestUrl } from './request-url.ts';
import type { Share } from './share.ts';
import type { Target } from './target.ts';
import { forward, readText, warningsOf } from './upstream.ts';
import type { UpstreamAnswer } from './upstream.ts';
import { sendWrite } from './writes.ts';
import type { Write, WritePorts } from './writes.ts';

export interface DevicePorts extends WritePorts {
  /** For watches, which are silent for as long as nothing happens. */
  readonly watches: Transport;
  readonly gate: Gate;
  readonly share: Share;
}

export interface DeviceRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
  readonly url: RequestUrl;
  readonly caller: Caller;
  /** Aborts when the client goes, and by `end`. */
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/** An API server's own limit for all but watches. */
const REQUEST_MS = 60_000;

/** TLS and HTTP on both sides, beside what is done with the body. */
const REQUEST_COST_MS = 0.4;
/** Of what is read, compared and written again. */
const BODY_BYTES_PER_MS = 30_000;

/** Answers one request; rejects with a StatusError. */
export async function serveDevices(ports: DevicePorts, asked: DeviceRequest): Promise<void> {
  const { request, target, url, signal } = asked;
  const method = methodOf(request, target);
  const wanted = negotiate(request.headers.accept);
  if (method === 'GET' && target.name === undefined && isSet(url.query, 'watch')) {
    const close = ports.gate.openWatch();
    try {
      return await serveWatch(ports, asked, wanted);
    } finally {
      close();
    }
  }
  const leave = await ports.gate.enter(signal);
  ports.share.charge(REQUEST_COST_MS);
  await ports.share.rest(signal);
  const late = setTimeout(asked.end, REQUEST_MS);
  try {
    if (method !== 'GET') return await serveWrite(ports, asked, method, wanted);
    const answer = await forward(ports.transport, readOf(asked, wanted));
    setWarnings(asked.response, [], warningsOf(answer.headers));
    return await sendAnswer(ports, asked, answer, wanted);
  } finally {
    clearTimeout(late);
    leave();
  }
}

function methodOf({ method = '' }: IncomingMessage, { name, namespace, subresource }: Target): 'GET' | Write['method'] {
  if (subresource !== undefined && subresource !== 'status') throw notFound(name ?? '');
  if (method === 'GET' || method === 'HEAD') return 'GET';
  if (namespace === undefined) throw new PageNotFound();
  if (subresource !== undefined)
    throw methodNotAllowed('status is written by the operator only, and read-only in mir/v1alpha');
  const isServed = name === undefined ? ['POST', 'DELETE'] : ['PUT', 'PATCH', 'DELETE'];
  if (!isServed.includes(method)) throw methodNotAllowed();
  return method as Write['method'];
}

function readOf({ request, target, url, signal }: DeviceRequest, wanted: Wanted) {
  return {
    method: 'GET' as const,
    path: `${target.storedPath}${url.search}`,
    headers: headersOf(request, wanted),
    signal,
  };
}

/** The user agent names the field manager of those who do not; the audit id joins both requests in the audit log. */
function headersOf({ headers }: IncomingMessage, { accept }: Wanted): Record<string, string> {
  const { 'audit-id': auditId, 'user-agent': userAgent } = headers;
  return {
    accept,
    ...(userAgent !== undefined && { 'user-agent': userAgent }),
    ...(typeof auditId === 'string' && { 'audit-id': auditId }),
  };
}

async function serveWrite(
  ports: DevicePorts,
  asked: DeviceRequest,
  method: Write['method'],
  wanted: Wanted,
): Promise<void> {
  const { request, response, target, url, caller, signal } = asked;
  if (request.headers['content-encoding'] !== undefined) throw unsupportedMediaType(['identity']);
  const body = await readBody(request);
  ports.share.charge(body.length / BODY_BYTES_PER_MS);
  const written = await sendWrite(ports, {
    method,
    target,
    query: url.query,
    search: url.search,
    contentType: bodyType(request.headers['content-type']),
    body,
    caller,
    headers: headersOf(request, wanted),
    signal,
  });
  setWarnings(response, written.warnings, written.forwarded);
  if (written.document === undefined) return sendAnswer(ports, asked, written.answer, wanted);
  const { document, answer } = written;
  return sendDocument(
    response,
    answer.code,
    ports.share.work(() => show(document)),
    wanted.format,
  );
}

/** A collection is answered with a list, item by item; everything else is one object. */
async function sendAnswer(
  { share }: DevicePorts,
  { request, response, target, signal }: DeviceRequest,
  answer: UpstreamAnswer,
  { format }: Wanted,
): Promise<void> {
  if (target.name !== undefined || request.method === 'POST') {
    const text = await readText(answer);
    const shown = share.work(() => (format === 'json' ? spliceDevice(text.trimEnd()) : undefined));
    if (shown !== undefined) return sendJson(response, answer.code, shown);
    const document = readApiJson(text) as JsonValue;
    const asMir = share.work(() => show(document));
    return sendDocument(response, answer.code, asMir, format);
  }
  beginStream(response, answer.code, `application/${format}`);
  const pieces = showList(answer.body, format, (piece) => share.work(piece));
  for (;;) {
    await share.rest(signal);
    const piece = await pieces.next();
    if (piece.done === true) break;
    await write(response, piece.value, signal);
  }
  response.end();
}

async function serveWatch(ports: DevicePorts, asked: DeviceRequest, wanted: Wanted): Promise<void> {
  if (wanted.format !== 'json') throw notAcceptable(['application/json']);
  const { response, signal } = asked;
  const answer = await forward(ports.watches, readOf(asked, wanted));
  setWarnings(response, [], warningsOf(answer.headers));
  beginStream(response, answer.code, 'application/json');
  try {
    for await (const line of readLines(answer.body)) {
      const text = ports.share.work(() => JSON.stringify(showEvent(readApiJson(line) as JsonValue)));
      await write(response, `${text}\n`, signal);
      await ports.share.rest(signal);
    }
  } catch (error) {
    // The client has gone, or the view closes: then it watches on elsewhere.
    if (!signal.aborted) throw error;
  } finally {
    response.end();
    answer.body.destroy();
  }
}
