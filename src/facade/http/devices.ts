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
import type { StatusError } from '../../api/status-error.ts';
import { readBody } from './body.ts';
import type { Caller } from './front-proxy.ts';
import type { Holding } from '../gate/fair-pool.ts';
import type { Gate } from '../gate/gate.ts';
import type { Place } from '../gate/places.ts';
import { bodyType, negotiate } from './media-types.ts';
import type { Wanted } from './media-types.ts';
import { beginStream, sendDocument, sendJson, setWarnings, write } from './reply.ts';
import type { RequestUrl } from './request-url.ts';
import type { Share } from '../gate/share.ts';
import type { Target } from './target.ts';
import { forward, readText, warningsOf } from './upstream.ts';
import type { UpstreamAnswer } from './upstream.ts';
import { sendWrite } from './writes.ts';
import type { Write, WritePorts } from './write.ts';

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
  /** What the caller holds of the gate for it. */
  readonly admitted: Holding;
  readonly ending: Ending;
}

export interface Ending {
  /** Aborts when the client goes, and by `end`. */
  readonly signal: AbortSignal;
  /** An error of it is the answer, where none has begun. */
  readonly end: (why?: StatusError) => void;
}

/** An API server's own limit for all but watches. */
const REQUEST_MS = 60_000;

/** TLS and HTTP on both sides; what is done with the body is counted apart. */
const REQUEST_COST_MS = 0.4;
/** Of what is read, compared and written again. */
const BODY_BYTES_PER_MS = 30_000;

/** Beyond what an API server lets a watch last: whose connection has gone without a word would never end by itself. */
const WATCH_SECONDS = { most: 3600, grace: 30 };
/** A client that has not read by then is slow, and works no more. */
const SLOW_AFTER_MS = 250;

export function isWatch({ method }: IncomingMessage, target: Target | undefined, { query }: RequestUrl): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    target !== undefined &&
    target.name === undefined &&
    isSet(query, 'watch')
  );
}

/** Answers one request; rejects with a StatusError. */
export async function serveDevices(ports: DevicePorts, asked: DeviceRequest): Promise<void> {
  const { request, target, url, caller, admitted, ending } = asked;
  const method = methodOf(request, target);
  const wanted = negotiate(request.headers.accept);
  if (isWatch(request, target, url)) return serveWatch(ports, asked, wanted);
  // Not at work yet: who sends slowly keeps nobody waiting.
  const body = method === 'GET' ? undefined : await receive(ports.gate, asked);
  const place = await ports.gate.places.enter(caller.user, ending.signal);
  body?.held.close();
  admitted.pin();
  const cancel = ports.clock.after(REQUEST_MS, ending.end);
  try {
    ports.share.charge(REQUEST_COST_MS + (body?.bytes.length ?? 0) / BODY_BYTES_PER_MS);
    await ports.share.rest(ending.signal);
    if (method !== 'GET')
      return await serveWrite(ports, { asked, place, wanted }, method, body?.bytes ?? Buffer.alloc(0));
    const answer = await forward(ports.transport, readOf(asked, wanted));
    setWarnings(asked.response, [], warningsOf(answer.headers));
    return await sendAnswer(ports, { asked, place, wanted }, answer);
  } finally {
    cancel();
    place.leave();
  }
}

/** A request at work. */
interface AtWork {
  readonly asked: DeviceRequest;
  readonly place: Place;
  readonly wanted: Wanted;
}

async function receive(
  { bodies }: Gate,
  { request, response, caller, ending }: DeviceRequest,
): Promise<{ readonly bytes: Buffer; readonly held: Holding }> {
  if (request.headers['content-encoding'] !== undefined) throw unsupportedMediaType(['identity']);
  const held = bodies.open(caller.user, 0, ending.end);
  response.once('close', () => held.close());
  const bytes = await readBody(request, { onBytes: (count) => held.grow(count), signal: ending.signal });
  return { bytes, held };
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

function readOf({ request, target, url, ending: { signal } }: DeviceRequest, wanted: Wanted) {
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

async function serveWrite(ports: DevicePorts, work: AtWork, method: Write['method'], body: Buffer): Promise<void> {
  const { asked, wanted } = work;
  const { request, response, target, url, caller } = asked;
  const { signal } = asked.ending;
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
  if (written.document === undefined) return sendAnswer(ports, work, written.answer);
  const { document, answer } = written;
  return sendDocument(
    response,
    answer.code,
    ports.share.work(() => show(document)),
    wanted.format,
  );
}

/** A collection is answered with a list, item by item; everything else is one object. */
async function sendAnswer(ports: DevicePorts, work: AtWork, answer: UpstreamAnswer): Promise<void> {
  const { share } = ports;
  const { request, response, target, ending } = work.asked;
  const { format } = work.wanted;
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
    await share.rest(ending.signal);
    const piece = await pieces.next();
    if (piece.done === true) break;
    const read = write(response, piece.value, ending.signal);
    if (read !== undefined) await whileRead(ports, work, read);
  }
  response.end();
}

/** Waits for the client; not at work any more when it is slow. */
async function whileRead(
  { gate, clock }: DevicePorts,
  { asked, place }: AtWork,
  read: Promise<unknown>,
): Promise<void> {
  const { caller, ending } = asked;
  const late = Promise.withResolvers<'late'>();
  const cancel = clock.after(SLOW_AFTER_MS, () => late.resolve('late'));
  try {
    if ((await Promise.race([read, late.promise])) !== 'late') return;
  } finally {
    cancel();
  }
  const slow = gate.slow.open(caller.user, 1, ending.end);
  place.leave();
  try {
    await read;
  } finally {
    slow.close();
  }
  await place.resume(ending.signal);
}

async function serveWatch(ports: DevicePorts, asked: DeviceRequest, wanted: Wanted): Promise<void> {
  if (wanted.format !== 'json') throw notAcceptable(['application/json']);
  const { response, ending, url } = asked;
  const seconds = Number(url.query.get('timeoutSeconds')) || WATCH_SECONDS.most;
  const lastsMs = (Math.min(seconds, WATCH_SECONDS.most) + WATCH_SECONDS.grace) * 1000;
  const cancel = ports.clock.after(lastsMs, ending.end);
  try {
    const answer = await forward(ports.watches, readOf(asked, wanted));
    setWarnings(response, [], warningsOf(answer.headers));
    beginStream(response, answer.code, 'application/json');
    await passEvents(ports, answer, asked);
  } finally {
    cancel();
  }
}

async function passEvents({ share }: DevicePorts, answer: UpstreamAnswer, asked: DeviceRequest): Promise<void> {
  const { response, ending } = asked;
  try {
    for await (const line of readLines(answer.body)) {
      const text = share.work(() => JSON.stringify(showEvent(readApiJson(line) as JsonValue)));
      await write(response, `${text}\n`, ending.signal);
      await share.rest(ending.signal);
    }
  } catch (error) {
    // The client has gone, its time is over, or the view closes: then it watches on elsewhere.
    if (!ending.signal.aborted) throw error;
  } finally {
    response.end();
    answer.body.destroy();
  }
}
