/** A write that cannot carry its author: he is written after it. */
import { isJsonObject } from '../../api/exact-json.ts';
import { objectIn } from '../../api/json-fields.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import { OPERATOR_NAME } from '../../api/operator-name.ts';
import { StatusError } from '../../api/status-error.ts';
import { generationOf, isStampedByAnother, stampOfGeneration } from './authors.ts';
import { forward, readAnswer, readText } from './upstream.ts';
import { isDryRun, JSON_TYPE, MERGE_PATCH, passOn } from './write.ts';
import type { Write, WriteAnswer, WritePorts } from './write.ts';

/** An API server gives up after 60 s; who gave up before it would not know what it has written. */
const CHANGE_MS = 65_000;
const STAMP_MS = 30_000;
const STAMP_TRIES = 3;

interface Change {
  readonly stored: JsonObject | undefined;
  readonly body: JsonValue;
  readonly warnings: readonly string[];
}

/**
 * Sends a change on, and then writes its author. What the client does has no part in that: neither that it hangs up, nor the form of the
 * answer that it wants, which may lack the generation.
 */
export async function passOnAndStamp(ports: WritePorts, write: Write, change: Change): Promise<WriteAnswer> {
  if (isDryRun(write)) return passOn(ports, write, change.body, change);
  const own = { ...write, headers: { ...write.headers, accept: JSON_TYPE }, signal: AbortSignal.timeout(CHANGE_MS) };
  if (isObjectWanted(write))
    return stampAfter(ports, own, change.stored, await passOn(ports, own, change.body, change));
  await tryOut(ports, write, change);
  const written = await stampAfter(ports, own, change.stored, await passOn(ports, own, change.body, change));
  return {
    ...written,
    answer: { ...(await readAsWanted(ports, write)), code: written.answer.code },
    document: undefined,
  };
}

/** False: a table, or metadata alone. */
function isObjectWanted({ headers }: Write): boolean {
  return (headers['accept'] ?? JSON_TYPE).split(',').every((type) => type === JSON_TYPE);
}

/** Rejects where the answer that the client wants cannot be given, before anything is written. */
async function tryOut(ports: WritePorts, write: Write, { body }: Change): Promise<void> {
  const search = `${write.search}${write.search === '' ? '?' : '&'}dryRun=All`;
  await readText((await passOn(ports, { ...write, search }, body)).answer);
}

function readAsWanted({ transport }: WritePorts, { target, query, headers, signal }: Write) {
  const search = query
    .getAll('includeObject')
    .map((value) => `?includeObject=${encodeURIComponent(value)}`)
    .slice(0, 1)
    .join('');
  return forward(transport, { method: 'GET', path: `${target.storedPath}${search}`, headers, signal });
}

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
  if (!isChange || isStampedByAnother(stored, document)) return { ...written, document };
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
  { target, headers, caller }: Write,
  changed: JsonObject,
  generation: number,
): Promise<JsonValue> {
  const signal = AbortSignal.timeout(STAMP_MS);
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
