import type { Decision, DesiredEntry } from '../protocol/envelopes.ts';

/** A message's value: the protobuf message as a JSON object. */
export type MessageValue = DesiredEntry['value'];

/** What a device remembers of one desired message across its own restarts. */
export interface StoredEntry {
  /** uid of the Kubernetes object the entry came from. */
  readonly uid: string;
  readonly revision: number;
  readonly value: MessageValue;
  /** The last decision on it, and why where it was rejected. */
  readonly status: Decision;
  readonly reason?: string;
  /** What was last reported for it, where that was not `value`. */
  readonly reported?: MessageValue;
  /** Carried out once and for all: not given to its handler again at start. */
  readonly isDone?: boolean;
}

/** Message name → entry. */
export type Entries = ReadonlyMap<string, StoredEntry>;

/** Where a device keeps its desired properties. Calls never overlap. */
export interface DeviceStore {
  load(): Promise<Entries>;
  /** Replaces everything at once: after a crash the store holds either all of the old or all of the new. */
  save(entries: Entries): Promise<void>;
}

/** Forgets when the process ends; keep the object to play a restart. */
export function memoryStore(): DeviceStore {
  let kept: Entries = new Map();
  return {
    load: async () => new Map(kept),
    save: async (entries) => {
      kept = new Map(entries);
    },
  };
}
