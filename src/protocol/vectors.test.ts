import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROTOCOL_LIMITS } from './envelopes.ts';
import { parseDesiredProtobuf, parseReportedProtobuf } from './protobuf-envelopes.ts';
import { parseReported } from './reported-envelope.ts';
import { DEFAULT_MAX_REPORTS, parseState } from './state-envelope.ts';

interface ParseCase {
  readonly name: string;
  readonly kind: 'state' | 'reported';
  readonly text?: string;
  readonly hex?: string;
  readonly value: unknown;
}

const { cases } = JSON.parse(readFileSync(new URL('vectors/parse.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly ParseCase[];
};

describe('the parse vectors', () => {
  it.each(cases.map((one) => [one.name, one] as const))('%s', (_, { kind, text, hex, value }) => {
    const payload = hex === undefined ? Buffer.from(text ?? '') : Buffer.from(hex, 'hex');
    const limits = { ...DEFAULT_PROTOCOL_LIMITS, maxReports: DEFAULT_MAX_REPORTS };
    const parsed = kind === 'state' ? parseState(payload, limits) : parseReported(payload, limits);
    expect(parsed.ok ? withoutFlaw(parsed.value) : null).toEqual(value);
  });
});

/** Why a value was left out is said in every implementation's own words. */
function withoutFlaw(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'flaw'));
}

interface ProtobufCase {
  readonly name: string;
  readonly kind: 'desired' | 'reported';
  readonly hex: string;
  readonly value: unknown;
}

const binary = JSON.parse(readFileSync(new URL('vectors/protobuf.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly ProtobufCase[];
};

describe('the protobuf vectors', () => {
  it.each(binary.cases.map((one) => [one.name, one] as const))('%s', (_, { kind, hex, value }) => {
    const parse = kind === 'desired' ? parseDesiredProtobuf : parseReportedProtobuf;
    const parsed = parse(Buffer.from(hex, 'hex'), DEFAULT_PROTOCOL_LIMITS);
    expect(parsed.ok ? withHex(parsed.value) : null).toEqual(value);
  });
});

function withHex(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withHex(field)]));
}
