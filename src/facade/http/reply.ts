import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { dumpExactYaml } from '../../api/exact-yaml.ts';
import { PageNotFound } from '../../api/status-error.ts';
import type { StatusError } from '../../api/status-error.ts';
import { ForwardedError } from './upstream.ts';

/** `texts` are the view's own; `forwarded` are header values of the CRD's API. */
export function setWarnings(response: ServerResponse, texts: readonly string[], forwarded: readonly string[]): void {
  const all = [...bounded(texts).map(warningHeader), ...forwarded];
  if (all.length > 0) response.setHeader('warning', all);
}

/** Characters of all warnings, and of each where that is too much: API servers' own limits. */
const MOST_WARNED = { all: 4096, one: 256 };

function bounded(texts: readonly string[]): string[] {
  let left = MOST_WARNED.all;
  const isLong = texts.reduce((sum, text) => sum + text.length, 0) > left;
  const kept = isLong ? texts.map((text) => text.slice(0, MOST_WARNED.one)) : [...texts];
  return kept.filter((text) => (left -= text.length) >= 0);
}

/** RFC 9111 quoted text; what HTTP headers cannot carry is replaced. */
function warningHeader(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, (character) => `\\${character}`);
  return `299 - "${plain}"`;
}

const NEVER_KEPT = { 'cache-control': 'no-cache, private' };

export function sendDocument(response: ServerResponse, code: number, document: unknown, format: 'json' | 'yaml'): void {
  if (format === 'json') sendText(response, code, JSON.stringify(document), 'application/json');
  else sendText(response, code, dumpExactYaml(document), 'application/yaml');
}

export function sendJson(response: ServerResponse, code: number, text: string): void {
  sendText(response, code, text, 'application/json');
}

function sendText(response: ServerResponse, code: number, text: string, contentType: string): void {
  response.writeHead(code, {
    ...NEVER_KEPT,
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
  });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

export function sendError(response: ServerResponse, error: StatusError): void {
  if (response.headersSent || response.destroyed) {
    // Half an answer: the client must not take it for a whole one.
    response.destroy();
    return;
  }
  if (error instanceof ForwardedError) setWarnings(response, [], error.warnings);
  if (error.retryAfterSeconds !== undefined) response.setHeader('retry-after', error.retryAfterSeconds);
  if (error instanceof PageNotFound) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
    return;
  }
  // What is left of a body that nobody reads would be taken for the next request.
  if (!response.req.complete) response.setHeader('connection', 'close');
  sendDocument(response, error.code, error.body(), 'json');
}

export function beginStream(response: ServerResponse, code: number, contentType: string): void {
  response.writeHead(code, { ...NEVER_KEPT, 'content-type': contentType });
  response.flushHeaders();
}

/** What to wait for where the reader is slow, so that nothing piles up here; undefined: nothing. Rejects when it has gone. */
export function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<unknown> | undefined {
  return text === '' || response.write(text) ? undefined : once(response, 'drain', { signal });
}
