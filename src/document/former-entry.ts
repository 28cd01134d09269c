import type { Device, JsonObject, JsonValue } from '../api/device.ts';
import { isJsonObject } from '../api/exact-json.ts';
import { own } from '../api/own.ts';
import { digest } from '../protocol/canonical.ts';
import type { StandingDocument, StandingEntry } from './standing.ts';

/** What stands of one message in the document that the broker holds for this very object. */
export function standingEntry(
  { metadata }: Device,
  copy: StandingDocument | undefined,
  message: string,
): StandingEntry | undefined {
  return copy?.owner.uid === metadata.uid ? own(copy.messages, message) : undefined;
}

/**
 * What a message was before it became Invalid: as it stands, or, where it stands no more (the broker lost it, the device was disabled),
 * as the status tells it. Undefined: it was never sent; `lost`: it was, and nobody here knows the value any more (decision 0089).
 */
export function formerEntry(
  device: Device,
  copy: StandingDocument | undefined,
  message: string,
): StandingEntry | 'lost' | undefined {
  const standing = standingEntry(device, copy, message);
  const sync = own(device.status?.sync, message);
  if (standing !== undefined || sync === undefined || sync.revision === 0) return standing;
  const content = findValue(device, message, sync.digest);
  if (content === undefined) return 'lost';
  const time = own(device.status?.properties?.desired, message) ?? sync.since;
  return { revision: sync.revision, time, content };
}

/** What the device reports is what was sent when it has the digest of that: as it is, or without what only the device says (defaults). */
function findValue({ status, properties }: Device, message: string, sent: string): JsonObject | undefined {
  const reported = own(status?.reported, message);
  if (reported === undefined) return undefined;
  const desired = own(properties?.desired, message) ?? {};
  return [reported, narrow(reported, desired)].find((value) => digest(value) === sent);
}

function narrow(value: JsonObject, fields: JsonObject): JsonObject {
  const kept = Object.entries(fields).flatMap(([name, field]): [string, JsonValue][] => {
    const part = own(value, name);
    if (part === undefined) return [];
    return [[name, isJsonObject(part) && isJsonObject(field) ? narrow(part, field) : part]];
  });
  return Object.fromEntries(kept);
}
