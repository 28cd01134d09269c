/** The author of a write that could not carry him. */
import { isJsonObject } from '../../api/exact-json.ts';
import { objectIn } from '../../api/json-fields.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import { OPERATOR_NAME } from '../../api/operator-name.ts';
import { StatusError } from '../../api/status-error.ts';
import { generationOf, isStampedByAnother, stampOfGeneration } from './authors.ts';
import { forward, readAnswer } from './upstream.ts';
import { isDryRun, MERGE_PATCH } from './write.ts';
import type { Write, WriteAnswer, WritePorts } from './write.ts';

const STAMP_TRIES = 3;

/** Writes the author when the write was a change; an author that cannot be written is no reason to call the change failed. */
export async function stampAfter(
  ports: WritePorts,
  write: Write,
  stored: JsonObject | undefined,
  written: WriteAnswer,
): Promise<WriteAnswer> {
  const document = await readAnswer(written.answer);
  const generation = generationOf(isJsonObject(document) ? document : undefined);
  const isChange = generation !== undefined && generation > (generationOf(stored) ?? 0);
  if (isDryRun(write) || !isChange || isStampedByAnother(stored, document)) return { ...written, document };
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
