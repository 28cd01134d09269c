import type { Device, DeviceStatus, Properties, SyncRecord, Timestamps } from '../api/device.ts';
import { storedBytes } from '../api/stored-bytes.ts';

/**
 * Bytes that an object may come to. etcd takes requests of 1.5 MiB; the difference is for what the API server adds by itself: the
 * managed fields of the status, and the frame of the request.
 */
const MAX_OBJECT_BYTES = 1_400_000;
/** What a person writes is there up to three times: itself, its managed fields, and in kubectl's annotation. The cache has only the first. */
const COPIES_OF_REST = 3;
/** Characters of a text for people; the CRD takes 32,768 bytes. */
const MAX_TEXT = 1024;
/** Package names; the CRD takes no more. */
const MAX_PACKAGES = 256;

/**
 * The reported values that the object has room for: the largest are left out, between equals the later name. Everything in `core`, the
 * status without them, always has its place: a device must never keep its own twin from being written (decision 0047).
 */
export function fitReported(device: Device, core: object, values: Properties): Properties {
  const sizes = Object.entries(values).map(([name, value]) => ({ name, bytes: bytesOf({ [name]: value }) }));
  let excess = sizes.reduce((total, { bytes }) => total + bytes, 0) - roomFor(device, core);
  if (excess <= 0) return values;
  const kept = new Map(Object.entries(values));
  for (const { name, bytes } of sizes.toSorted((a, b) => b.bytes - a.bytes || (a.name < b.name ? 1 : -1))) {
    if (excess <= 0) break;
    kept.delete(name);
    excess -= bytes;
  }
  return Object.fromEntries(kept);
}

/** Names whose time is kept and whose value is not: what `fitReported` left out, until the device reports it smaller or not at all. */
export function leftOut(values: Properties, times: Timestamps): string[] {
  return Object.keys(times)
    .filter((name) => !Object.hasOwn(values, name))
    .toSorted();
}

function roomFor({ status: _status, ...rest }: Device, core: object): number {
  return MAX_OBJECT_BYTES - COPIES_OF_REST * bytesOf(rest) - bytesOf(core);
}

function bytesOf(value: unknown): number {
  return storedBytes(JSON.stringify(value));
}

/** Cuts the texts for people that names and reasons of any length went into. */
export function fitTexts(status: DeviceStatus): DeviceStatus {
  return {
    ...status,
    ...(status.sync !== undefined && { sync: mapValues(status.sync, fitRecord) }),
    ...(status.conditions !== undefined && {
      conditions: status.conditions.map((one) => ({ ...one, message: shorten(one.message) })),
    }),
    ...(status.schema?.packageNames !== undefined && {
      schema: { ...status.schema, packageNames: status.schema.packageNames.slice(0, MAX_PACKAGES) },
    }),
  };
}

function fitRecord(record: SyncRecord): SyncRecord {
  const { reason, message } = record;
  return {
    ...record,
    ...(reason !== undefined && { reason: shorten(reason) }),
    ...(message !== undefined && { message: shorten(message) }),
  };
}

function shorten(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1).toWellFormed()}…`;
}

function mapValues<T>(map: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
