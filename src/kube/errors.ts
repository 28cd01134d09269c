import type { StatusBody } from './client.ts';

/** The API server answered, and the answer is an error. */
export class ApiError extends Error {
  readonly status: number;
  /** Kubernetes' own CamelCase reason (`Conflict`, `Expired`, `TooManyRequests`), or `''`. */
  readonly reason: string;
  /** From the Retry-After header or the Status body. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, body: StatusBody, retryAfterMs?: number) {
    super(shorten(body.message ?? `API server answered ${status}`));
    this.name = 'ApiError';
    this.status = status;
    this.reason = body.reason ?? '';
    this.retryAfterMs = retryAfterMs;
  }
}

/** An API server that refuses a value quotes it whole, and a schema has 350,000 characters; what it is about stands first, why last. */
const MAX_MESSAGE = 1024;

function shorten(message: string): string {
  if (message.length <= MAX_MESSAGE) return message;
  const half = MAX_MESSAGE / 2;
  return `${message.slice(0, half).toWellFormed()} … ${message.slice(-half).toWellFormed()}`;
}

/** No (whole) answer: refused, reset, timed out, cut in the middle. The request may or may not have been carried out. */
export class TransportError extends Error {
  /** Not even the head of an answer came: the server may be away. */
  readonly isUnanswered: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isUnanswered?: boolean } = {}) {
    super(message, options);
    this.name = 'TransportError';
    this.isUnanswered = options.isUnanswered ?? false;
  }
}

/** The request itself is wrong or not allowed: sent again it gets the same answer, until somebody changes something. */
export const isRefused = (error: unknown): boolean => error instanceof ApiError && REFUSALS.has(error.status);
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 405, 413, 415, 422]);

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 409;
export const isExpired = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');
