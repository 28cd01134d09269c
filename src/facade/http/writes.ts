/** Writes: what the client sent becomes what the CRD's API takes, and the change gets its author. */
import { isJsonObject } from '../../api/exact-json.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import { API_VERSION } from '../../api/device.ts';
import { MIR_API_VERSION } from '../../mir-shape/mir-shape.ts';
import { duplicateFields } from '../../api/duplicate-fields.ts';
import {
  changesWanted,
  differsInWanted,
  keepingStamp,
  stamped,
  stampIn,
  stampOfGeneration,
  stampOfWrite,
  uidOf,
} from './authors.ts';
import { needsStored } from '../../mir-shape/alias.ts';
import { isList, objectIn } from '../../api/json-fields.ts';
import { takeJsonPatch } from '../../mir-shape/take-json-patch.ts';
import { nameIn, namesWanted, takeDocument, takeMergePatch } from '../../mir-shape/take.ts';
import type { Taken } from '../../mir-shape/take.ts';
import { badRequest, invalid, StatusError, unsupportedMediaType } from '../../api/status-error.ts';
import { requireCreate } from './access-review.ts';
import { parseJsonBody, parseYamlBody } from './body.ts';
import { passOnAndStamp } from './stamp-after.ts';
import { APPLY_PATCH, isDryRun, JSON_TYPE, MERGE_PATCH, passOn, read } from './write.ts';
import type { Write, WriteAnswer, WritePorts } from './write.ts';

const JSON_PATCH = 'application/json-patch+json';
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
    stamped(taken.body, isDryRun(write) ? {} : stampOfGeneration(write.caller.user, 1)),
    taken,
  );
}

async function replace(ports: WritePorts, write: Write): Promise<WriteAnswer> {
  const document = documentIn(write);
  if (!isNamed(document)) return passOn(ports, write, document ?? write.body);
  const stored = await read(ports, write);
  const taken = checked(takeDocument(document, stored, 'whole'), write);
  const isChange = stored !== undefined && !isDryRun(write) && differsInWanted(stored, taken.body);
  const stamp = isChange ? stampOfWrite(write.caller.user, taken.body, stored) : stampIn(stored);
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
  const body = keepingStamp(taken.body, stored);
  if (isDryRun(write) || !namesWanted(taken.body)) return passOn(ports, write, body, taken);
  const { namespace = '', name = '' } = write.target;
  const held = ports.peek(namespace, name);
  const stampedBody = stamped(body, stampOfWrite(write.caller.user, taken.body, held));
  if (changesWanted(taken.body, held)) return passOn(ports, write, stampedBody, taken);
  return passOnIfStill(ports, write, { held, taken, body, stampedBody });
}

interface Unchanging {
  /** The object of which the patch changes nothing. */
  readonly held: JsonObject | undefined;
  readonly taken: Taken;
  readonly body: JsonObject;
  readonly stampedBody: JsonObject;
}

const STILL_TRIES = 5;

/** Without an author, as long as it changes nothing: what the operator holds may be old, and the patch take back a change that it has not seen. */
async function passOnIfStill(
  ports: WritePorts,
  write: Write,
  { held, taken, body, stampedBody }: Unchanging,
): Promise<WriteAnswer> {
  let known = held;
  for (let tries = 1; tries <= STILL_TRIES && !changesWanted(taken.body, known); tries += 1) {
    const conditional = onlyOnVersion(known, body);
    if (conditional === undefined) return passOn(ports, write, body, taken);
    try {
      return await passOn(ports, write, conditional, taken);
    } catch (error) {
      if (!(error instanceof StatusError) || error.code !== 409) throw error;
      known = await read(ports, write);
    }
  }
  return passOn(ports, write, stampedBody, taken);
}

/** The body for this version of the object alone; undefined: the client has named one. */
function onlyOnVersion(known: JsonObject | undefined, body: JsonObject): JsonObject | undefined {
  const { metadata } = body;
  const resourceVersion = objectIn(known, 'metadata')?.['resourceVersion'];
  if (resourceVersion === undefined || (metadata !== undefined && !isJsonObject(metadata))) return undefined;
  if (metadata?.['resourceVersion'] !== undefined) return undefined;
  return { ...body, metadata: { ...metadata, resourceVersion } };
}

/** An operation on an annotation fails where there are no annotations yet, so that the author comes after. */
async function jsonPatch(ports: WritePorts, write: Write): Promise<WriteAnswer> {
  const patch = parseJsonBody(write.body.toString('utf8'));
  if (!isList(patch) || !patch.every(isJsonObject)) return passOn(ports, write, patch ?? write.body);
  const stored = await read(ports, write);
  const { operations, warnings } = takeJsonPatch(patch, stored);
  return passOnAndStamp(ports, write, { stored, body: operations, warnings });
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
      return await passOnAndStamp(ports, write, { stored, body, warnings: taken.warnings });
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
  const uid = uidOf(stored);
  if (uid === undefined || (metadata !== undefined && !isJsonObject(metadata)) || metadata?.['uid'] !== undefined)
    return body;
  return { ...body, metadata: { ...metadata, uid } };
}

/** Whether there is another object by now than the one that was read. */
async function isAnother(ports: WritePorts, write: Write, stored: JsonObject | undefined): Promise<boolean> {
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
