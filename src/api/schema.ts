/**
 * The Schema as it is stored: `iot.mir/v1alpha`, kind `schema`, cluster-scoped, named by the hash of its content: the devices of
 * one firmware share one (decision 0019).
 */
import type { Condition } from './conditions.ts';
import { API_VERSION } from './device.ts';

export const SCHEMA_KIND = 'schema';
export const SCHEMAS_PATH = `/apis/${API_VERSION}/schemas`;

/** On schemas that the operator stored itself, and may therefore collect when no device uses them any more. */
export const STORED_BY_LABEL = 'iot.mir/stored-by';

export interface SchemaObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    /** `sha256-` and 64 hex digits. */
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  /** `descriptorSet`: a serialized `google.protobuf.FileDescriptorSet` in base64. */
  readonly spec: { readonly descriptorSet: string };
  readonly status?: SchemaStatus;
}

export interface SchemaStatus {
  readonly observedGeneration?: number;
  readonly packageNames?: readonly string[];
  readonly messageCount?: number;
  /** Full names of the messages that can be desired. */
  readonly configuration?: readonly string[];
  readonly messages?: readonly SchemaMessage[];
  readonly conditions?: readonly Condition[];
}

export interface SchemaMessage {
  readonly name: string;
  readonly kind: string;
  readonly tags?: Readonly<Record<string, string>>;
}

const HASH = /^sha256:[0-9a-f]{64}$/;

/** True for a schema hash as devices announce it. */
export function isSchemaHash(text: string): boolean {
  return HASH.test(text);
}

/** `sha256:…`, as devices write it, as a name of an object: `sha256-…`. */
export function schemaName(hash: string): string {
  return hash.replace(':', '-');
}

/** The other way round. */
export function schemaHash(name: string): string {
  return name.replace('-', ':');
}
