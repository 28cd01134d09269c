/** What clients of an API server send: JSON or YAML, of bounded size and depth. */
import type { IncomingMessage } from 'node:http';
import { readJson } from '../api/exact-json.ts';
import type { JsonValue } from '../api/json-value.ts';
import { messageOf } from '../base/message-of.ts';
import { loadExactYaml } from '../api/exact-yaml.ts';

/** kube-apiserver's own limit. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** Levels of objects and lists. kube-apiserver reads 10,000, more than can be walked here; no device says a tenth of this. */
export const MAX_BODY_LEVELS = 500;

/** A body that is refused, in words for its sender. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
  /** Of HTTP. */
  readonly code: 400 | 413;

  constructor(code: 400 | 413, message: string) {
    super(message);
    this.code = code;
  }
}

const tooLarge = (): BodyError => new BodyError(413, `Request entity too large: limit is ${MAX_BODY_BYTES}`);

export interface BodyReading {
  /** Told of each piece as it comes; may throw. */
  readonly onBytes: (count: number) => void;
  /** Ends the reading, with its reason. */
  readonly signal: AbortSignal;
}

/** Rejects with a BodyError. By events: to iterate a stream costs a tenth of what a small request takes. */
export function readRequestBody(request: IncomingMessage, reading?: BodyReading): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return reject(tooLarge());
    const chunks: Buffer[] = [];
    let size = 0;
    let isRefused = false;
    const refuse = (error: unknown): void => {
      isRefused = true;
      chunks.length = 0;
      reject(error);
    };
    request.on('data', (chunk: Buffer) => {
      if (isRefused) return;
      size += chunk.length;
      if (size > MAX_BODY_BYTES) return refuse(tooLarge());
      try {
        reading?.onBytes(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        refuse(error);
      }
    });
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)));
    request.once('error', reject);
    reading?.signal.addEventListener('abort', () => refuse(reading.signal.reason), { once: true });
    request.once('close', () => {
      // An error costs a tenth of a small request, and nobody would hear of this one.
      if (!request.complete) reject(new Error('the client has gone'));
    });
  });
}

/** Throws a SyntaxError for what is no JSON, and a BodyError for what is too deep. */
export function readJsonBody(text: string): JsonValue {
  if (isTooDeep(text)) throw tooDeep();
  return readJson(text);
}

/** Throws a BodyError, also for what becomes too large when its aliases are written out. JSON is YAML, and much faster to read. */
export function readYamlBody(text: string): JsonValue {
  if (text.trimStart().startsWith('{')) {
    try {
      return readJsonBody(text);
    } catch (error) {
      // Flow YAML begins as JSON does.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  try {
    // A round trip through JSON leaves only what JSON can say.
    return readJson(JSON.stringify(loadExactYaml(text, MAX_BODY_LEVELS) ?? null, refuseEndless()));
  } catch (error) {
    if (error instanceof BodyError) throw error;
    throw new BodyError(400, `error converting YAML to JSON: ${messageOf(error)}`);
  }
}

/** `.inf` and `.nan`, which JSON has not; and a few aliases of aliases, which stand for more than any memory holds. */
function refuseEndless(): (key: string, value: unknown) => unknown {
  let size = 0;
  return (key, value) => {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new BodyError(400, `error converting YAML to JSON: json: unsupported value: ${value}`);
    size += key.length + (typeof value === 'string' ? value.length : 1);
    if (size > MAX_BODY_BYTES) throw tooLarge();
    return value;
  };
}

const tooDeep = (): BodyError =>
  new BodyError(400, `the body is nested too deeply: exceeded max depth of ${MAX_BODY_LEVELS} objects and lists`);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function isTooDeep(text: string): boolean {
  // What is as deep opens as often, and closes.
  if (text.length <= MAX_BODY_LEVELS) return false;
  let levels = 0;
  let isText = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) isText = !isText;
    else if (isText) at += code === BACKSLASH ? 1 : 0;
    else if (code === 0x7b || code === 0x5b) {
      levels += 1;
      if (levels > MAX_BODY_LEVELS) return true;
    } else if (code === 0x7d || code === 0x5d) levels -= 1;
  }
  return false;
}
