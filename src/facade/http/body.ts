/** What clients send, with the errors of the view. */
import type { IncomingMessage } from 'node:http';
import type { JsonValue } from '../../api/json-value.ts';
import { BodyError, readJsonBody, readRequestBody, readYamlBody } from '../../kube/request-body.ts';
import type { BodyReading } from '../../kube/request-body.ts';
import { badRequest, tooLarge } from '../../api/status-error.ts';

/** Rejects with 413, and with what ends the reading. */
export function readBody(request: IncomingMessage, reading: BodyReading): Promise<Buffer> {
  return readRequestBody(request, reading).catch((error: unknown) => {
    throw inWords(error);
  });
}

/** Undefined for what is no JSON: the API server says so, in its own words. Throws 400 for what only the view cannot read. */
export function parseJsonBody(text: string): JsonValue | undefined {
  try {
    return readJsonBody(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw inWords(error);
  }
}

/** Throws 400, and 413. */
export function parseYamlBody(text: string): JsonValue {
  try {
    return readYamlBody(text);
  } catch (error) {
    throw inWords(error);
  }
}

function inWords(error: unknown): unknown {
  if (!(error instanceof BodyError)) return error;
  return error.code === 413 ? tooLarge(error.message) : badRequest(error.message);
}
