import type { Reason } from '../api/reasons.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import type { PublishProblem } from '../document/broker-copy.ts';

/** What is known of the schema of one device. */
export type SchemaState =
  /** The device announced none: its messages are plain JSON. */
  | { readonly kind: 'untyped' }
  | { readonly kind: 'typed'; readonly schema: DeviceSchema }
  /** Announced, and about to be known: until then nothing new is sent, and what is reported waits (decision 0021). `problem`: it takes too long. */
  | { readonly kind: 'pending'; readonly problem?: PublishProblem }
  /** Announced and not to be had, or of no use: JSON goes out unchecked, protobuf cannot. */
  | { readonly kind: 'unusable'; readonly hash: string; readonly reason: Reason; readonly message: string };

export const UNTYPED: SchemaState = { kind: 'untyped' };
export const PENDING: SchemaState = { kind: 'pending' };

export function schemaOf(schemaState: SchemaState): DeviceSchema | undefined {
  return schemaState.kind === 'typed' ? schemaState.schema : undefined;
}
