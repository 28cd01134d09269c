import type { JsonObject } from '../api/device.ts';

/** A device's own protobuf schema: checked, loaded, and safe to be asked. Immutable; devices of one firmware share one. */
export interface DeviceSchema {
  /** `sha256:` and 64 hex digits, over the serialized `google.protobuf.FileDescriptorSet`. */
  readonly hash: string;
  /** The protobuf packages of its files, each once, sorted; those of Google's own files left out. */
  readonly packageNames: readonly string[];
  /** Every top-level message, and of those within others the ones that have a kind; by full name, sorted; Google's own left out. */
  readonly messages: readonly MessageInfo[];
  /** The message of a full name (`sensor.v1.SampleRate`, `sensor.v1.SampleRate.Window`), ready to check, encode and decode; undefined: the schema has none. */
  message(name: string): MessageType | undefined;
}

/** What the option `mir.device.v1.message_type` makes of a message. Only configuration can be desired; any can be reported. */
export type MessageKind = 'unspecified' | 'telemetry' | 'telecommand' | 'configuration';

export interface MessageInfo {
  readonly name: string;
  readonly kind: MessageKind;
  /** Tags of the option `mir.device.v1.meta`. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface MessageType extends MessageInfo {
  /** As canonical JSON spells them, in the order of the schema. */
  fieldNames(): readonly string[];
  /**
   * The one form of a value: proto3 JSON in any accepted spelling in, canonical proto3 JSON out (lowerCamel names, 64-bit integers
   * as strings, bytes as base64, enums by name, floats rounded to their width). Unknown fields, wrong types, numbers out of range
   * and unknown enum names are problems. Fields that are named stay, also with their default value; with `defaults`,
   * those without presence that are not named are added. More than 64 levels, or 131,072 characters of added defaults and
   * enum names, are problems too, here and in `decode`: a device chooses schema and payload.
   */
  canonicalize(value: JsonObject, options?: { readonly defaults?: boolean }): Checked<JsonObject>;
  /** The message on the wire; `value` is checked as by `canonicalize`. */
  encode(value: JsonObject): Checked<Uint8Array>;
  /** Canonical proto3 JSON with defaults. Unknown fields on the wire are left out. */
  decode(bytes: Uint8Array): Checked<JsonObject>;
  /**
   * Compares two canonical values, `reported` with defaults: every field that `desired` names must be equal. A message may say more,
   * a list or map may not. `mayOmit`: message and optional fields that `reported` leaves out (a password) are not compared.
   */
  agrees(reported: JsonObject, desired: JsonObject, mayOmit: boolean): boolean;
}

export type Checked<T> = { readonly ok: true; readonly value: T } | Problem;

/** Why a value does not fit its message. */
export interface Problem {
  readonly ok: false;
  /** Where, as a path of fields from the message: `limits[2].max`; empty: the message itself. */
  readonly path: string;
  /** What is there and what was expected: `is "fast", expected a whole number from 0 to 4294967295`. */
  readonly message: string;
  /** The bytes are no protobuf message. */
  readonly isBroken?: boolean;
}
