/** Keeps a history small: one device's changes never cost more than that. */
import { Buffer } from 'node:buffer';
import type { JsonObject } from '../api/device.ts';
import type { DesiredState, MessageChange, RecordedChange, RecordedState } from '../api/history.ts';
import type { ValueChange } from '../api/value-change.ts';
import { digest } from '../protocol/canonical.ts';

/** Bytes of all changes of one device; what was desired last may take as many again. */
const MOST_BYTES = 32_768;

const bytesOf = (value: unknown): number => (value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value)));

/** The newest changes, as many as `limit` and as have room; the newest itself loses its largest values where it alone is too large. */
export function fitChanges(changes: readonly RecordedChange[], limit: number): RecordedChange[] {
  const [newest, ...older] = changes.slice(0, limit);
  if (newest === undefined) return [];
  const kept = [fitAlone(newest)];
  let bytes = bytesOf(kept[0]);
  for (const change of older) {
    bytes += bytesOf(change);
    if (bytes > MOST_BYTES) break;
    kept.push(change);
  }
  return kept;
}

function fitAlone(change: RecordedChange): RecordedChange {
  let bytes = bytesOf(change);
  if (bytes <= MOST_BYTES) return change;
  const messages = Object.entries(change.messages ?? {});
  const largest = messages
    .map(([name, values]) => ({ name, size: bytesOf(values) }))
    .toSorted((a, b) => b.size - a.size);
  const left = new Set<string>();
  for (const { name, size } of largest) {
    if (bytes <= MOST_BYTES) break;
    left.add(name);
    bytes -= size;
  }
  const kept = messages.map(([name, values]) => [name, left.has(name) ? omit(values) : values] as const);
  return { ...change, messages: Object.fromEntries(kept) };
}

/** Values of more bytes than `most` are left out, with a note of how long they were. */
export function fitValues(change: ValueChange, most: number): MessageChange {
  return bytesOf(change.before) + bytesOf(change.after) > most ? omit(change) : change;
}

function omit(change: MessageChange): MessageChange {
  if (change.omitted !== undefined) return change;
  return { omitted: `${lengthOf(change.before)} before, ${lengthOf(change.after)} after` };
}

const lengthOf = (value: unknown): string => (value === undefined ? 'nothing' : `${bytesOf(value)} bytes`);

/** What is desired, to compare the next change with: of long values, and of those that have no room, a digest. */
export function recordState({ desired, disabled }: DesiredState, mostOfValue: number): RecordedState {
  const kept: [string, JsonObject][] = [];
  const digests: [string, string][] = [];
  let bytes = 0;
  for (const [name, value] of Object.entries(desired)) {
    const size = bytesOf(value);
    if (size <= mostOfValue && bytes + size <= MOST_BYTES) {
      kept.push([name, value]);
      bytes += size;
    } else digests.push([name, digest(value)]);
  }
  return {
    ...(disabled && { disabled }),
    desired: Object.fromEntries(kept),
    ...(digests.length > 0 && { digests: Object.fromEntries(digests) }),
  };
}
