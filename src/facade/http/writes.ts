/** Writes: what the client sent becomes what the CRD's API takes, and the change gets its author. */
import { isJsonObject } from '../../api/exact-json.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import type { Logger } from '../../base/log.ts';
import { API_VERSION } from '../../api/device.ts';
import { OPERATOR_NAME } from '../../api/operator-name.ts';
import { MIR_API_VERSION } from '../../mir-shape/mir-shape.ts';
import { duplicateFields } from '../../api/duplicate-fields.ts';
import type { Transport } from '../../kube/transport.ts';
import {
  changesWanted,
  differsInWanted,
  keepingStamp,
  stamped,
  stampIn,
  stampOfGeneration,
  stampOfWrite,
} from './authors.ts';
import { needsStored } from '../../mir-shape/alias.ts';
import { isList, objectIn } from '../../api/json-fields.ts';
import { takeJsonPatch } from '../../mir-shape/take-json-patch.ts';
import { nameIn, namesWanted, takeDocument, takeMergePatch } from '../../mir-shape/take.ts';
import type { Taken } from '../../mir-shape/take.ts';
import { badRequest, invalid, StatusError, unsupportedMediaType } from '../../api/status-error.ts';
import { requireCreate } from './access-review.ts';
import { parseJsonBody, parseYamlBody } from './body.ts';
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
}

const JSON_TYPE = 'application/json';
const MERGE_PATCH = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const APPLY_PATCH = 'application/apply-patch+yaml';
const PATCH_TYPES = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH];
const DOCUMENT_TYPES = [JSON_TYPE, 'application/yaml'];

export function sendWrite(ports: WritePorts, write: Write): Promise<WriteAnswer> {
  const { method, contentType } = write;
  if (method === 'DELETE') return passOn(ports, write, deleteBody(write));
  if (method === 'POST') return create(ports, write);
  if (method === 'PUT') return replace(ports, write);
  if (contentType === MERGE_PATCH) return mergePatch(ports, write);
  if (contentType === JSON_PATCH) return jsonPatch(ports, write);
  if (contentType === APPLY_PATCH) return apply(ports, write);
  // Never on as it came: what the view cannot read, it cannot answer for.
  throw unsupportedMediaType(PATCH_TYPES);
}

async function create(ports: WritePorts, write: Write): Promise<WriteAnswer> {
  const document = documentIn(write);
  if (!isNamed(document)) return passOn(ports, write, document ?? write.body);
  const taken = checked(takeDocument(document, undefined, 'part'), write);
  return passOn(
    ports,
    write,
    stamped(taken.body, isDryRun(write) ? {} : stampOfWrite(write.caller.user, taken.body)),
    taken,
  );
}

async function replace(ports: WritePorts, write: Write): Promise<WriteAnswer> {
  const document = documentIn(write);
  if (!isNamed(document)) return passOn(ports, write, document ?? write.body);
  const stored = await read(ports, write);
  const taken = checked(takeDocument(document, stored, 'whole'), write);
  const isChange = stored !== undefined && !isDryRun(write) && differsInWanted(stored, taken.body);
  const stamp = isChange ? stampOfWrite(write.caller.user, taken.body) : stampIn(stored);
  return passOn(ports, write, stamped(taken.body, stamp), taken);
}

/** The author goes with the patch, at no cost of its own. */
async function mergePatch(ports: WritePorts, write: Write): Promise<WriteAnswer> {
  const patch = parseJsonBody(write.body.toString('utf8'));
  if (!isJsonObject(patch)) return passOn(ports, write, patch ?? write.body);
  const { meta, metadata } = patch;
  const clears = [meta, metadata].some((identity) => isJsonObject(identity) && identity['annotations'] === null);
  const isDisputed = needsStored(meta, isJsonObject(metadata) ? metadata : undefined);
  const stored = clears || isDisputed ? await read(ports, write) : undefined;
  const taken = checked(takeMergePatch(patch, stored), write);
  const { namespace = '', name = '' } = write.target;
  const isChange =
    !isDryRun(write) && namesWanted(taken.body) && changesWanted(taken.body, ports.peek(namespace, name));
  const body = keepingStamp(taken.body, stored);
  return passOn(ports, write, isChange ? stamped(body, stampOfWrite(write.caller.user, taken.body)) : body, taken);
}

/** An operation on an annotation fails where there are no annotations yet, so that the author comes after. */
async function jsonPatch(ports: WritePorts, write: Write): Promise<WriteAnswer> {
  const patch = parseJsonBody(write.body.toString('utf8'));
  if (!isList(patch) || !patch.every(isJsonObject)) return passOn(ports, write, patch ?? write.body);
  const stored = await read(ports, write);
  const { operations, warnings } = takeJsonPatch(patch, stored);
  return stampAfter(ports, write, stored, await passOn(ports, write, operations, { warnings }));
}

/** In the applied document the author would be the applier's own field, and the next one of another user a conflict. */
async function apply(ports: WritePorts, write: Write): Promise<WriteAnswer> {
  const document = parseYamlBody(write.body.toString('utf8'));
  if (!isNamed(document)) return passOn(ports, write, document ?? write.body);
  for (let tries = 1; ; tries += 1) {
    const stored = await read(ports, write);
    const taken = checked(takeDocument(document, stored, 'part'), write);
    if (stored === undefined) await requireCreate(ports.transport, write);
    try {
      const body = stored === undefined ? taken.body : onlyOn(stored, taken.body);
      return await stampAfter(ports, write, stored, await passOn(ports, write, body, taken));
    } catch (error) {
      const isGone = error instanceof StatusError && error.code === 409 && (await isAnother(ports, write, stored));
      if (!isGone || tries === APPLY_TRIES) throw error;
    }
  }
}

