import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DEFAULT_PROTOCOL_LIMITS } from './envelopes.ts';
import { parseJson } from './json.ts';

const parse = (payload: string | Buffer | Uint8Array, limits = DEFAULT_PROTOCOL_LIMITS) =>
  parseJson(Buffer.from(payload as string), limits);

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('parseJson', () => {
  it.each([
    ['an object', '{"a":[1,null,"x"]}', { a: [1, null, 'x'] }],
    ['a BOM and white space', '\uFEFF \r\n\t{"a":1} \n', { a: 1 }],
    ['a scalar', '7', 7],
    ['brackets within a string', JSON.stringify({ a: `\\"${'['.repeat(100)}` }), { a: `\\"${'['.repeat(100)}` }],
    ['nesting at the limit', nested(32), JSON.parse(nested(32))],
  ])('reads %s', (_, text, value) => {
    expect(parse(text)).toEqual({ ok: true, value });
  });

  it.each([
    ['nothing', '', 'EmptyPayload'],
    ['half an object', '{"a":', 'InvalidJson'],
    ['a trailing comma', '{"a":1,}', 'InvalidJson'],
    ['NaN', 'NaN', 'InvalidJson'],
    ['a broken UTF-8 sequence', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'InvalidUtf8'],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'InvalidUtf8'],
    ['a protobuf envelope', Buffer.from([0x08, 0x01]), 'UnsupportedEncoding'],
    ['one level too many', nested(33), 'TooDeep'],
    ['brackets without end', '['.repeat(16_000), 'TooDeep'],
    ['__proto__ at the top', '{"__proto__":{"a":1}}', 'ForbiddenName'],
    ['__proto__ written with an escape', '{"\\u005f_proto__":1}', 'ForbiddenName'],
    ['constructor in the depth', '{"a":[{"b":{"constructor":1}}]}', 'ForbiddenName'],
    ['prototype', '[{"prototype":null}]', 'ForbiddenName'],
    ['a payload over the limit', `"${'x'.repeat(16_384)}"`, 'TooLarge'],
    ['2 MB', Buffer.alloc(2_000_000), 'TooLarge'],
  ])('refuses %s', (_, payload, reason) => {
    expect(parse(payload)).toMatchObject({ ok: false, reason });
  });

  it('finds any depth without a stack, whatever the size limit', () => {
    const limits = { ...DEFAULT_PROTOCOL_LIMITS, maxPayloadBytes: 50_000_000 };
    expect(parse('{"a":'.repeat(4_000_000), limits)).toMatchObject({ reason: 'TooDeep' });
  });

  it('never throws for any bytes, and returns what JSON.parse returns', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => expect(typeof parse(bytes).ok).toBe('boolean')));
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        const result = parse(text, { ...DEFAULT_PROTOCOL_LIMITS, maxPayloadBytes: 1_000_000 });
        expect(result.ok ? result.value : result.reason).toEqual(result.ok ? JSON.parse(text) : 'ForbiddenName');
      }),
    );
  });
});
