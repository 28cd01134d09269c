import { describe, expect, it } from '@jest/globals';
import { parseReportedProtobuf } from './protobuf-envelopes.ts';
import { encodeReportedProtobuf } from './protobuf-envelopes.ts';
import { parseReported } from './reported-envelope.ts';
import { parseState } from './state-envelope.ts';
import { harmless } from './text.ts';

const LIMITS = { maxPayloadBytes: 16_384, maxNesting: 32, maxReports: 10 };

describe('text from outside', () => {
  it.each([
    ['a line break', 'no\nWarning  Forged', 'no Warning  Forged'],
    ['a carriage return and a bell', 'a\r\u0007b', 'a  b'],
    ['NUL, DEL and a C1 control', 'a\u0000b\u007fc\u009bd', 'a b c d'],
    ['a line and a paragraph separator', 'a\u2028b\u2029c', 'a b c'],
    ['overrides, isolates and marks of direction', '\u202ea\u2066b\u200fc\u061cd', ' a b c d'],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
    ['what people write', 'zu heiß: 41,5 °C 🔥 — \u05d7\u05dd', 'zu heiß: 41,5 °C 🔥 — \u05d7\u05dd'],
    ['a family, joined', '👩\u200d👧', '👩\u200d👧'],
  ])('with %s is one harmless line', (_name, text, expected) => {
    expect(harmless(text)).toBe(expected);
  });

  it('is so in everything that a device says of itself', () => {
    const birth = parseState(
      Buffer.from('{"online":true,"session":"s\\u202e1\\ud800","sdk":"x\\n\\u009by","schema":"\\u0007s","uid":"u\\n"}'),
      LIMITS,
    );
    expect(birth).toMatchObject({ ok: true, value: { session: 's 1\ufffd', sdk: 'x  y', schema: ' s', uid: 'u ' } });
    const reason = 'a\nb\u202ec';
    const report = parseReported(Buffer.from(JSON.stringify({ status: 'rejected', reason })), LIMITS);
    expect(report).toMatchObject({ ok: true, value: { reason: 'a b c' } });
    const binary = parseReportedProtobuf(encodeReportedProtobuf({ status: 'rejected', reason }), LIMITS);
    expect(binary).toMatchObject({ ok: true, value: { reason: 'a b c' } });
  });

  it('is so in what is said of input that cannot be read', () => {
    for (const payload of ['\u202e{', '{"online":"\u009b\u202e"}', '{"online":true,"encoding":"\u202e"}']) {
      const parsed = parseState(Buffer.from(payload), LIMITS);
      const problem = parsed.ok ? parsed.problems?.[0] : parsed;
      expect(problem?.message).toMatch(/^[\x20-\x7e…]+$/);
    }
  });
});