const APPLY_TRIES = 3;

/** The body with the uid of what it is for: nothing is created where that has just been deleted, which the caller may not be allowed to do. */
function onlyOn(stored: JsonObject, body: JsonObject): JsonObject {
  const { metadata } = body;
  const uid = objectIn(stored, 'metadata')?.['uid'];
  if (uid === undefined || (metadata !== undefined && !isJsonObject(metadata)) || metadata?.['uid'] !== undefined)
    return body;
  return { ...body, metadata: { ...metadata, uid } };
}

/** Whether there is another object by now than the one that was read. */
async function isAnother(ports: WritePorts, write: Write, stored: JsonObject | undefined): Promise<boolean> {
  const uidOf = (object: JsonObject | undefined) => objectIn(object, 'metadata')?.['uid'];
  return stored !== undefined && uidOf(await read(ports, write)) !== uidOf(stored);
}

/** What is no document of any version goes on as it was read: what is wrong with it is the API server's to say. */
function documentIn({ contentType, body }: Write): JsonValue | undefined {
  const text = body.toString('utf8');
  const isYaml = contentType === 'application/yaml';
  if (!isYaml && contentType !== '' && contentType !== JSON_TYPE) throw unsupportedMediaType(DOCUMENT_TYPES);
  return isYaml ? parseYamlBody(text) : parseJsonBody(text);
}

function isNamed(document: JsonValue | undefined): document is JsonObject {
  return isJsonObject(document) && document['kind'] !== undefined && document['apiVersion'] !== undefined;
}

/** Options of a deletion may name the version of the resource. */
function deleteBody({ contentType, body }: Write): Buffer | JsonValue {
  if (body.length === 0 || (contentType !== '' && contentType !== JSON_TYPE)) return body;
  const options = parseJsonBody(body.toString('utf8'));
  return isJsonObject(options) && options['apiVersion'] === MIR_API_VERSION
    ? { ...options, apiVersion: API_VERSION }
    : body;
}

/** Throws for keys in dispute, and for unknown and duplicate fields as far as the client wants that. */
function checked(taken: Taken, { query, target, body: sent }: Write): Taken {
  const { faults, unknownFields, body, warnings } = taken;
  if (faults.length > 0) throw invalid(target.name ?? nameIn(body), faults);
  const validation = query.get('fieldValidation') ?? 'Warn';
  if (validation === 'Ignore') return taken;
  const text = sent.toString('utf8');
  // The second field of a name is gone once the text is read.
  const duplicates = text.trimStart().startsWith('{') ? duplicateFields(text) : [];
  const texts = [
    ...duplicates.map((field) => `duplicate field "${field}"`),
    ...unknownFields.map((field) => `unknown field "${field}"`),
  ];
  if (texts.length === 0) return taken;
  if (validation === 'Strict')
    throw badRequest(
      `device in version "v1alpha" cannot be handled as a device: strict decoding error: ${texts.join(', ')}`,
    );
  return { ...taken, warnings: [...texts, ...warnings] };
}

const isDryRun = ({ query }: Write): boolean => query.has('dryRun');

async function passOn(
  { transport }: WritePorts,
  { method, target, search, contentType, headers, signal }: Write,
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
  });
  return { answer, document: undefined, warnings, forwarded: warningsOf(answer.headers) };
}

/** The object as it is stored; undefined: there is none. */
async function read({ transport }: WritePorts, { target, signal }: Write): Promise<JsonObject | undefined> {
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

const STAMP_TRIES = 3;

/** Writes the author when the write was a change; an author that cannot be written is no reason to call the change failed. */
async function stampAfter(
  ports: WritePorts,
  write: Write,
  stored: JsonObject | undefined,
  written: WriteAnswer,
): Promise<WriteAnswer> {
  const document = await readAnswer(written.answer);
  const generation = generationOf(isJsonObject(document) ? document : undefined);
  const isChange = generation !== undefined && generation > (generationOf(stored) ?? 0);
  if (isDryRun(write) || !isChange) return { ...written, document };
  try {
    return { ...written, document: await stampGeneration(ports, write, document as JsonObject, generation) };
  } catch (error) {
    ports.log.warn(
      { err: error, path: write.target.storedPath, user: write.caller.user },
      'cannot write who changed a device',
    );
    return { ...written, document };
  }
}

/** Only while the object is still of that generation: a later change has an author of its own. */
async function stampGeneration(
  ports: WritePorts,
  { target, headers, caller, signal }: Write,
  changed: JsonObject,
  generation: number,
): Promise<JsonValue> {
  let current: JsonObject | undefined = changed;
  for (let tries = 1; generationOf(current) === generation; tries += 1) {
    const resourceVersion = objectIn(current, 'metadata')?.['resourceVersion'] ?? null;
    const body = { metadata: { resourceVersion, annotations: stampOfGeneration(caller.user, generation) } };
    try {
      const answer = await forward(ports.transport, {
        method: 'PATCH',
        path: `${target.storedPath}?fieldManager=${OPERATOR_NAME}`,
        headers: { ...headers, 'content-type': MERGE_PATCH },
        body: JSON.stringify(body),
        signal,
      });
      return await readAnswer(answer);
    } catch (error) {
      if (!(error instanceof StatusError) || error.code !== 409 || tries === STAMP_TRIES) throw error;
      const answer = await forward(ports.transport, { method: 'GET', path: target.storedPath, headers, signal });
      const newer = await readAnswer(answer);
      current = isJsonObject(newer) ? newer : undefined;
    }
  }
  return current ?? changed;
}

function generationOf(object: JsonObject | undefined): number | undefined {
  const generation = objectIn(object, 'metadata')?.['generation'];
  return typeof generation === 'number' ? generation : undefined;
}
