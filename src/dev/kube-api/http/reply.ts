/** Writes answers to the wire. */
import type { ServerResponse } from 'node:http';
import { readApiJson } from '../../../api/exact-json.ts';
import { internalError, StatusError } from '../errors.ts';
import { dumpExactYaml } from '../../../api/exact-yaml.ts';
import type { Form } from './negotiation.ts';

export interface Reply {
  readonly code: number;
  readonly contentType: string;
  /** Bytes where it is no text. */
  readonly text: string | Uint8Array;
}

export function jsonReply(code: number, document: object, contentType = 'application/json'): Reply {
  return { code, contentType, text: JSON.stringify(document) };
}

export function textReply(code: number, text: string): Reply {
  return { code, contentType: 'text/plain; charset=utf-8', text };
}

/** JSON text in the format that was asked for. */
export function formatted(code: number, json: string, { format }: Pick<Form, 'format'>): Reply {
  if (format === 'json') return { code, contentType: 'application/json', text: json };
  return { code, contentType: 'application/yaml', text: dumpExactYaml(readApiJson(json)) };
}

/** What a caught error is answered with; one that is no StatusError is a fault of this server. */
export function errorReply(error: unknown): Reply {
  const { code, status } = error instanceof StatusError ? error : internalError(error);
  return jsonReply(code, status);
}

export function send(response: ServerResponse, { code, contentType, text }: Reply, warnings: readonly string[]): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  if (warnings.length > 0) response.setHeader('warning', warnings.map(warningHeader));
  response.writeHead(code, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
  });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** RFC 9111 quoted text; what HTTP headers cannot carry is replaced. */
function warningHeader(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, (character) => `\\${character}`);
  return `299 - "${plain}"`;
}
