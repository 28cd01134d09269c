/** The documents that cross the broker, as they are after parsing: trusted, with unknown fields dropped. */
import type { JsonObject } from '../api/json-value.ts';

export const PROTOCOL_VERSION = 1;
/** Revisions are 1…2³¹−1 and only grow. */
export const MAX_REVISION = 2 ** 31 - 1;

/** `…/{id}/desired`, down, retained: everything a device should be, whole. */
export interface DesiredDocument {
  readonly version: typeof PROTOCOL_VERSION;
  readonly owner: Owner;
  readonly disabled: boolean;
  readonly messages: Readonly<Record<string, DesiredEntry>>;
}

/** The Kubernetes object a document speaks for. `cluster` is the uid of the cluster's kube-system namespace. */
export interface Owner {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface DesiredEntry {
  readonly revision: number;
  /** RFC 3339; stamped by the operator, strictly increasing per message, for people only: devices compare revisions. */
  readonly time: string;
  readonly value: JsonObject;
}

export type Decision = 'accepted' | 'applied' | 'rejected';

/** `…/{id}/reported/{message}`, up, retained: the device's decision and value for one message. */
export interface ReportedEnvelope {
  /** uid and revision of the desired entry that `status` is about. A revision without uid counts as a value only. */
  readonly uid?: string;
  readonly revision?: number;
  readonly status?: Decision;
  readonly reason?: string;
  /** Absent: unchanged. */
  readonly value?: JsonObject;
}

export type Encoding = 'json' | 'protobuf';

/** `…/{id}/state`, up, retained. */
export type StateEnvelope = Birth | Farewell;

export interface Birth {
  readonly online: true;
  readonly session?: string;
  readonly uid?: string;
  /** The greatest revision in the device's store. */
  readonly revision?: number;
  /** Names of the messages the device reports; the twin drops others. Absent: unknown. */
  readonly reports?: readonly string[];
  /** Seconds between heartbeats; absent or 0: the device sends none. */
  readonly heartbeat?: number;
  readonly encoding: Encoding;
  /** `sha256:…` of the device's schema. */
  readonly schema?: string;
  /** The largest document in bytes the device can take. */
  readonly maxBytes?: number;
  readonly sdk?: string;
}

/** A goodbye, or the last will (`will: true`), which is given a grace period in which the device may come back. */
export interface Farewell {
  readonly online: false;
  readonly session?: string;
  readonly will: boolean;
  /** Seconds the device will sleep; it stays online that long. */
  readonly asleep?: number;
}

/** Limits on what is accepted from the broker. */
export interface ProtocolLimits {
  /** Bytes of one payload. */
  readonly maxPayloadBytes: number;
  /** Levels of objects and arrays within a payload. */
  readonly maxNesting: number;
  /** Bytes of a topic. */
  readonly maxTopicBytes: number;
}

export const DEFAULT_PROTOCOL_LIMITS: ProtocolLimits = { maxPayloadBytes: 16_384, maxNesting: 32, maxTopicBytes: 256 };
