import type { StatusBody } from './client.ts';

/** The API server answered, and the answer is an error. */
export class ApiError extends Error {
  readonly status: number;
  /** Kubernetes' own CamelCase reason (`Conflict`, `Expired`, `TooManyRequests`), or `''`. */
  readonly reason: string;
  /** From the Retry-After header or the Status body. */
  readonly retryAfterMs: number | undefined;
  readonly body: StatusBody;

  constructor(status: number, body: StatusBody, retryAfterMs?: number) {
    super(body.message ?? `API server answered ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.reason = body.reason ?? '';
    this.retryAfterMs = retryAfterMs;
    this.body = body;
  }
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

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 409;
export const isExpired = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');
