/** What clients send: JSON or YAML, of bounded size. */
import type { IncomingMessage } from 'node:http';
import { readJson } from '../../api/exact-json.ts';
import type { JsonValue } from '../../api/json-value.ts';
import { messageOf } from '../../base/message-of.ts';
import { loadExactYaml } from '../../api/exact-yaml.ts';
import { badRequest, StatusError, tooLarge } from '../../api/status-error.ts';

/** kube-apiserver's own limit. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Rejects with 413. By events: to iterate a stream costs a tenth of what a small request takes. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return reject(tooLarge(MAX_BODY_BYTES));
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) return void chunks.push(chunk);
      chunks.length = 0;
      reject(tooLarge(MAX_BODY_BYTES));
    });
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client has gone')));
  });
}

/** Undefined for what is no JSON: the API server says so, in its own words. Throws 400 for what only the view cannot read. */
export function parseJsonBody(text: string): JsonValue | undefined {
  try {
    return readJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw badRequest(`the body cannot be read: ${messageOf(error)}`);
  }
}

/** JSON is YAML, and much faster to read. Throws 400, and 413 for what becomes too large when its aliases are written out. */
export function parseYamlBody(text: string): JsonValue | undefined {
  const document = text.trimStart().startsWith('{') ? parseJsonBody(text) : undefined;
  if (document !== undefined) return document;
  try {
    // A round trip through JSON leaves only what JSON can say.
    return readJson(JSON.stringify(loadExactYaml(text) ?? null, refuseEndless()));
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(`error converting YAML to JSON: ${messageOf(error)}`);
  }
}

/** A few aliases of aliases stand for more than any memory holds. */
function refuseEndless(): (key: string, value: unknown) => unknown {
  let size = 0;
  return (key, value) => {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw badRequest(`error converting YAML to JSON: json: unsupported value: ${value}`);
    size += key.length + (typeof value === 'string' ? value.length : 1);
    if (size > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
    return value;
  };
}
