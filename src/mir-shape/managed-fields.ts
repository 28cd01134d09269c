/** `metadata.managedFields`: each entry names a version, and its fields by where that version has them. */
import { isJsonObject } from '../api/exact-json.ts';
import { API_VERSION } from '../api/device.ts';
import type { JsonObject, JsonValue } from '../api/json-value.ts';
import { MIR_API_VERSION } from './mir-shape.ts';
import { isList, objectIn, without } from '../api/json-fields.ts';

export function showManagedFields(value: JsonValue): JsonValue {
  return isList(value) ? value.map(showEntry) : value;
}

export function takeManagedFields(value: JsonValue): JsonValue {
  return isList(value) ? value.map(takeEntry) : value;
}

function showEntry(entry: JsonValue): JsonValue {
  return renamed(entry, API_VERSION, MIR_API_VERSION, { from: 'f:status', to: 'f:properties' });
}

/** One entry, as a JSON patch may give it. */
export function takeEntry(entry: JsonValue): JsonValue {
  return renamed(entry, MIR_API_VERSION, API_VERSION, { from: 'f:properties', to: 'f:status' });
}

interface Move {
  readonly from: string;
  readonly to: string;
}

function renamed(entry: JsonValue, from: string, to: string, move: Move): JsonValue {
  if (!isJsonObject(entry) || entry['apiVersion'] !== from) return entry;
  const { fieldsV1 } = entry;
  return { ...entry, apiVersion: to, ...(isJsonObject(fieldsV1) && { fieldsV1: moved(fieldsV1, move) }) };
}

/** Status is one field to the API server, so that newer entries have nothing to move. */
function moved(fields: JsonObject, { from, to }: Move): JsonObject {
  const source = objectIn(fields, from);
  const reported = source?.['f:reported'];
  if (source === undefined || reported === undefined) return fields;
  const left = without(source, 'f:reported');
  // The field itself was owned only if it says so (`.`).
  const rest = Object.keys(left).length === 0 ? without(fields, from) : { ...fields, [from]: left };
  return { ...rest, [to]: { ...objectIn(fields, to), 'f:reported': reported } };
}
