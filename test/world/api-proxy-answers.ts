/** What the proxy in front of an API server says itself. */
import type { ServerResponse } from 'node:http';
import type { RequestRecord } from './request-log.ts';

export function answerBusy(response: ServerResponse, retryAfterSeconds: number): void {
  response.writeHead(429, { 'content-type': 'application/json', 'retry-after': String(retryAfterSeconds) });
  response.end(
    JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'too many requests, please try again later',
      reason: 'TooManyRequests',
      details: { retryAfterSeconds },
      code: 429,
    }),
  );
}

export function answerRefused(response: ServerResponse, code: number, { method, path }: RequestRecord): void {
  const message = `the proxy refuses ${method} ${path}`;
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason: 'Refused', code }),
  );
}

export function answerEmpty(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const metadata = { resourceVersion: '1' };
  response.end(JSON.stringify({ kind: 'deviceList', apiVersion: 'iot.mir/v1alpha', metadata, items: [] }));
}

export interface JsonList {
  readonly metadata: { readonly continue?: string; readonly remainingItemCount?: number };
}

/** Without the way to the rest. */
export function answerShort(response: ServerResponse, list: JsonList, isTold: boolean): void {
  const { continue: _next, remainingItemCount = 0, ...metadata } = list.metadata;
  const told = isTold ? { ...metadata, remainingItemCount } : metadata;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...list, metadata: told }));
}

/** As a real API server says it: 200, and the 410 in the only event. */
export function answerExpired(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'too old resource version: 1 (2)',
    reason: 'Expired',
    code: 410,
  };
  response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
}
