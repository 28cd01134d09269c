import type { Device, JsonObject } from '../api/device.ts';
import { digest } from '../protocol/canonical.ts';
import { encodeDesired } from '../protocol/desired-document.ts';
import { MAX_REVISION, PROTOCOL_VERSION } from '../protocol/envelopes.ts';
import type { DesiredDocument, DesiredEntry, Owner } from '../protocol/envelopes.ts';

export interface ComposeInput {
  readonly device: Device;
  readonly cluster: string;
  /** The document that the broker holds for this device id, whoever wrote it. */
  readonly copy: DesiredDocument | undefined;
  /** What the device itself named of this uid; it may know more than a restored cluster and an emptied broker do. */
  readonly named: NamedRevisions;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** Revisions of the object's uid in the device's own words. */
export interface NamedRevisions {
  /** The greatest one its birth named; 0: none. */
  readonly birth: number;
  /** The greatest one its reports named, per message. */
  readonly reports: ReadonlyMap<string, number>;
  /** Messages that got a new revision in this session already: once is enough, a device that names ever higher ones must not loop. */
  readonly reissued: ReadonlySet<string>;
}

export interface Composed {
  readonly payload: string;
  readonly document: DesiredDocument;
  /** Unchanged values that got a new revision because the device named a higher one. */
  readonly reissued: readonly string[];
  /** The greatest revision of this uid that anyone knows of, this document included. */
  readonly seenRevision: number;
}

/** The document the broker should hold for `device`: pure, and the same bytes for the same input. */
export function composeDocument(input: ComposeInput): Composed {
  const { device } = input;
  const disabled = device.spec.disabled === true;
  const known = knownRevision(device, input.copy);
  const seen = Math.max(known, input.named.birth, ...input.named.reports.values());
  const entries = disabled ? [] : composeEntries(input, known, seen);
  const document: DesiredDocument = {
    version: PROTOCOL_VERSION,
    owner: ownerOf(device, input.cluster),
    disabled,
    messages: Object.fromEntries(entries.map(({ message, entry }) => [message, entry])),
  };
  return {
    document,
    payload: encodeDesired(document),
    reissued: entries.filter(({ isReissued }) => isReissued).map(({ message }) => message),
    seenRevision: Math.max(seen, ...entries.map(({ entry }) => entry.revision)),
  };
}

function ownerOf(device: Device, cluster: string): Owner {
  const { namespace, name, uid } = device.metadata;
  return { cluster, namespace, name, uid };
}

interface ComposedEntry {
  readonly message: string;
  readonly entry: DesiredEntry;
  readonly isReissued: boolean;
}

function composeEntries(input: ComposeInput, known: number, seen: number): ComposedEntry[] {
  const desired = Object.entries(input.device.properties?.desired ?? {});
  return desired.map(([message, value]) => composeEntry(input, message, value, known, seen));
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
  const record = newestRecord(input, message);
  const isUnchanged = record?.digest === digest(value);
  const isReissued = isUnchanged && mustReissue(input, message, record.revision, known);
  if (isUnchanged && !isReissued) {
    return { message, entry: { revision: record.revision, time: record.time, value }, isReissued };
  }
  const revision = Math.min(MAX_REVISION, Math.max(input.device.metadata.generation, seen + 1));
  return { message, entry: { revision, time: laterThan(record?.time, input.now), value }, isReissued };
}

interface DesiredRecord {
  readonly revision: number;
  readonly digest: string;
  readonly time: string;
}

function newestRecord(input: ComposeInput, message: string): DesiredRecord | undefined {
  const { copy, device } = input;
  const status = device.status;
  const entry = copy?.owner.uid === device.metadata.uid ? copy.messages[message] : undefined;
  const sync = status?.sync?.[message];
  if (entry !== undefined && (sync === undefined || entry.revision >= sync.revision)) {
    return { revision: entry.revision, digest: digest(entry.value), time: entry.time };
  }
  if (sync === undefined) return undefined;
  return { ...sync, time: status?.properties?.desired?.[message] ?? sync.since };
}

/** True when the device would refuse this entry as old, although it does not have the value. */
function mustReissue(input: ComposeInput, message: string, revision: number, known: number): boolean {
  const { named, device } = input;
  if (device.status?.sync?.[message]?.state === 'InSync' || named.reissued.has(message)) return false;
  const isOutranked = revision < (named.reports.get(message) ?? 0);
  return isOutranked || (named.birth > known && revision < named.birth);
}

/** Now, or one millisecond after `before` when the clock has not passed it: times of one message strictly increase. */
function laterThan(before: string | undefined, now: number): string {
  const floor = before === undefined ? Number.NaN : Date.parse(before);
  return new Date(floor >= now ? floor + 1 : now).toISOString();
}

/** The greatest revision that the object's own status and the broker's copy name for this uid. */
export function knownRevision(device: Device, copy: DesiredDocument | undefined): number {
  const fromStatus = Object.values(device.status?.sync ?? {}).map(({ revision }) => revision);
  const fromCopy =
    copy?.owner.uid === device.metadata.uid ? Object.values(copy.messages).map(({ revision }) => revision) : [];
  return Math.max(0, ...fromStatus, ...fromCopy);
}
