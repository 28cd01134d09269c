/** What the CRD's API answers, in the shape of `mir/v1alpha`: objects, lists, tables, metadata, errors, watch events. */
import { LAST_APPLIED } from '../api/last-applied.ts';
import { isJsonObject } from '../api/exact-json.ts';
import { API_VERSION, DEVICE_KIND } from '../api/device.ts';
import type { JsonObject, JsonValue } from '../api/json-value.ts';
import { MIR_API_VERSION, MIR_GROUP, toMir } from './mir-shape.ts';
import type { Stored } from './mir-shape.ts';
import { isList } from '../api/json-fields.ts';
import { showLastApplied } from './last-applied.ts';
import { showManagedFields } from './managed-fields.ts';

/** Whatever an answer holds; what is of no concern here stays as it is. */
export function show(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value;
  const { kind, apiVersion } = value;
  if (apiVersion === API_VERSION) {
    if (kind === DEVICE_KIND) return showDevice(value);
    return {
      ...value,
      apiVersion: MIR_API_VERSION,
      ...(isList(value['items']) && { items: value['items'].map(show) }),
    };
  }
  if (kind === 'Status') return showStatus(value);
  if (kind === 'Table') return { ...value, ...(isList(value['rows']) && { rows: value['rows'].map(showRow) }) };
  if (kind === 'PartialObjectMetadata') return withMetadata(value);
  if (kind === 'PartialObjectMetadataList')
    return { ...value, ...(isList(value['items']) && { items: value['items'].map(show) }) };
  return value;
}

/** A device, or the bookmark of a watch, which has nothing but a resourceVersion. */
function showDevice(stored: JsonObject): JsonObject {
  const { metadata } = stored;
  if (!isJsonObject(metadata) || typeof metadata['name'] !== 'string')
    return { ...stored, apiVersion: MIR_API_VERSION };
  const { apiVersion, kind, meta, ...fields } = toMir(stored as unknown as Stored);
  return { apiVersion, kind, meta, metadata: showMetadata(metadata), ...fields } as JsonObject;
}

/** A row of a Table, which brings its object or the object's metadata. */
export function showRow(row: JsonValue): JsonValue {
  return isJsonObject(row) && isJsonObject(row['object']) ? { ...row, object: show(row['object']) } : row;
}

function withMetadata(object: JsonObject): JsonObject {
  const { metadata } = object;
  return isJsonObject(metadata) ? { ...object, metadata: showMetadata(metadata) } : object;
}

function showMetadata(metadata: JsonObject): JsonObject {
  const { annotations, managedFields } = metadata;
  const applied = isJsonObject(annotations) ? annotations[LAST_APPLIED] : undefined;
  return {
    ...metadata,
    ...(isJsonObject(annotations) &&
      typeof applied === 'string' && { annotations: { ...annotations, [LAST_APPLIED]: showLastApplied(applied) } }),
    ...(managedFields !== undefined && { managedFields: showManagedFields(managedFields) }),
  };
}

const STORED_GROUP = API_VERSION.slice(0, API_VERSION.indexOf('/'));

function showStatus(status: JsonObject): JsonObject {
  const { message, details } = status;
  return {
    ...status,
    ...(typeof message === 'string' && { message: showWords(message) }),
    ...(isJsonObject(details) && { details: showDetails(details) }),
  };
}

function showDetails(details: JsonObject): JsonObject {
  const { group, causes } = details;
  return {
    ...details,
    ...(group === STORED_GROUP && { group: MIR_GROUP }),
    ...(isList(causes) && { causes: causes.map(showCause) }),
  };
}

function showCause(cause: JsonValue): JsonValue {
  if (!isJsonObject(cause) || typeof cause['message'] !== 'string') return cause;
  return { ...cause, message: showWords(cause['message']) };
}

/** The API server's words speak of `devices.iot.mir "x"`, `device.iot.mir "x"` and `using iot.mir/v1alpha`. */
export function showWords(text: string): string {
  return text.replaceAll(OWN_WORDS, (_, resource: string | undefined) =>
    resource === undefined ? MIR_GROUP : `${resource}.${MIR_GROUP}`,
  );
}

const OWN_WORDS = /(?<![\w.-])(?:(devices?)\.iot\.mir(?![\w.-])|iot\.mir(?=\/v1alpha\b))/g;

/** One event of a watch. */
export function showEvent(event: JsonValue): JsonValue {
  return isJsonObject(event) && event['object'] !== undefined ? { ...event, object: show(event['object']) } : event;
}
