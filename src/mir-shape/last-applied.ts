/**
 * kubectl keeps the document of its last apply in an annotation. A document of the Mir shape stays there as it is; one of the stored
 * shape (applied through the CRD, or written by the API server itself) is shown in the Mir shape, and taken back to the letter.
 */
import { isJsonObject, readJson } from '../api/exact-json.ts';
import { API_VERSION } from '../api/device.ts';
import type { JsonObject, JsonValue } from '../api/json-value.ts';
import { MIR_API_VERSION } from './mir-shape.ts';
import { goJson } from '../api/go-json.ts';
import { objectIn, without } from '../api/json-fields.ts';

/** The document as kubectl wrote it; undefined where it cannot be read. */
export function lastAppliedOf(text: JsonValue | undefined): JsonObject | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const document = readJson(text);
    return isJsonObject(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

/** kubectl ends its text with a line break; a text that was shown in another shape has none. */
export function showLastApplied(text: string): string {
  const document = text.endsWith('\n') ? lastAppliedOf(text) : undefined;
  if (document?.['apiVersion'] !== API_VERSION || `${goJson(document)}\n` !== text) return text;
  const status = objectIn(document, 'status');
  const shown = { ...document, apiVersion: MIR_API_VERSION };
  if (status === undefined || !Object.hasOwn(status, 'reported')) return goJson(shown);
  const { reported = null } = status;
  // Without `.properties` there would be no telling whether it was there.
  const properties = document['properties'] ?? {};
  if (!isJsonObject(properties) || Object.hasOwn(properties, 'reported') || !Object.hasOwn(document, 'properties'))
    return goJson(shown);
  return goJson({ ...shown, status: without(status, 'reported'), properties: { ...properties, reported } });
}

export function takeLastApplied(text: string): string {
  const document = text.endsWith('\n') ? undefined : lastAppliedOf(text);
  if (document?.['apiVersion'] !== MIR_API_VERSION) return text;
  const properties = objectIn(document, 'properties');
  const stored = { ...document, apiVersion: API_VERSION };
  if (properties === undefined || !Object.hasOwn(properties, 'reported')) return `${goJson(stored)}\n`;
  const { reported = null } = properties;
  const status = { ...objectIn(document, 'status'), reported };
  return `${goJson({ ...stored, status, properties: without(properties, 'reported') })}\n`;
}
