/** What clients send: JSON or YAML, with the errors of this API. */
import type { IncomingMessage } from 'node:http';
import { messageOf } from '../../../base/message-of.ts';
import { BodyError, readJsonBody, readRequestBody, readYamlBody } from '../../../kube/request-body.ts';
import { badRequest, StatusError, unsupportedMediaType } from '../errors.ts';
import type { Json } from '../crd/index.ts';
import { narrowNumbers } from '../whole-numbers.ts';
import { parseMediaType } from './negotiation.ts';
import { parseProtobuf, PROTOBUF } from './protobuf.ts';

const BODY_TYPES = ['application/json', 'application/yaml'];

export interface Body {
  /** Media type without parameters; `''` when none was given. */
  readonly type: string;
  readonly bytes: Buffer;
}

export async function readBody(request: IncomingMessage): Promise<Body> {
  const { type } = parseMediaType(request.headers['content-type'] ?? '');
  const bytes = await readRequestBody(request).catch((error: unknown) => {
    throw inWords(error);
  });
  return { type, bytes };
}

/** Parses a body that holds one object; throws 400 and 415. */
export function parseBody({ type, bytes }: Body): Json {
  if (type === 'application/yaml') return parseYaml(bytes.toString('utf8'));
  if (type === '' || type === 'application/json') return parseJson(bytes.toString('utf8'));
  if (type === PROTOBUF) return parseProtobuf(bytes);
  throw unsupportedMediaType(BODY_TYPES);
}

/** A configuration to apply: YAML or JSON, whatever it is. Throws 400 and 413. */
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
    return parseJson(JSON.stringify(readYamlBody(text)));
  } catch (error) {
    throw inWords(error);
  }
}

/** Throws a SyntaxError for what is no JSON, and 400. */
export function readBodyJson(text: string): Json {
  try {
    const body = readJsonBody(text);
    JSON.parse(text, refuseProto);
    return narrowNumbers(body);
  } catch (error) {
    throw inWords(error);
  }
}

function inWords(error: unknown): unknown {
  if (!(error instanceof BodyError)) return error;
  return error.code === 413 ? new StatusError(413, 'RequestEntityTooLarge', error.message) : badRequest(error.message);
}

function refuseProto(key: string, value: unknown): unknown {
  // In Go this is a field like any other; here it would reach the object's prototype on the way.
  if (key === '__proto__') throw badRequest('a field named "__proto__" is not accepted by the embedded Kubernetes API');
  return value;
}
