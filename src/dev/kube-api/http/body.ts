/** What clients send: JSON or YAML, of bounded size. */
import type { IncomingMessage } from 'node:http';
import { YAMLException } from 'js-yaml';
import { messageOf } from '../../../base/message-of.ts';
import { badRequest, StatusError, unsupportedMediaType } from '../errors.ts';
import type { Json } from '../crd/index.ts';
import { parseJsonBody } from '../whole-numbers.ts';
import { loadExactYaml } from '../../../api/exact-yaml.ts';
import { parseMediaType } from './negotiation.ts';
import { parseProtobuf, PROTOBUF } from './protobuf.ts';

/** kube-apiserver's own limit. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

const BODY_TYPES = ['application/json', 'application/yaml'];

export interface Body {
  /** Media type without parameters; `''` when none was given. */
  readonly type: string;
  readonly bytes: Buffer;
}

export async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`);
    }
    chunks.push(chunk);
  }
  const { type } = parseMediaType(request.headers['content-type'] ?? '');
  return { type, bytes: Buffer.concat(chunks) };
}

/** Parses a body that holds one object; throws 400 and 415. */
export function parseBody({ type, bytes }: Body): Json {
  if (type === 'application/yaml') return parseYaml(bytes.toString('utf8'));
  if (type === '' || type === 'application/json') return parseJson(bytes.toString('utf8'));
  if (type === PROTOBUF) return parseProtobuf(bytes);
  throw unsupportedMediaType(BODY_TYPES);
}

/** A configuration to apply: YAML or JSON, whatever it is. Throws 400. */
export function parseApplyBody({ bytes }: Body): Json {
  return parseYaml(bytes.toString('utf8'));
}

function parseJson(text: string): Json {
  try {
    return readBodyJson(text);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(`couldn't get version/kind; json parse error: ${messageOf(error)}`);
  }
}

function parseYaml(text: string): Json {
  try {
    // A round trip through JSON leaves only what JSON can say.
    return parseJson(JSON.stringify(loadExactYaml(text) ?? null, refuseEndless));
  } catch (error) {
    if (error instanceof YAMLException) throw badRequest(`error converting YAML to JSON: ${error.message}`);
    throw error;
  }
}

/** `.inf` and `.nan`, which JSON.stringify would write as null without a word. */
function refuseEndless(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw badRequest(`error converting YAML to JSON: json: unsupported value: ${value}`);
  return value;
}

/** Throws a SyntaxError for what is no JSON. */
export function readBodyJson(text: string): Json {
  JSON.parse(text, refuseProto);
  return parseJsonBody(text);
}

function refuseProto(key: string, value: unknown): unknown {
  // In Go this is a field like any other; here it would reach the object's prototype on the way.
  if (key === '__proto__') throw badRequest('a field named "__proto__" is not accepted by the embedded Kubernetes API');
  return value;
}
