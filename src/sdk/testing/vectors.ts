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
  /** Retained when the device connects. */
  readonly stored?: Readonly<Record<string, unknown>>;
  readonly in: readonly Readonly<Record<string, unknown>>[];
  readonly births: number;
}

export interface GetCase {
  readonly name: string;
  readonly in: string;
  readonly births: number;
  readonly reported: readonly string[];
}

export interface ConnectCase {
  readonly name: string;
  readonly store?: Readonly<Record<string, StoredEntry>>;
  readonly reported?: Readonly<Record<string, MessageValue>>;
  /** Topic below the device's → what is retained there. */
  readonly stored?: Readonly<Record<string, unknown>>;
  readonly connect?: { readonly cleanSession: boolean; readonly willQos: number; readonly willRetain: boolean };
  readonly birth: Readonly<Record<string, unknown>>;
  readonly absent?: readonly string[];
}

export interface TypedCase extends Pick<DesiredCase, 'name' | 'document' | 'text' | 'hex'> {
  readonly encoding: 'json' | 'protobuf';
  readonly entries: Readonly<Record<string, { readonly revision: number; readonly value: MessageValue }>>;
  readonly refused: readonly string[];
}

export function readVectors(name: 'connect'): readonly ConnectCase[];
export function readVectors(name: 'typed'): readonly TypedCase[];
export function readVectors(name: 'get'): readonly GetCase[];
export function readVectors(name: 'desired'): readonly DesiredCase[];
export function readVectors(name: 'state'): readonly StateCase[];
export function readVectors(name: string): unknown {
  const file = new URL(`../../protocol/vectors/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: unknown }).cases;
}

/** The schema of the `typed` cases. */
export function readTypedSchema(): Buffer {
  const file = new URL('../../protocol/vectors/typed.json', import.meta.url);
  return Buffer.from((JSON.parse(readFileSync(file, 'utf8')) as { schema: string }).schema, 'hex');
}

/** Undefined where a case has no payload. */
export function payloadOf({ document, text, hex }: Pick<DesiredCase, 'document' | 'text' | 'hex'>): Buffer | undefined {
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  if (text !== undefined) return Buffer.from(text);
  return document === undefined ? undefined : Buffer.from(JSON.stringify(document));
}
