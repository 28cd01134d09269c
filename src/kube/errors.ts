import type { StatusBody } from './client.ts';

/** The API server answered, and the answer is an error. */
export class ApiError extends Error {
  readonly status: number;
  /** Kubernetes' own CamelCase reason (`Conflict`, `Expired`, `TooManyRequests`), or `''`. */
  readonly reason: string;
  /** From the Retry-After header or the Status body. */
  readonly retryAfterMs: number | undefined;
  /** Private, so that no log shows it: it may quote the whole object. */
  readonly #causes: readonly string[];

  constructor(status: number, body: StatusBody, retryAfterMs?: number) {
    super(shorten(body.message ?? `API server answered ${status}`));
    this.name = 'ApiError';
    this.status = status;
    this.reason = body.reason ?? '';
    this.retryAfterMs = retryAfterMs;
    this.#causes = (body.details?.causes ?? []).map(({ message = '' }) => message);
  }

  /** What the server says of each field that is in the way. */
  get causes(): readonly string[] {
    return this.#causes;
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
  /** Asked again sooner, it ends the same: only a person changes what is wrong. Undefined: it may be over any moment. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: TransportErrorOptions = {}) {
    super(message, options);
    this.name = 'TransportError';
    this.isUnanswered = options.isUnanswered ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

interface TransportErrorOptions extends ErrorOptions {
  readonly isUnanswered?: boolean;
  readonly retryAfterMs?: number;
}

/** Milliseconds for which asking again is no use; 0: not known. */
export function retryAfterOf(error: unknown): number {
  return error instanceof ApiError || error instanceof TransportError ? (error.retryAfterMs ?? 0) : 0;
}

/** Why a certificate is not accepted, by Node's codes. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by an authority that is not trusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'is signed by an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by an authority that is not trusted',
  CERT_SIGNATURE_FAILURE: 'is signed by an authority of the same name with another key',
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet; check the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
};

/** What is wrong with the server's certificate, as the end of a sentence about it; undefined: nothing. */
export function describeUntrusted(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const code = 'code' in error ? String(error.code) : '';
  return UNTRUSTED[code] ?? describeUntrusted('cause' in error ? error.cause : undefined);
}

/**
 * The request itself is wrong, too large, or not allowed: sent again it gets the same answer, until somebody changes something. etcd says
 * of its own limit only in words.
 */
export function isRefused(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  return REFUSALS.has(error.status) || error.message.includes('request is too large');
}
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 405, 413, 415, 422]);

/** Nothing is served under the path, such as a CRD that is not there: an API server says that in prose, and of an object with a reason. */
export const isUnserved = (error: unknown): boolean => isNotFound(error) && (error as ApiError).reason === '';
export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404;
export const isForbidden = (error: unknown): boolean => error instanceof ApiError && error.status === 403;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 409;
export const isExpired = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');
