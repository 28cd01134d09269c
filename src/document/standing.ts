import { Buffer } from 'node:buffer';
import type { JsonObject } from '../api/device.ts';
import { canonicalJson } from '../protocol/canonical.ts';
import { parseDesired } from '../protocol/desired-document.ts';
import type { DesiredEntry, Owner } from '../protocol/envelopes.ts';
import type { JsonLimits } from '../protocol/json.ts';
import { isProtobuf, parseDesiredProtobuf } from '../protocol/protobuf-envelopes.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';

/** A document as it stands at the broker, in whichever encoding. */
export interface StandingDocument {
  readonly owner: Owner;
  readonly messages: Readonly<Record<string, StandingEntry>>;
}

export interface StandingEntry {
  readonly revision: number;
  /** RFC 3339. */
  readonly time: string;
  readonly content: Content;
}

/** A message in a document: as JSON, in canonical form where its schema is known; or as protobuf. */
export type Content = JsonObject | Uint8Array;

/** Undefined: not a valid document. Never throws. */
export function parseStanding(
  payload: Buffer,
  limits: JsonLimits,
  schema: DeviceSchema | undefined,
): StandingDocument | undefined {
  if (isProtobuf(payload)) {
    const parsed = parseDesiredProtobuf(payload, limits);
    return parsed.ok ? mapEntries(parsed.value, (_, entry) => ({ ...entry, content: entry.value })) : undefined;
  }
  const parsed = parseDesired(payload, limits);
  return parsed.ok ? mapEntries(parsed.value, (name, entry) => fromJson(name, entry, schema)) : undefined;
}

function mapEntries<T>(
  { owner, messages }: { readonly owner: Owner; readonly messages: Readonly<Record<string, T>> },
  map: (name: string, entry: T) => StandingEntry,
): StandingDocument {
  const entries = Object.entries(messages).map(([name, entry]) => [name, map(name, entry)] as const);
  return { owner, messages: Object.fromEntries(entries) };
}

/** What was written before the schema was known may be spelled differently and mean the same. */
function fromJson(
  name: string,
  { revision, time, value }: DesiredEntry,
  schema: DeviceSchema | undefined,
): StandingEntry {
  const checked = schema?.message(name)?.canonicalize(value);
  return { revision, time, content: checked?.ok === true ? checked.value : value };
}

/** True when an entry says `value`, which is in canonical form where the schema is known; protobuf is compared by its bytes (decision 0024). */
export function hasValue(
  entry: StandingEntry,
  name: string,
  value: JsonObject,
  schema: DeviceSchema | undefined,
): boolean {
  if (!(entry.content instanceof Uint8Array)) return canonicalJson(entry.content) === canonicalJson(value);
  const encoded = schema?.message(name)?.encode(value);
  return encoded?.ok === true && Buffer.compare(encoded.value, entry.content) === 0;
}
