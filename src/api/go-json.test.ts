import { describe, expect, it } from '@jest/globals';
import { readJson } from './exact-json.ts';
import { goJson } from './go-json.ts';

describe('JSON as Go writes it', () => {
  it('has its keys in the order of their bytes', () => {
    expect(goJson({ b: 1, a: { d: [{ z: 1, y: 2 }], c: null }, '\u{1f600}': 1, '\uff5e': 2 })).toBe(
      '{"a":{"c":null,"d":[{"y":2,"z":1}]},"b":1,"\uff5e":2,"\u{1f600}":1}',
    );
  });

  it('escapes what HTML would read', () => {
    expect(goJson('<a & b>\u2028')).toBe('"\\u003ca \\u0026 b\\u003e\\u2028"');
  });

  it('keeps every digit', () => {
    expect(goJson(readJson('{"n":9007199254740993,"m":[1e400]}'))).toBe('{"m":[1e400],"n":9007199254740993}');
  });
});
