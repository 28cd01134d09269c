import type { JsonObject } from '../api/device.ts';
import type { ReportedEnvelope } from '../protocol/envelopes.ts';

/** What a device reported, its value as it was on the wire: JSON, or protobuf that only the device's schema can read. */
export interface ReceivedEnvelope extends Omit<ReportedEnvelope, 'value'> {
  readonly value?: JsonObject | Uint8Array;
}

/** A report as it arrived, waiting to be absorbed into the object's status. */
export interface Report {
  readonly envelope: ReceivedEnvelope;
  /** Wall-clock milliseconds of its arrival. */
  readonly receivedAt: number;
}

/**
 * The newest report per message that has not reached the object's status yet.
 *
 * Nothing waits in line here: a newer report replaces the one before, so a device may talk as fast as it likes and costs one
 * entry per message. What a broken write leaves behind stays until a later write has carried it.
 */
export class Inbox {
  #reports: Map<string, Report> | undefined;
  #announced: readonly string[] | undefined;
  /** Bounded by the reports that were stored. */
  #cleared: Set<string> | undefined;

  /** Message names that a new session's birth announced and the twin has not been cut down to yet. */
  get announced(): readonly string[] | undefined {
    return this.#announced;
  }

  get size(): number {
    return this.#reports?.size ?? 0;
  }

  has(message: string): boolean {
    return this.#reports?.has(message) ?? false;
  }

  /** Keeps `report` as the newest of `message`; true when it replaced one that had not been absorbed. */
  put(message: string, report: Report): boolean {
    // Created on demand: most devices have nothing waiting most of the time, and a fleet has many devices.
    this.#reports ??= new Map();
    const before = this.#reports.get(message);
    // A report without a value says "value unchanged": the value that is still waiting is the one it means.
    const value = report.envelope.value ?? before?.envelope.value;
    const merged = value === undefined ? report : { ...report, envelope: { ...report.envelope, value } };
    this.#reports.set(message, merged);
    return before !== undefined;
  }

  /** What is waiting, for one write to carry; it stays until `noteCarried`. */
  peek(): ReadonlyMap<string, Report> {
    return new Map(this.#reports);
  }

  /** Removes what a write has carried; reports that arrived in the meantime stay. */
  noteCarried(carried: ReadonlyMap<string, Report>): void {
    if (this.#reports === undefined) return;
    for (const [message, report] of carried) {
      if (this.#reports.get(message) === report) this.#reports.delete(message);
    }
    if (this.#reports.size === 0) this.#reports = undefined;
  }

  /** A new session's birth names what the device reports; the rest is dropped. Undefined: it names nothing. */
  beginSession(announced: readonly string[] | undefined): void {
    this.#announced = announced;
    this.#cleared = undefined;
    if (announced === undefined) return;
    for (const message of this.#reports?.keys() ?? []) if (!announced.includes(message)) this.#reports?.delete(message);
  }

  /** The twin has been cut down to these names. */
  noteCutDown(announced: readonly string[] | undefined): void {
    if (this.#announced === announced) this.#announced = undefined;
  }

  /**
   * The stored report of `message` was cleared in this session (decision 0018). An empty live one is our own then, which not every broker
   * keeps back.
   */
  noteCleared(message: string): void {
    (this.#cleared ??= new Set()).add(message);
  }

  wasCleared(message: string): boolean {
    return this.#cleared?.has(message) === true;
  }

  /** A stored report of it is one that the device does not report any more. */
  isDropped(message: string): boolean {
    return this.#announced?.includes(message) === false || this.wasCleared(message);
  }

  /** The device reports it again. */
  noteReported(message: string): void {
    this.#cleared?.delete(message);
  }
}
