import type { BadInputReason } from '../api/bad-input.ts';
import type { AuthorKind } from '../api/history.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { EventSubject, TwinEvent } from './events.ts';
import type { WriteClass } from './write-class.ts';

/** `limited`: had to wait in a line that was full, and is found again by the next look at the broker's stored state. */
export type ProvisionResult = 'created' | 'exists' | 'foreign' | 'failed' | 'limited' | 'reserved';

/**
 * Told what happens to twins, for metrics, events and logs; whoever tells does not depend on it. No call throws or waits. Times in
 * milliseconds.
 */
export interface TwinObserver {
  /** The broker has acknowledged a desired document, `durationMs` after it was sent. */
  published(durationMs: number): void;
  publishFailed(kind: 'transient' | 'refused' | 'tooLarge'): void;
  /** So many retained topics of a device without an object were cleared. */
  withdrawn(topics: number): void;
  /** A status was written that carried `reports`; the oldest of them had waited for `lagMs`. */
  statusWritten(writeClass: WriteClass, reports: number, lagMs: number | undefined): void;
  /** By the status code of the answer; 0: there was none. */
  statusWriteFailed(code: number): void;
  /** A change was written into the history of its device, `lagMs` after it was made. */
  changeRecorded(authorKind: AuthorKind, lagMs: number): void;
  pageRead(result: 'complete' | 'broken'): void;
  /** So many documents wait for a person to confirm their withdrawal; 0: none. */
  sweepBlocked(documents: number): void;
  /** What became of a device that announced itself and has no object. */
  provisioned(result: ProvisionResult): void;
  reportHeard(): void;
  heartbeatHeard(): void;
  /** Something arrived that was not taken. `message` may quote it. `memory` is absent where no object has the device id. */
  refused(reason: BadInputReason, message: string, memory?: DeviceMemory): void;
  /** Something that people want to read in `kubectl describe`. */
  happened(subject: EventSubject, events: readonly TwinEvent[]): void;
  brokerConnected(isAgain: boolean): void;
  brokerLost(): void;
  /** So many devices are online. */
  onlineCounted(devices: number): void;
}
