import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PROTOCOL_LIMITS } from './envelopes.ts';
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
    expect(parsed.ok ? parsed.value : null).toEqual(value);
  });
});
