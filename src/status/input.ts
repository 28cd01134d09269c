import type { Device, DeviceKey } from '../api/device.ts';
import type { Presence } from '../presence/presence.ts';
import type { CheckedDesired } from '../document/check-desired.ts';
import type { StandingDocument } from '../document/standing.ts';
import type { Owner } from '../protocol/envelopes.ts';
import type { Report } from '../twin/inbox.ts';
import type { TypedReport } from './type-report.ts';
import type { PublishProblem } from '../document/broker-copy.ts';
import type { SchemaState } from '../twin/schema-state.ts';

/** Everything a status is computed from: a value, gathered at one moment, with nothing behind it. */
export interface StatusInput {
  readonly device: Device;
  /** Wall-clock milliseconds. */
  readonly now: number;
  readonly claim: Claim;
  readonly schemaState: SchemaState;
  /** What is desired, checked by the schema that the device has. */
  readonly desired: CheckedDesired;
  readonly publication: Publication;
  readonly presence: Presence;
  /** It comes and goes too often to tell each time. */
  readonly isFlapping: boolean;
  /** Reports that no write has carried yet, read by the schema that the device has. */
  readonly reports: ReadonlyMap<string, TypedReport & Pick<Report, 'receivedAt'>>;
  /** Message names of the last birth, when the twin is to be cut down to them. */
  readonly announced: readonly string[] | undefined;
  /** Reported messages a twin may hold; more are refused. */
  readonly maxMessages: number;
  /** Bytes of one reported value in its canonical form. */
  readonly maxValueBytes: number;
}

/** Whether this object speaks for its device id. */
export type Claim =
  | { readonly kind: 'owner' }
  | { readonly kind: 'duplicate'; readonly winner: DeviceKey | undefined }
  | { readonly kind: 'foreign'; readonly owner: Owner };

/** How far the desired state of this generation has come. */
export type Publication =
  /** The broker holds it. */
  | { readonly kind: 'published'; readonly document: StandingDocument }
  /** Nothing is, for the id is another object's. */
  | { readonly kind: 'none'; readonly document: undefined }
  /** It cannot be there; `document` is what the broker last held of this object. */
  | { readonly kind: 'held'; readonly problem: PublishProblem; readonly document: StandingDocument | undefined };
