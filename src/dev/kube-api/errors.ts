/** Errors as kube-apiserver answers them (apimachinery, pkg/api/errors). */
import { messageOf } from '../../base/message-of.ts';
import type { FieldError } from './crd/index.ts';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** `kind: Status`, the body of every answer that is not an object. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** Thrown anywhere below the server, which answers with `status`. */
export class StatusError extends Error {
  readonly code: number;
  readonly status: Status;

  constructor(
    code: number,
    reason: string | undefined,
    message: string,
    details?: StatusDetails,
    continueToken?: string,
  ) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: continueToken === undefined ? {} : { continue: continueToken },
      status: 'Failure',
      message,
      ...(reason === undefined ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

/** What an error is about: the plural resource and its group, `''` for the core group. */
export interface ErrorSubject {
  readonly group: string;
  readonly plural: string;
}

function qualified({ group, plural }: ErrorSubject): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function detailsOf({ group, plural }: ErrorSubject, name: string): StatusDetails {
  return { name, ...(group === '' ? {} : { group }), kind: plural };
}

export const badRequest = (message: string): StatusError => new StatusError(400, 'BadRequest', message);

/** What is plainly the client's fault and yet has no class in an API server: 500 without a reason. */
export const unclassified = (message: string): StatusError => new StatusError(500, undefined, message);

export const unauthorized = (): StatusError => new StatusError(401, 'Unauthorized', 'Unauthorized');

export function forbidden(
  subject: ErrorSubject,
  name: string,
  why: string,
  causes?: readonly StatusCause[],
): StatusError {
  const details = { ...detailsOf(subject, name), ...(causes === undefined ? {} : { causes }) };
  return new StatusError(403, 'Forbidden', `${qualified(subject)} "${name}" is forbidden: ${why}`, details);
}

export function notFound(subject: ErrorSubject, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(subject)} "${name}" not found`, detailsOf(subject, name));
}

export function alreadyExists(subject: ErrorSubject, name: string): StatusError {
  const message = `${qualified(subject)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', message, detailsOf(subject, name));
}

export function conflict(subject: ErrorSubject, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, detailsOf(subject, name));
}

export function staleObject(subject: ErrorSubject, name: string): StatusError {
  const why = 'the object has been modified; please apply your changes to the latest version and try again';
  return conflict(subject, name, why);
}

/** 422 with one cause a fault; `kind` is the object's kind, unlike everywhere else. */
export function invalid(kind: string, group: string, name: string, faults: readonly FieldError[]): StatusError {
  const texts = faults.map(({ field, message }) => `${field}: ${message}`);
  const unique = [...new Set(texts)];
  const summary = unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`;
  const subject = group === '' ? kind : `${kind}.${group}`;
  return new StatusError(422, 'Invalid', `${subject} "${name}" is invalid: ${summary}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    ...(kind === '' ? {} : { kind }),
    causes: faults.map(({ type, field, message }) => ({ reason: type, message, field })),
  });
}

/** 422 for a query or DeleteOptions; `kind` is `CreateOptions` and so on. */
export function invalidOptions(kind: string, faults: readonly FieldError[]): StatusError {
  return invalid(kind, 'meta.k8s.io', '', faults);
}

/** 422 for a patch that parses and cannot be applied. */
export function unprocessablePatch(): StatusError {
  return new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

export function methodNotAllowed(
  message = 'the server does not allow this method on the requested resource',
): StatusError {
  return new StatusError(405, 'MethodNotAllowed', message, {});
}

export function notAcceptable(supported: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${supported.join(', ')}`;
  return new StatusError(406, 'NotAcceptable', message);
}

export function unsupportedMediaType(supported: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

export function notImplemented(what: string): StatusError {
  const message = `${what} is not implemented by the embedded Kubernetes API; use a real kube-apiserver for it`;
  return new StatusError(501, 'NotImplemented', message);
}

export function tooOldResourceVersion(asked: number, oldest: number): StatusError {
  return new StatusError(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
}

export function expiredContinue(freshToken: string): StatusError {
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
    'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
    'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
    'deleted between the time the first chunk was returned and now may show up in the list.';
  return new StatusError(410, 'Expired', message, undefined, freshToken);
}

export function tooLargeResourceVersion(asked: number, current: number): StatusError {
  const message = 'Too large resource version';
  return new StatusError(504, 'Timeout', `Timeout: ${message}: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message }],
    retryAfterSeconds: 1,
  });
}

export function internalError(cause: unknown): StatusError {
  const message = messageOf(cause);
  return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
}
