/** What clients write in the shape of `mir/v1alpha`, as the CRD's API takes it: documents and merge patches. */
import { LAST_APPLIED } from '../api/last-applied.ts';
import { isJsonObject } from '../api/exact-json.ts';
import { isDeepStrictEqual } from 'node:util';
import { isAuthorAnnotation } from '../api/author.ts';
import { API_VERSION } from '../api/device.ts';
import type { JsonObject, JsonValue } from '../api/json-value.ts';
import { fieldsToStore, MIR_API_VERSION } from './mir-shape.ts';
import { badRequest } from '../api/status-error.ts';
import type { Cause } from '../api/status-error.ts';
import { resolveIdentity } from './alias.ts';
import { objectIn, textIn } from '../api/json-fields.ts';
import { takeLastApplied } from './last-applied.ts';
import { takeManagedFields } from './managed-fields.ts';

/** What is sent on, and what is to be said of it. */
export interface Taken {
  readonly body: JsonObject;
  readonly faults: readonly Cause[];
  readonly warnings: readonly string[];
  /** What strict field validation refuses. */
  readonly unknownFields: readonly string[];
}

export const READ_ONLY_REPORTED =
  'properties.reported is written by the device only; what is said of it here is ignored (write properties.desired)';
export const READ_ONLY_STATUS = 'status is written by the operator only; what is said of it here is ignored';

/**
 * A whole document. `stored` is the object as the CRD's API has it, undefined where there is none. `extent`: `whole` replaces,
 * `part` creates or applies. Throws a StatusError for what is no document of this API.
 */
export function takeDocument(document: JsonValue, stored: JsonObject | undefined, extent: 'whole' | 'part'): Taken {
  if (!isJsonObject(document)) throw badRequest('the body is no object; send one device of mir/v1alpha');
  if (document['apiVersion'] === API_VERSION)
    throw badRequest(
      `the API version in the data (${API_VERSION}) does not match the expected API version (${MIR_API_VERSION})`,
    );
  const { meta, metadata, faults, unknownFields } = identityOf(document, stored, extent);
  const { apiVersion, kind } = document;
  const body = {
    ...(apiVersion !== undefined && { apiVersion: storedVersion(apiVersion) }),
    ...(kind !== undefined && { kind }),
    ...((metadata !== undefined || meta !== undefined) && { metadata: takeMetadata(metadata ?? {}) }),
    ...fieldsOf(document),
  } as JsonObject;
  return { body, faults, unknownFields, warnings: readOnlyWarnings(document, stored) };
}

/** A JSON merge patch (RFC 7386). `stored` is needed only where `meta` and `metadata` disagree. */
export function takeMergePatch(patch: JsonValue, stored: JsonObject | undefined): Taken {
  if (!isJsonObject(patch)) throw badRequest('a merge patch is a JSON object');
  const { metadata, faults, unknownFields } = identityOf(patch, stored, 'patch');
  const { apiVersion, kind } = patch;
  const body = {
    ...(apiVersion !== undefined && { apiVersion: storedVersion(apiVersion) }),
    ...(kind !== undefined && { kind }),
    ...(metadata !== undefined && { metadata: isJsonObject(metadata) ? takeMetadata(metadata) : metadata }),
    ...fieldsOf(patch),
  } as JsonObject;
  return { body, faults, unknownFields, warnings: readOnlyWarnings(patch, undefined) };
}

/** Whether a patch of the stored shape says anything of what people want of the device. */
export function namesWanted(patch: JsonObject): boolean {
  return Object.keys(patch).some((field) => !['apiVersion', 'kind', 'metadata', 'status'].includes(field));
}

function identityOf(
  { meta, metadata }: JsonObject,
  stored: JsonObject | undefined,
  extent: 'whole' | 'part' | 'patch',
): {
  readonly meta: JsonValue | undefined;
  readonly metadata: JsonValue | undefined;
  readonly faults: readonly Cause[];
  readonly unknownFields: readonly string[];
} {
  if (meta !== undefined && meta !== null && !isJsonObject(meta)) throw badRequest('meta is no object; give it a name');
  if (metadata !== undefined && metadata !== null && !isJsonObject(metadata))
    return { meta, metadata, faults: [], unknownFields: [] };
  const resolved = resolveIdentity({
    meta,
    metadata: metadata ?? undefined,
    stored: objectIn(stored, 'metadata'),
    extent,
  });
  const isSilent = !isJsonObject(meta) && metadata === undefined;
  return { meta, ...resolved, metadata: isSilent ? undefined : resolved.metadata };
}

/** Empty and null is what the client says, where it says nothing of what is read-only. */
function fieldsOf(document: JsonObject): JsonObject {
  const { properties } = document;
  if (properties !== undefined && (!isJsonObject(properties) || properties['reported'] === undefined)) {
    const { properties: _properties, ...others } = document;
    return { ...fieldsToStore(others), properties };
  }
  return fieldsToStore(document);
}

function storedVersion(apiVersion: JsonValue): JsonValue {
  return apiVersion === MIR_API_VERSION ? API_VERSION : apiVersion;
}

function takeMetadata(metadata: JsonValue): JsonValue {
  if (!isJsonObject(metadata)) return metadata;
  const { annotations, managedFields } = metadata;
  return {
    ...metadata,
    ...(isJsonObject(annotations) && { annotations: takeAnnotations(annotations) }),
    ...(managedFields !== undefined && { managedFields: takeManagedFields(managedFields) }),
  };
}

/** Without the author: the view stamps it, and no client says who it is. */
function takeAnnotations(annotations: JsonObject): JsonObject {
  const kept = Object.entries(annotations).filter(([key]) => !isAuthorAnnotation(key));
  return Object.fromEntries(
    kept.map(([key, value]) => [
      key,
      key === LAST_APPLIED && typeof value === 'string' ? takeLastApplied(value) : value,
    ]),
  );
}

/** Nothing is said of what is repeated as it stands. */
function readOnlyWarnings(document: JsonObject, stored: JsonObject | undefined): string[] {
  const { reported: before, ...status } = objectIn(stored, 'status') ?? {};
  const isNews = (value: JsonValue | undefined, was: JsonValue | undefined): boolean =>
    value !== undefined && value !== null && !isDeepStrictEqual(value, was);
  return [
    ...(isNews(objectIn(document, 'properties')?.['reported'], before) ? [READ_ONLY_REPORTED] : []),
    ...(isNews(document['status'], stored === undefined ? undefined : status) ? [READ_ONLY_STATUS] : []),
  ];
}

/** The name that a document goes by, for errors. */
export function nameIn(body: JsonObject): string {
  return textIn(objectIn(body, 'metadata'), 'name') ?? '';
}
