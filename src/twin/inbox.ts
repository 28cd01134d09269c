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

  /** What is waiting, for one write to carry; it stays until `settle`. */
  peek(): ReadonlyMap<string, Report> {
    return new Map(this.#reports);
  }

  /** Removes what a write has carried; reports that arrived in the meantime stay. */
  settle(carried: ReadonlyMap<string, Report>): void {
    if (this.#reports === undefined) return;
    for (const [message, report] of carried) {
      if (this.#reports.get(message) === report) this.#reports.delete(message);
    }
    if (this.#reports.size === 0) this.#reports = undefined;
  }

  drop(message: string): void {
    this.#reports?.delete(message);
  }
}
