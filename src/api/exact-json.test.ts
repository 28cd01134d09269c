import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hasLongNumeral, isNumeral, readApiJson, readJson } from './exact-json.ts';

describe('JSON with numbers as they were written', () => {
  it.each([
    '9007199254740993',
    '-9223372036854775807',
    '9223372036854775807',
    '18446744073709551615',
    '1152921504606846976',
    '9007199254740993.0',
    '12345678901.2345678e9',
    '1e400',
    '-1e400',
    '1e-400',
    `0.${'0'.repeat(400)}1e0`,
  ])('keeps the text of %s', (numeral) => {
    const read = readJson(`{"a":[${numeral}],"b":1}`) as { a: unknown[] };
    expect(isNumeral(read.a[0])).toBe(true);
    expect(JSON.stringify(read)).toBe(`{"a":[${numeral}],"b":1}`);
  });

  it.each([
    ['9007199254740992', 9_007_199_254_740_992],
    ['1e20', 1e20],
    ['100000000000000000000', 1e20],
    ['1e+21', 1e21],
    ['1.5E300', 1.5e300],
    ['0.30000000000000004', 0.1 + 0.2],
    ['3.2000000476837158203', 3.200000047683716],
    ['0.99999999999999999999', 1],
    ['1234567890123456.78', 1_234_567_890_123_456.8],
    ['-0.0', -0],
    ['0e999', 0],
    ['60.0', 60],
    ['6e1', 60],
    ['00000000000000000000'.replace(/^0+/, '0'), 0],
  ])('reads %s as a number', (numeral, number) => {
    expect(readJson(numeral)).toBe(number);
    expect(readJson(`[ ${numeral} ]`)).toEqual([number]);
  });

  it('is the same as JSON.parse for everything that a program wrote', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(readJson(text)).toEqual(JSON.parse(text));
        expect(readApiJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('is written again as the same numbers, whatever they are', () => {
    const numeral = fc.stringMatching(/^-?(0|[1-9]\d{0,25})(\.\d{1,20})?([eE][+-]?\d{1,4})?$/);
    fc.assert(
      fc.property(numeral, fc.nat(20), (text, pad) => {
        const written = JSON.stringify(readJson(`{"${'p'.repeat(pad)}":${text}}`));
        const again = written.slice(written.indexOf(':') + 1, -1);
        const isEndless = !Number.isFinite(Number(text));
        // What is not kept as text is written by the shortest numeral of the same double.
        expect(isEndless ? again : Number(again) || 0).toBe(isEndless ? text : Number(text) || 0);
      }),
    );
  });

  it('looks closer only where a whole number is long', () => {
    const pads = Array.from({ length: 17 }, (_, length) => ' '.repeat(length));
    for (const pad of pads) {
      expect(hasLongNumeral(`${pad}{"a":1234567890123456}`)).toBe(true);
      expect(hasLongNumeral(`${pad}{"a":123456789012345}`)).toBe(false);
      expect(hasLongNumeral(`${pad}{"a":0.30000000000000004}`)).toBe(false);
      expect(hasLongNumeral(`${pad}{"at":"2024-11-20T14:00:00.123456789Z"}`)).toBe(false);
    }
  });

  it('takes no longer than the text is long, whatever digits are in it', () => {
    // Seconds for 16 kB, and an hour for these, if each digit were looked at once for every other one.
    const many = 2_000_000;
    const zeros = '0'.repeat(many);
    expect(hasLongNumeral(`{"a":".${zeros}"}`)).toBe(false);
    expect(readJson(`{"a":1.${zeros}1,"b":9007199254740992}`)).toEqual({ a: 1, b: 9_007_199_254_740_992 });
    expect(readJson(`{"a":9007199254740993.${zeros}1}`)).toEqual({ a: 9_007_199_254_740_994 });
    expect(readJson(`{"a":0.${zeros}}`)).toEqual({ a: 0 });
    expect(isNumeral(readJson(`1${zeros}1`))).toBe(true);
  });

  it('throws for what is no JSON, as JSON.parse does', () => {
    for (const text of ['', '{', '[1e400', '{"a":12345678901234567890'])
      expect(() => readJson(text)).toThrow(SyntaxError);
  });
});
