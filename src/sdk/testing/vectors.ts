import { readFileSync } from 'node:fs';
import type { MessageValue, StoredEntry } from '../store.ts';

/** One case of `src/protocol/vectors/desired.json`; its README says what the fields mean. */
export interface DesiredCase {
  readonly name: string;
  readonly store: Readonly<Record<string, StoredEntry>>;
  readonly reported?: Readonly<Record<string, MessageValue>>;
  readonly rejects?: Readonly<Record<string, string>>;
  readonly maxBytes?: number;
  readonly document?: unknown;
  readonly text?: string;
  readonly hex?: string;
  readonly storeAfter: Readonly<Record<string, StoredEntry>>;
  readonly runsAtStart?: readonly Run[];
  readonly runs: readonly Run[];
  readonly withdrawn: readonly string[];
  readonly published: Readonly<Record<string, unknown>>;
}

export interface Run {
  readonly message: string;
  readonly value: MessageValue;
}

export interface StateCase {
  readonly name: string;
  readonly in: readonly Readonly<Record<string, unknown>>[];
  readonly births: number;
}

export interface GetCase {
  readonly name: string;
  readonly in: string;
  readonly births: number;
  readonly reported: readonly string[];
}

export function readVectors(name: 'get'): readonly GetCase[];
export function readVectors(name: 'desired'): readonly DesiredCase[];
export function readVectors(name: 'state'): readonly StateCase[];
export function readVectors(name: string): unknown {
  const file = new URL(`../../protocol/vectors/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: unknown }).cases;
}

/** Undefined where a case has no payload. */
export function payloadOf({ document, text, hex }: DesiredCase): Buffer | undefined {
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  if (text !== undefined) return Buffer.from(text);
  return document === undefined ? undefined : Buffer.from(JSON.stringify(document));
}
