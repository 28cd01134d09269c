/** Errors in the words of an API server: thrown by what answers for one. */

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

/** Thrown anywhere below the server, which answers with it. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: number;
  readonly reason: string;
  readonly details: object | undefined;

  constructor(code: number, reason: string, message: string, details?: object) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** Seconds after which the request is worth sending again. */
  get retryAfterSeconds(): number | undefined {
    const { details } = this;
    return details !== undefined && 'retryAfterSeconds' in details ? Number(details.retryAfterSeconds) : undefined;
  }

  /** `kind: Status`. */
  body(): object {
    const { code, reason, message, details } = this;
    const rest = { ...(details !== undefined && { details }), code };
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...rest };
  }
}

/** Answered in plain text, as API servers answer for a path that they do not have. */
export class PageNotFound extends StatusError {
  constructor() {
    super(404, 'NotFound', '404 page not found');
  }
}

export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);
export const unauthorized = (): StatusError => new StatusError(401, 'Unauthorized', 'Unauthorized');
export const forbidden = (name: string, why: string): StatusError =>
  new StatusError(403, 'Forbidden', `devices.mir "${name}" is forbidden: ${why}`, {
    name,
    group: 'mir',
    kind: 'devices',
  });
export const notFound = (name: string): StatusError =>
  new StatusError(404, 'NotFound', `devices.mir "${name}" not found`, { name, group: 'mir', kind: 'devices' });
export const methodNotAllowed = (
  message = 'the server does not allow this method on the requested resource',
): StatusError => new StatusError(405, 'MethodNotAllowed', message, {});
export const notAcceptable = (supported: readonly string[]): StatusError =>
  new StatusError(406, 'NotAcceptable', `only the following media types are accepted: ${supported.join(', ')}`);
export const tooLarge = (message: string): StatusError => new StatusError(413, 'RequestEntityTooLarge', message);
/** In the words that an API server has for every patch that it cannot apply. */
export const inapplicablePatch = (): StatusError =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

export const tooManyOperations = (limit: number, count: number): StatusError =>
  new StatusError(
    413,
    'RequestEntityTooLarge',
    `Request entity too large: The allowed maximum operations in a JSON patch is ${limit}, got ${count}`,
  );

export const unsupportedMediaType = (supported: readonly string[]): StatusError =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`,
  );
export const tooManyRequests = (message: string): StatusError =>
  new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds: 1 });
export const internalError = (message: string): StatusError =>
  new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
export const serviceUnavailable = (message: string): StatusError =>
  new StatusError(503, 'ServiceUnavailable', message, { retryAfterSeconds: 1 });
export const gatewayTimeout = (message: string): StatusError =>
  new StatusError(504, 'Timeout', message, { retryAfterSeconds: 1 });

/** 422 that names each field at fault. */
export function invalid(name: string, causes: readonly Cause[]): StatusError {
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  const summary = texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
  const details = { ...(name !== '' && { name }), group: 'mir', kind: 'device', causes };
  return new StatusError(422, 'Invalid', `device.mir "${name}" is invalid: ${summary}`, details);
}
