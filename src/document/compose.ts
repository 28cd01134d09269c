import type { Device, JsonObject } from '../api/device.ts';
import { own } from '../api/own.ts';
import { digest } from '../protocol/canonical.ts';
import { MAX_REVISION } from '../protocol/envelopes.ts';
import type { Encoding, Owner } from '../protocol/envelopes.ts';
import type { CheckedDesired } from './check-desired.ts';
import { encodeContent, encodeDocument, reencode } from './encode.ts';
import type { Wire } from './encode.ts';
import { formerEntry, standingEntry } from './former-entry.ts';
import { hasValue } from './standing.ts';
import type { Content, StandingDocument, StandingEntry } from './standing.ts';

export interface ComposeInput {
  readonly device: Device;
  readonly desired: CheckedDesired;
  readonly cluster: string;
  /** With the schema that `desired` was checked against. */
  readonly wire: Wire;
  /** The document that the broker holds for this device id, whoever wrote it, or the last one that it held. */
  readonly copy: StandingDocument | undefined;
  /** What the device itself named of this uid; it may know more than a restored cluster and an emptied broker do. */
  readonly claimed: ClaimedRevisions;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** Revisions of the object's uid in the device's own words. */
export interface ClaimedRevisions {
  /** The greatest one its birth named; 0: none. */
  readonly birth: number;
  /** The greatest one its reports named, per message. */
  readonly reports: ReadonlyMap<string, number>;
  /** Messages that got a new revision in this session already: once is enough, a device that names ever higher ones must not loop. */
  readonly reissued: ReadonlySet<string>;
}

export interface Composed {
  readonly payload: Buffer;
  /** Names of the messages in the document. */
  readonly messages: readonly string[];
  /** Unchanged values that got a new revision because the device named a higher one. */
  readonly reissued: readonly string[];
  /** A changed value has no revision left that is greater than all before: the document must not go out (decision 0060). */
  readonly isExhausted: boolean;
  /** The greatest revision of this uid that anyone knows of, this document included. */
  readonly seenRevision: number;
  /** The payload lacks the former entry of an Invalid message, and must not be sent. */
  readonly stuck: Stuck | undefined;
}

export interface Stuck {
  readonly message: string;
  /** `lost`: its value is known to nobody here; `unwritable`: no document that the device reads can hold it. */
  readonly why: 'lost' | 'unwritable';
}

/** The document the broker should hold for `device`: pure, and the same bytes for the same input. */
export function composeDocument(input: ComposeInput): Composed {
  const { device } = input;
  const disabled = device.spec.disabled === true;
  const known = knownRevision(device, input.copy);
  const seen = Math.max(known, input.claimed.birth, ...input.claimed.reports.values());
  const kept = disabled ? NOTHING_KEPT : keepEntries(input);
  const wire = { ...input.wire, encoding: kept.encoding ?? input.wire.encoding };
  const composed = disabled ? [] : composeEntries({ ...input, wire }, known, seen);
  const entries = [...composed, ...kept.entries];
  return {
    payload: encodeDocument({ owner: ownerOf(device, input.cluster), disabled, entries }, wire.encoding),
    messages: entries.map(({ message }) => message),
    isExhausted: entries.some(({ revision }) => revision > MAX_REVISION),
    reissued: entries.filter(({ isReissued }) => isReissued).map(({ message }) => message),
    seenRevision: Math.max(seen, ...entries.map(({ revision }) => revision)),
    stuck: kept.stuck,
  };
}

function ownerOf(device: Device, cluster: string): Owner {
  const { namespace, name, uid } = device.metadata;
  return { cluster, namespace, name, uid };
}

interface ComposedEntry {
  readonly message: string;
  readonly revision: number;
  readonly time: string;
  readonly content: Content;
  readonly isReissued: boolean;
}

function composeEntries(input: ComposeInput, known: number, seen: number): ComposedEntry[] {
  return Object.entries(input.desired.values).map(([message, value]) =>
    composeEntry(input, message, value, known, seen),
  );
}

/**
 * A value keeps the revision and time of its newest record; a changed one gets the greatest of `metadata.generation` and one
 * more than any revision seen. So revisions grow whatever is lost: a restored etcd (generation falls back), an emptied broker
 * (the copy is gone), or both (the device names what it has).
 */
function composeEntry(
  input: ComposeInput,
  message: string,
  value: JsonObject,
  known: number,
  seen: number,
): ComposedEntry {
  const record = newestRecord(input, message, value);
  const content = encodeContent(value, message, input.wire);
  const isReissued = record?.isUnchanged === true && mustReissue(input, message, record.revision, known);
  if (record?.isUnchanged === true && !isReissued) {
    return { message, revision: record.revision, time: record.time, content, isReissued };
  }
  const revision = Math.max(input.device.metadata.generation, seen + 1);
  return { message, revision, time: laterThan(record?.time, input.now), content, isReissued };
}

interface Kept {
  readonly entries: readonly ComposedEntry[];
  /** What the document must be written in for their sake. */
  readonly encoding: Encoding | undefined;
  readonly stuck: Stuck | undefined;
}

const NOTHING_KEPT: Kept = { entries: [], encoding: undefined, stuck: undefined };

/**
 * A value that does not fit is not sent, and the one before it stays as it stands, whether it fits a newer schema or not: leaving it out
 * would tell the device to forget it (decisions 0020 and 0046). Every device reads JSON, so that is what a document comes in when protobuf
 * cannot say it all.
 */
function keepEntries(input: ComposeInput): Kept {
  const former: FormerEntry[] = [];
  for (const message of Object.keys(input.desired.invalid)) {
    const entry = formerEntry(input.device, input.copy, message);
    if (entry === 'lost') return { ...NOTHING_KEPT, stuck: { message, why: 'lost' } };
    if (entry !== undefined) former.push({ message, entry });
  }
  const wanted = rewriteEntries(former, input.wire);
  if (wanted.stuck === undefined || input.wire.encoding === 'json') return wanted;
  const inJson = rewriteEntries(former, { ...input.wire, encoding: 'json' });
  return inJson.stuck === undefined ? { ...inJson, encoding: 'json' } : wanted;
}

interface FormerEntry {
  readonly message: string;
  readonly entry: StandingEntry;
}

function rewriteEntries(former: readonly FormerEntry[], wire: Wire): Kept {
  const entries: ComposedEntry[] = [];
  for (const { message, entry } of former) {
    const content = reencode(entry.content, message, wire);
    if (content === undefined) return { ...NOTHING_KEPT, stuck: { message, why: 'unwritable' } };
    entries.push({ message, ...entry, content, isReissued: false });
  }
  return { ...NOTHING_KEPT, entries };
}

interface DesiredRecord {
  readonly revision: number;
  readonly time: string;
  /** It is the record of the value that is desired now. */
  readonly isUnchanged: boolean;
}

function newestRecord(input: ComposeInput, message: string, value: JsonObject): DesiredRecord | undefined {
  const { device, wire } = input;
  const entry = standingEntry(device, input.copy, message);
  const sync = own(device.status?.sync, message);
  const isRecorded = sync?.digest === digest(value);
  if (entry !== undefined && (sync === undefined || entry.revision >= sync.revision)) {
    const isUnchanged =
      hasValue(entry, message, value, wire.schema) || (isRecorded && entry.revision === sync?.revision);
    return { revision: entry.revision, time: entry.time, isUnchanged };
  }
  if (sync === undefined) return undefined;
  const time = own(device.status?.properties?.desired, message) ?? sync.since;
  return { revision: sync.revision, time, isUnchanged: isRecorded };
}

/** True when the device would refuse this entry as old, although it does not have the value. */
function mustReissue(input: ComposeInput, message: string, revision: number, known: number): boolean {
  const { claimed, device } = input;
  if (own(device.status?.sync, message)?.state === 'InSync' || claimed.reissued.has(message)) return false;
  const isOutranked = revision < (claimed.reports.get(message) ?? 0);
  return isOutranked || (claimed.birth > known && revision < claimed.birth);
}

/** Now, or one millisecond after `before` when the clock has not passed it: times of one message strictly increase. */
function laterThan(before: string | undefined, now: number): string {
  const floor = before === undefined ? Number.NaN : Date.parse(before);
  return new Date(floor >= now ? floor + 1 : now).toISOString();
}

/** The greatest revision that the object's own status and the broker's copy name for this uid. */
export function knownRevision(device: Device, copy: StandingDocument | undefined): number {
  const fromStatus = Object.values(device.status?.sync ?? {}).map(({ revision }) => revision);
  const fromCopy =
    copy?.owner.uid === device.metadata.uid ? Object.values(copy.messages).map(({ revision }) => revision) : [];
  return Math.max(0, ...fromStatus, ...fromCopy);
}
