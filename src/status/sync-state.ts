import type { JsonObject, SyncRecord } from '../api/device.ts';
import type { Reason } from '../api/reasons.ts';
import { isOpen } from '../api/sync-states.ts';
import type { SyncState } from '../api/sync-states.ts';
import { agrees, includes } from '../protocol/canonical.ts';
import type { ReportedEnvelope } from '../protocol/envelopes.ts';
import type { MessageType } from '../schema/device-schema.ts';

/** Where a message stands and why, before it is known when that began. */
export interface SyncVerdict {
  readonly state: SyncState;
  readonly reason?: Reason | (string & {});
  readonly message?: string;
}

export interface SyncInput {
  /** The record of the last write; absent: the message is new. */
  readonly prior: SyncRecord | undefined;
  readonly uid: string;
  /** Revision under which the broker holds the desired value. */
  readonly revision: number;
  readonly desired: JsonObject;
  /** What the device says this message is, the new report included. */
  readonly reported: JsonObject | undefined;
  /** The report that arrived since the last write. */
  readonly report: ReportedEnvelope | undefined;
  /** By which values are compared; undefined: as plain JSON. */
  readonly type: MessageType | undefined;
}

/**
 * Decides where one desired message stands.
 *
 * Without news the record stands. A new revision starts at Pending, or at InSync when the device already reports the value.
 * A report that names our uid and the current revision is a decision; every other report tells about values only.
 */
export function judgeSync(input: SyncInput): SyncVerdict {
  const { prior, report } = input;
  const standing =
    prior !== undefined && prior.revision === input.revision && prior.state !== 'Invalid' ? prior : undefined;
  if (report === undefined) return withoutNews(input, standing);
  const ours = report.uid === input.uid && report.revision !== undefined;
  if (ours && report.revision === input.revision && report.status !== undefined) return judgeDecision(input, standing);
  return judgeValue(input, standing, ours);
}

/** The record stays as it is, with one exception: by a schema that has come since, values may be equal that differ as plain JSON. */
function withoutNews(input: SyncInput, standing: SyncRecord | undefined): SyncVerdict {
  if ((standing === undefined || isOpen(standing.state)) && matches(input)) return { state: 'InSync' };
  return standing ?? { state: 'Pending' };
}

function judgeDecision(input: SyncInput, standing: SyncRecord | undefined): SyncVerdict {
  const report = input.report;
  switch (report?.status) {
    case 'rejected':
      return { state: 'Rejected', reason: 'Rejected', message: report.reason ?? 'the device gave no reason' };
    case 'applied': {
      // Fields that an `applied` report leaves out (a password) are not compared; one without a value leaves out all.
      const value = report.value;
      if (value === undefined || isKept(input, value)) return { state: 'InSync' };
      if (standing?.state === 'InSync' || isDriftFromSync(standing)) return drifted();
      return {
        state: 'Drifted',
        reason: 'AppliedDifferently',
        message: 'the device applied this revision and reports another value',
      };
    }
    case 'accepted':
      if (matches(input)) return { state: 'InSync' };
      return standing?.state === 'InSync' || isDriftFromSync(standing) ? drifted() : acknowledged(report);
    case undefined:
      return judgeValue(input, standing, true);
  }
}

/** A device that cannot apply the value yet may say why. */
function acknowledged({ reason }: ReportedEnvelope): SyncVerdict {
  return { state: 'Acknowledged', ...(reason !== undefined && { message: reason }) };
}

/** A report of an older revision (`ours`) tells where the device was, so it never makes Drifted: the newer one is on its way. */
function judgeValue(input: SyncInput, standing: SyncRecord | undefined, ours: boolean): SyncVerdict {
  if (matches(input)) return { state: 'InSync' };
  if (input.report?.value === undefined && standing !== undefined) return standing;
  const isCurrent = ours && input.report?.revision === input.revision;
  if (standing?.state === 'InSync') return ours && !isCurrent ? { state: 'Pending' } : drifted();
  return standing ?? { state: 'Pending' };
}

function matches({ reported, desired, type }: SyncInput): boolean {
  if (reported === undefined) return false;
  return type === undefined ? includes(reported, desired) : type.agrees(reported, desired, false);
}

/** `value` differs in nothing that it names. */
function isKept({ desired, type }: SyncInput, value: JsonObject): boolean {
  return type === undefined ? agrees(value, desired) : type.agrees(value, desired, true);
}

function isDriftFromSync(standing: SyncRecord | undefined): boolean {
  return standing?.state === 'Drifted' && standing.reason === 'Drifted';
}

function drifted(): SyncVerdict {
  return { state: 'Drifted', reason: 'Drifted', message: 'was in sync; the device now reports another value' };
}
