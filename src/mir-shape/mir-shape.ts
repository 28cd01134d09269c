/**
 * The twin in the shape of `mir/v1alpha`, as people write and read it, and its way to the stored shape (`iot.mir/v1alpha`) and back:
 * `meta` is `metadata` without what the system keeps there, `properties.reported` is stored as `status.reported`.
 */
import { isDeepStrictEqual } from 'node:util';
import { isAuthorAnnotation } from '../api/author.ts';
import { API_VERSION, DEVICE_KIND } from '../api/device.ts';
import type { Device, JsonObject, JsonValue } from '../api/device.ts';
import { REFRESH_ANNOTATION } from '../api/refresh.ts';

export const MIR_GROUP = 'mir';
export const MIR_API_VERSION = 'mir/v1alpha';

/** A document that is no twin, or says two things at once. The message names the field and the remedy. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** What people write of `meta`. */
export const META_FIELDS = ['name', 'namespace', 'labels', 'annotations'] as const;

/** Annotations that `meta` does not show: what kubectl applied last, who changed the twin, and when its device was asked to report again. */
export function isToolAnnotation(key: string): boolean {
  return key.startsWith('kubectl.kubernetes.io/') || isAuthorAnnotation(key) || key === REFRESH_ANNOTATION;
}

/** The stored object that a document of either shape asks for. What only the device and the system write is left out. */
export function toStored(document: JsonObject): JsonObject {
  const { apiVersion, kind } = document;
  if (kind !== DEVICE_KIND || (apiVersion !== MIR_API_VERSION && apiVersion !== API_VERSION))
    throw new ShapeError(
      `is ${text(kind)} of ${text(apiVersion)}; a twin has kind ${DEVICE_KIND} and apiVersion ${MIR_API_VERSION} or ${API_VERSION}`,
    );
  return { apiVersion: API_VERSION, kind: DEVICE_KIND, metadata: identityOf(document), ...fieldsToStore(document) };
}

/** What people write of a document, without what says which device it is. */
export function fieldsToStore(document: JsonObject): JsonObject {
  const { reported: _reported, ...properties } = objectAt(document, 'properties') ?? {};
  const { apiVersion: _version, kind: _kind, meta: _meta, metadata: _metadata, status: _status, ...fields } = document;
  const { properties: _properties, ...rest } = fields;
  return { ...rest, ...(Object.keys(properties).length > 0 && { properties }) };
}

/** What `toMir` reads; a document that was never stored has less than a device. */
export interface Stored extends Pick<Device, 'properties' | 'status'> {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Partial<Device['spec']>;
}

/** The document of a stored object, in the order of its documentation. */
export function toMir({ metadata, spec, properties, status }: Stored): JsonObject {
  const { name, namespace, labels, annotations } = metadata;
  const { reported, online, lastHeartbeat, schema, properties: times, ...additional } = status ?? {};
  const { deviceId, disabled, ...otherSpec } = spec ?? {};
  const { desired, ...otherProperties } = properties ?? {};
  return compact({
    apiVersion: MIR_API_VERSION,
    kind: DEVICE_KIND,
    meta: compact({ name, namespace, labels, annotations: withoutToolAnnotations(annotations) }),
    spec: compact({ deviceId, disabled, ...otherSpec }),
    properties: nonEmpty(compact({ desired, reported, ...otherProperties })),
    status: nonEmpty(compact({ online, lastHeartbeat, schema, properties: times, ...additional })),
  });
}

/** Leaves out what is undefined. */
function compact(fields: object): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function nonEmpty(fields: JsonObject): JsonObject | undefined {
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** `metadata` as both `meta` and `metadata` give it. */
function identityOf(document: JsonObject): JsonObject {
  const [meta, metadata] = [objectAt(document, 'meta'), objectAt(document, 'metadata')];
  if (meta === undefined && metadata === undefined)
    throw new ShapeError(`has neither meta nor metadata; say which device it is: meta: {name: …, namespace: …}`);
  for (const field of Object.keys(meta ?? {})) {
    if (!META_FIELDS.some((known) => known === field))
      throw new ShapeError(`has meta.${field}; meta has ${META_FIELDS.join(', ')}`);
  }
  const identity: Record<string, JsonValue> = {};
  for (const field of META_FIELDS) {
    const [one, other] = [meta?.[field], metadata?.[field]];
    const value = one ?? other;
    if (one !== undefined && other !== undefined && !isDeepStrictEqual(one, other))
      throw new ShapeError(`has a meta.${field} and another metadata.${field}; leave one of them out`);
    if (value !== undefined && value !== null)
      identity[field] = field === 'annotations' ? (withoutToolAnnotations(value as object) ?? {}) : value;
  }
  if (typeof identity['name'] !== 'string' || identity['name'] === '')
    throw new ShapeError('has no meta.name; give the device a name');
  return identity;
}

function withoutToolAnnotations(annotations: object | undefined): JsonObject | undefined {
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !isToolAnnotation(key));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function objectAt(document: JsonObject, field: string): JsonObject | undefined {
  const value = document[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value))
    throw new ShapeError(`has ${field} ${text(value)}; it is a map`);
  return value as JsonObject;
}

function text(value: JsonValue | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
