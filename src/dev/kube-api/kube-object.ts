/** A Kubernetes object as this API holds it while it handles a request. */
import { isObject } from './crd/schema-lookup.ts';
import type { Json, JsonObject } from './crd/index.ts';
import type { ManagedFieldsEntry } from './ownership/entries.ts';

export { isObject };

// Type aliases, not interfaces: only aliases are assignable to Json.
export type ObjectMeta = {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: JsonObject[];
  managedFields?: ManagedFieldsEntry[];
};

export type KubeObject = {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: Json;
};

/** `namespace/name`, or `name` for what has no namespace: etcd's order of keys is this string's order. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The value at a dotted path, as field selectors name it. */
export function valueAt(object: Json | undefined, path: string): Json | undefined {
  let value = object;
  for (const step of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** The text or number at a dotted path as text; `''` when there is nothing, or something with parts. */
export function textAt(object: Json | undefined, path: string): string {
  const value = valueAt(object, path) ?? '';
  return typeof value === 'object' ? '' : String(value);
}

/** RFC 3339 in UTC with whole seconds, as Kubernetes writes `metav1.Time`. */
export function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}

/** What Go's JSON calls a value. */
export function jsonKind(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}
