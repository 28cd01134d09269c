/**
 * The Device as it is stored: `iot.mir/v1alpha`, kind `device`.
 *
 * Timestamps are RFC 3339 strings in UTC. A message name is a protobuf full name (`sensor.v1.SampleRate`), a message value
 * is that message as a JSON object.
 */
import type { Condition } from './conditions.ts';
import type { JsonObject } from './json-value.ts';
import type { Reason } from './reasons.ts';
import type { SyncState } from './sync-states.ts';

export const API_VERSION = 'iot.mir/v1alpha';
export const DEVICE_KIND = 'device';

/** Path of the collection, of one namespace or of all. */
export function devicesPath(namespace?: string): string {
  return namespace === undefined
    ? `/apis/${API_VERSION}/devices`
    : `/apis/${API_VERSION}/namespaces/${namespace}/devices`;
}

/** Path of the object under `namespace/name`. */
export function devicePath(key: DeviceKey): string {
  const [namespace, name] = key.split('/', 2);
  return `${devicesPath(namespace)}/${name}`;
}

export type { JsonObject, JsonValue } from './json-value.ts';

/** Message name → message value. */
export type Properties = Readonly<Record<string, JsonObject>>;
/** Message name → RFC 3339 time at which the message last changed. */
export type Timestamps = Readonly<Record<string, string>>;

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Device {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: DeviceSpec;
  readonly properties?: { readonly desired?: Properties };
  readonly status?: DeviceStatus;
}

export interface DeviceSpec {
  /** Unique in the whole system, immutable. */
  readonly deviceId: string;
  readonly disabled?: boolean;
}

export interface DeviceStatus {
  /** The `metadata.generation` this status speaks of; -1 until the operator has looked at the object. */
  readonly observedGeneration?: number;
  readonly online?: boolean;
  readonly lastHeartbeat?: string;
  readonly reported?: Properties;
  readonly properties?: { readonly desired?: Timestamps; readonly reported?: Timestamps };
  readonly sync?: Readonly<Record<string, SyncRecord>>;
  readonly conditions?: readonly Condition[];
  readonly session?: SessionRecord;
  readonly schema?: {
    readonly packageNames?: readonly string[];
    readonly lastSchemaFetch?: string;
    readonly hash?: string;
  };
}

/** Where one desired message stands. `digest` identifies the value that got `revision`. */
export interface SyncRecord {
  readonly state: SyncState;
  readonly revision: number;
  readonly digest: string;
  /** When `state` was entered. */
  readonly since: string;
  readonly reason?: Reason | (string & {});
  readonly message?: string;
}

/** What the operator must remember of a device's MQTT session to judge its messages after a restart, and no more. */
export interface SessionRecord {
  /** The session id of the last birth; absent for a device that has never sent one. */
  readonly id?: string;
  /** Sessions before it that were replaced before they took leave: a last will of theirs that stands stored is old. At most three. */
  readonly former?: readonly string[];
  /** Announced seconds between heartbeats; absent: the device announced none. */
  readonly heartbeat?: number;
  /** While this time lies ahead the device sleeps and stays online. */
  readonly asleepUntil?: string;
  /** The largest document in bytes that the device said it can take. */
  readonly maxBytes?: number;
  /** Absent: json. */
  readonly encoding?: 'protobuf';
}

/** `namespace/name`, the key of a Device on every queue. */
export type DeviceKey = string;

/** Message names are protobuf full names: they become CRD keys and MQTT topic levels. */
export const MESSAGE_NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
export const DEVICE_ID = /^[A-Za-z0-9_-][A-Za-z0-9_:-]{0,127}$/;
