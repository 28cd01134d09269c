/**
 * The history of one device as it is stored: `iot.mir/v1alpha`, kind `devicehistory`, under the name of the device: the newest changes
 * of its desired properties and of `spec.disabled`. Written by the operator alone.
 */
import { API_VERSION } from './device.ts';
import type { DeviceKey, JsonObject, JsonValue, Properties } from './device.ts';
import type { SyncState } from './sync-states.ts';

export const HISTORY_KIND = 'devicehistory';
/** What is recorded, in short, so that a LIST of metadata tells it: uid, generation, and which messages have no outcome yet. */
export const RECORDED_ANNOTATION = 'iot.mir/recorded';
/** On histories that are kept after their device was deleted. */
export const DELETED_LABEL = 'iot.mir/deleted';

/** Path of the collection, of one namespace or of all. */
export function historiesPath(namespace?: string): string {
  return namespace === undefined
    ? `/apis/${API_VERSION}/devicehistories`
    : `/apis/${API_VERSION}/namespaces/${namespace}/devicehistories`;
}

/** Path of the history of the device `namespace/name`. */
export function historyPath(key: DeviceKey): string {
  const [namespace, name] = key.split('/', 2);
  return `${historiesPath(namespace)}/${name}`;
}

export interface DeviceHistory extends HistoryBody {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: HistoryMeta;
}

export interface HistoryMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface HistoryBody {
  readonly device: HistoryDevice;
  /** What was desired after the newest change: what the next one is compared with. */
  readonly recorded: RecordedState;
  /** The newest first. */
  readonly changes: readonly RecordedChange[];
}

interface HistoryDevice {
  readonly uid: string;
  readonly deviceId: string;
  /** `metadata.generation` up to which changes are recorded. */
  readonly generation: number;
  /** The annotation `iot.mir/author-of` of the newest change, if it had one. */
  readonly stamp?: string;
  /** Who had written last then, and when, as the object's managedFields told. */
  readonly managed?: string;
  /** RFC 3339; the device is gone, and its history was to be kept. */
  readonly deleted?: string;
}

export interface RecordedState {
  readonly disabled?: boolean;
  readonly desired?: Properties;
  /** Message name → digest of a value that was too long to keep. */
  readonly digests?: Readonly<Record<string, string>>;
}

/** `User`: the name that the API server knows; `FieldManager`: the program, where nobody has stamped the user; `Unknown`: neither, or of several not all users. */
export type AuthorKind = 'User' | 'FieldManager' | 'Unknown';

export interface RecordedChange {
  /** `metadata.generation` after the change. Changes that follow each other fast are one. */
  readonly revision: number;
  /** RFC 3339. */
  readonly time: string;
  /** Several, where their changes could not be kept apart: `alice, bob`; a program among users: `alice, (helm)`. */
  readonly author: string;
  readonly authorKind: AuthorKind;
  /** The field manager, where both it and the user are known. */
  readonly manager?: string;
  /** Of an earlier object of the same name; absent: of the one that is there. */
  readonly uid?: string;
  readonly disabled?: { readonly before: boolean; readonly after: boolean };
  /** Message name → what differs. */
  readonly messages?: Readonly<Record<string, MessageChange>>;
  readonly outcome: ChangeOutcome;
}

/** Only the fields that differ. A side that is absent: the message was, or is, not desired. */
export interface MessageChange {
  readonly before?: JsonValue;
  readonly after?: JsonValue;
  /** Why the values are not kept. */
  readonly omitted?: string;
}

/** `Superseded`: another change of the same messages came before this one had an outcome. */
export type OutcomeState = SyncState | 'Superseded';

export interface ChangeOutcome {
  readonly state: OutcomeState;
  /** RFC 3339: since when it is so. */
  readonly time?: string;
  /** What the device or the operator said, of a change that was rejected or is invalid. */
  readonly message?: string;
}

export interface DesiredState {
  readonly desired: Readonly<Record<string, JsonObject>>;
  readonly disabled: boolean;
}
