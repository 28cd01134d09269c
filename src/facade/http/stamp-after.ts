/** A write that cannot carry its author: he is written after it. */
import { isJsonObject } from '../../api/exact-json.ts';
import { objectIn } from '../../api/json-fields.ts';
import type { JsonObject, JsonValue } from '../../api/json-value.ts';
import { OPERATOR_NAME } from '../../api/operator-name.ts';
import { StatusError } from '../../api/status-error.ts';
import { backoffMs } from '../../base/backoff.ts';
import { delay } from '../../base/clock.ts';
import {
  generationBefore,
  generationOf,
  isStampedByAnother,
  isTheOnlyChange,
  isWrittenSince,
  stampOfGeneration,
  uidOf,
} from './authors.ts';
import type { Manager } from './authors.ts';
import { forward, NothingDone, readAnswer, readText } from './upstream.ts';
import { APPLY_PATCH, isDryRun, JSON_TYPE, MERGE_PATCH, passOn, read } from './write.ts';
import type { Write, WriteAnswer, WritePorts } from './write.ts';

/** An API server gives up after 60 s; who gave up before it would not know what it has written. */
const CHANGE_MS = 65_000;
const STAMP_MS = 30_000;
const STAMP_TRIES = 5;
const STAMP_AGAIN_MS = { first: 250, most: 5000 };

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
  if (isObjectWanted(write)) return changeAndStamp(ports, write, change);
  await tryOut(ports, write, change);
  const written = await changeAndStamp(ports, write, change);
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

async function changeAndStamp(ports: WritePorts, write: Write, change: Change): Promise<WriteAnswer> {
  const { stored } = change;
  const own = {
    ...write,
    headers: { ...write.headers, accept: JSON_TYPE },
    signal: AbortSignal.timeout(CHANGE_MS),
    answerTimeoutMs: CHANGE_MS,
  };
  try {
    const written = await passOn(ports, own, change.body, change);
    const document = await readAnswer(written.answer);
    if (!isJsonObject(document) || !isChange(stored, document)) return { ...written, document };
    const isSame = (now: JsonObject): boolean =>
      uidOf(now) === uidOf(document) && generationOf(now) === generationOf(document);
    // Of two who have stamped it, the one who wrote first made the change.
    const isIts = (now: JsonObject): boolean =>
      isSame(now) && (!isStampedByAnother(stored, now) || isWrittenSince(document, now));
    const now = await stamp(ports, own, isIts, document);
    return { ...written, document: now !== undefined && isSame(now) ? now : document };
  } catch (error) {
    // Perhaps it was made nevertheless.
    if (error instanceof StatusError && error.code >= 500 && !(error instanceof NothingDone))
      await stamp(ports, own, (now) => isChange(stored, now) && isTheOnlyChange(stored, now, managerOf(write)));
    throw error;
  }
}

/** False also for the change of somebody who is named already. */
function isChange(stored: JsonObject | undefined, now: JsonObject): boolean {
  return (generationOf(now) ?? 0) > generationBefore(stored, now) && !isStampedByAnother(stored, now);
}

/** As an API server names who writes. */
function managerOf({ query, headers, contentType }: Write): Manager {
  const [program = ''] = (headers['user-agent'] ?? '').split('/');
  return {
    manager: query.get('fieldManager') || program.slice(0, 128),
    operation: contentType === APPLY_PATCH ? 'Apply' : 'Update',
  };
}

/**
 * The object with the author, while it `isIts`: a later change has an author of its own. An author that cannot be written is no reason to
 * call the change failed. `known`: the object as it is, as far as is known.
 */
async function stamp(
  ports: WritePorts,
  write: Write,
  isIts: (now: JsonObject) => boolean,
  known?: JsonObject,
): Promise<JsonObject | undefined> {
  const own = { ...write, signal: AbortSignal.timeout(STAMP_MS) };
  let current = known;
  for (let tries = 1; ; tries += 1) {
    try {
      current ??= await read(ports, own);
      return current === undefined || !isIts(current) ? current : await writeStamp(ports, own, current);
    } catch (error) {
      if (tries === STAMP_TRIES || !(await mayTryAgain(ports, own, error, tries))) {
        const [path, { user }] = [write.target.storedPath, write.caller];
        ports.log.warn({ err: error, path, user }, 'cannot write who changed a device');
        return known;
      }
      current = undefined;
    }
  }
}

async function writeStamp(
  { transport }: WritePorts,
  { target, headers, caller, signal }: Write,
  current: JsonObject,
): Promise<JsonObject | undefined> {
  const resourceVersion = objectIn(current, 'metadata')?.['resourceVersion'] ?? null;
  const annotations = stampOfGeneration(caller.user, generationOf(current) ?? 0);
  const answer = await forward(transport, {
    method: 'PATCH',
    path: `${target.storedPath}?fieldManager=${OPERATOR_NAME}`,
    headers: { ...headers, 'content-type': MERGE_PATCH },
    body: JSON.stringify({ metadata: { resourceVersion, annotations } }),
    signal,
  });
  const stamped = await readAnswer(answer);
  return isJsonObject(stamped) ? stamped : undefined;
}

/** Waits as long as the API server wants, within reason. */
async function mayTryAgain({ clock }: WritePorts, { signal }: Write, error: unknown, tries: number): Promise<boolean> {
  if (!(error instanceof StatusError)) return false;
  const { code, retryAfterSeconds = 0 } = error;
  if (code === 409) return true;
  if (code !== 429 && code < 500) return false;
  const { first, most } = STAMP_AGAIN_MS;
  await delay(clock, Math.min(most, Math.max(retryAfterSeconds * 1000, backoffMs(tries - 1, first, most))), signal);
  return !signal.aborted;
}
