import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { JsonValue } from '../api/device.ts';
import { agrees, canonicalJson, digest, includes } from './canonical.ts';

const json = fc.jsonValue() as fc.Arbitrary<JsonValue>;

describe('canonicalJson', () => {
  it.each([
    ['sorted keys', { b: 1, a: { d: 1, c: 2 } }, '{"a":{"c":2,"d":1},"b":1}'],
    ['null as unset', { a: null, b: { c: null } }, '{"b":{}}'],
    ['null in an array kept', [null, { a: null }], '[null,{}]'],
    ['minus zero', [-0, 0], '[0,0]'],
    ['strings as JSON', { 'a"b': '\n\u2028' }, '{"a\\"b":"\\n\u2028"}'],
  ])('writes %s', (_, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  it('is a fixed point, and equal texts have equal digests', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        const again = JSON.parse(text) as JsonValue;
        expect(canonicalJson(again)).toBe(text);
        expect(digest(again)).toBe(digest(value));
      }),
    );
  });
});

describe('digest', () => {
  it('is 22 characters of base64url, and stays what it is: status holds it', () => {
    expect(digest({ intervalSeconds: 60 })).toBe('7mYLnQ-ZWJHurwjJYhEbyg');
    expect(digest({ intervalSeconds: 60 })).not.toBe(digest({ intervalSeconds: 61 }));
  });
});

describe('includes and agrees', () => {
  it.each<[string, JsonValue, JsonValue, boolean, boolean]>([
    ['equal values', { a: 1 }, { a: 1 }, true, true],
    ['more in reported', { a: 1, b: 2 }, { a: 1 }, true, true],
    ['less in reported', { b: 2 }, { a: 1 }, false, true],
    ['another value', { a: 2 }, { a: 1 }, false, false],
    ['another type', { a: '1' }, { a: 1 }, false, false],
    ['null against absent', {}, { a: null }, true, true],
    ['absent against null', { a: null }, {}, true, true],
    ['null against a value', { a: null }, { a: 1 }, false, true],
    ['nested objects', { a: { b: 1, c: 2 } }, { a: { b: 1 } }, true, true],
    ['a nested omission', { wifi: { ssid: 'x' } }, { wifi: { ssid: 'x', password: 'y' } }, false, true],
    ['a nested difference', { wifi: { ssid: 'x' } }, { wifi: { ssid: 'z' } }, false, false],
    ['arrays', { a: [1, { b: 2, c: 3 }] }, { a: [1, { b: 2 }] }, true, true],
    ['a shorter array', { a: [1] }, { a: [1, 2] }, false, false],
    ['a longer array', { a: [1, 2, 3] }, { a: [1, 2] }, false, false],
    ['order in arrays', { a: [2, 1] }, { a: [1, 2] }, false, false],
    ['an object for an array', { a: {} }, { a: [] }, false, false],
    ['an array for an object', { a: [] }, { a: {} }, false, false],
    ['an empty object for nothing', {}, { a: {} }, false, true],
    ['a 32-bit float', { a: 3.200_000_047_7 }, { a: 3.2 }, true, true],
    ['floats that differ in 32 bits', { a: 3.2001 }, { a: 3.2 }, false, false],
    ['large whole numbers', { a: 16_777_217 }, { a: 16_777_216 }, false, false],
    ['minus zero', { a: -0 }, { a: 0 }, true, true],
    ['a prototype property', {}, { toString: 1 }, false, true],
  ])('judge %s', (_, reported, desired, included, agreed) => {
    expect(includes(reported, desired)).toBe(included);
    expect(agrees(reported, desired)).toBe(agreed);
  });

  it('hold for a value and itself, and what is included also agrees', () => {
    fc.assert(fc.property(json, (value) => expect(includes(value, value)).toBe(true)));
    fc.assert(fc.property(json, json, (a, b) => expect(!includes(a, b) || agrees(a, b)).toBe(true)));
  });
});
