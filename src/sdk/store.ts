import type { Decision, DesiredEntry } from '../protocol/envelopes.ts';

/** A message's value: the protobuf message as a JSON object. */
export type MessageValue = DesiredEntry['value'];

/** What a device remembers of one desired message across its own restarts. */
export interface StoredEntry {
  /** uid of the Kubernetes object the entry came from. */
  readonly uid: string;
  readonly revision: number;
  readonly value: MessageValue;
  /** The value that the device goes on with, where that is not this one: it was rejected, or is not applied yet. A start runs it first. */
  readonly inEffect?: MessageValue;
  /** The last decision on it, and why where it was rejected or could not be applied yet. */
  readonly decision: Decision;
  readonly reason?: string;
  /** Carried out once and for all: not given to its handler again at start. */
  readonly done?: true;
  /** The twin no longer desires it, and the device has not finished with taking it back. */
  readonly withdrawn?: true;
}

/** Message name → entry. */
export type Entries = ReadonlyMap<string, StoredEntry>;

/** Message name → the newest reported value. */
export type Reports = ReadonlyMap<string, MessageValue>;

/** Everything that a store holds. */
export interface StoreContent {
  readonly entries: Entries;
  readonly reports: Reports;
  /** What the store could not keep, and what became of it, for people. */
  readonly problem?: string;
}

/** What changes in a store; undefined removes. */
export interface StoreChange {
  readonly entries?: ReadonlyMap<string, StoredEntry | undefined>;
  readonly reports?: Reports;
  /** Everything that the change does not name goes. */
  readonly isWhole?: boolean;
}

/** Where a device keeps its twin. Synchronous: what it acknowledges next must be kept by then. */
export interface DeviceStore {
  /** Called once, first. A store that is damaged says so in `problem` and starts empty; it does not throw. */
  load(): StoreContent;
  /**
   * All of it or nothing, also when the process is killed meanwhile. A change of entries survives a power cut once this returns;
   * reports alone may be lost by one. Throws when nothing was written.
   */
  write(change: StoreChange): void;
  close(): void;
}

/** Forgets when the process ends; keep the object to play a restart. */
export function memoryStore(): DeviceStore {
  const entries = new Map<string, StoredEntry>();
  const reports = new Map<string, MessageValue>();
  return {
    load: () => ({ entries: new Map(entries), reports: new Map(reports) }),
    write(change) {
      if (change.isWhole === true) {
        entries.clear();
        reports.clear();
      }
      for (const [message, entry] of change.entries ?? []) {
        if (entry === undefined) entries.delete(message);
        else entries.set(message, entry);
      }
      for (const [message, value] of change.reports ?? []) reports.set(message, value);
    },
    close() {},
  };
}
