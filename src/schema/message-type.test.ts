import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../api/device.ts';
import { readJson } from '../api/exact-json.ts';
import { typeOf, canonical, UINT } from './testing/kitchen.ts';

describe('a number that JSON.parse would change', () => {
  const read = (json: string): JsonObject => readJson(json) as JsonObject;

  it('keeps its digits where the schema says that it is a whole number of 64 bits', () => {
    const json = '{"anInt64":-9223372036854775808,"aUint64":18446744073709551615,"aFixed64":9007199254740993.0}';
    expect(canonical('Scalars', read(json))).toEqual({
      anInt64: '-9223372036854775808',
      aUint64: '18446744073709551615',
      aFixed64: '9007199254740993',
    });
  });

  it('is a double where a double is exactly that', () => {
    for (const json of ['{"aDouble":99999999999999991611392}', '{"aDouble":"99999999999999991611392"}'])
      expect(canonical('Scalars', read(json))).toEqual({ aDouble: 1e23 });
    expect(canonical('Scalars', { aDouble: '-007.50' })).toEqual({ aDouble: -7.5 });
  });

  it.each([
    [
      'Scalars',
      '{"aDouble":9007199254740993}',
      'aDouble',
      'is 9007199254740993, expected a number that a double holds',
    ],
    [
      'Scalars',
      '{"aDouble":"9007199254740993"}',
      'aDouble',
      'is 9007199254740993, expected a number that a double holds',
    ],
    ['Scalars', '{"aFloat":1e400}', 'aFloat', 'is 1e400, expected a number that a double holds'],
    ['Scalars', '{"aString":9007199254740993}', 'aString', 'is 9007199254740993, expected a string'],
    ['Scalars', '{"aUint32":9007199254740993}', 'aUint32', `is 9007199254740993, expected ${UINT}`],
    ['Lists', '{"messages":[9007199254740993]}', 'messages[0]', 'is 9007199254740993, expected an object'],
    [
      'WellKnown',
      '{"aStruct":{"n":9007199254740993}}',
      'aStruct["n"]',
      'is 9007199254740993, expected a number that a double holds; write it as a string',
    ],
  ])('in %s %s does not fit anywhere else', (name, json, path, message) => {
    expect(typeOf(name).canonicalize(read(json))).toEqual({ ok: false, path, message });
  });
});

describe('a value that does not fit', () => {
  it.each<[string, JsonObject, string, string]>([
    ['Scalars', { aUint32: 'fast' }, 'aUint32', `is "fast", expected ${UINT}`],
    ['Scalars', { a_uint32: -1 }, 'a_uint32', `is -1, expected ${UINT}`],
    ['Scalars', { aUint32: 1.5 }, 'aUint32', `is 1.5, expected ${UINT}`],
    ['Scalars', { aUint32: [] }, 'aUint32', `is a list, expected ${UINT}`],
    ['Scalars', { aUint32: {} }, 'aUint32', `is an object, expected ${UINT}`],
    ['Scalars', { aUint32: 'x'.repeat(99) }, 'aUint32', `is "${'x'.repeat(38)}…, expected ${UINT}`],
    [
      'Scalars',
      { aUint64: 2 ** 60 },
      'aUint64',
      'is 1152921504606847000, expected a whole number from 0 to 18446744073709551615; write one beyond 9007199254740991 as a string',
    ],
    ['Scalars', { aBool: 1 }, 'aBool', 'is 1, expected true or false'],
    ['Scalars', { aString: '\ud800' }, 'aString', 'is "\\ud800", expected a string of valid Unicode'],
    ['Scalars', { someBytes: 'A' }, 'someBytes', 'is "A", expected bytes in base64'],
    ['Scalars', { aFloat: 1e39 }, 'aFloat', 'is 1e+39, expected a number that fits 32 bits'],
    [
      'Scalars',
      { aColour: 'GREEN' },
      'aColour',
      'is "GREEN", expected one of COLOUR_UNSPECIFIED, RED, CRIMSON, BLUE, NEGATIVE',
    ],
    [
      'Scalars',
      { colour: 1 },
      'colour',
      'is not a field of oracle.v1.Scalars, which has aDouble, aFloat, anInt64, aUint64, anInt32, aFixed64, aFixed32, aBool, …',
    ],
    ['Scalars', { aUint32: 1, a_uint32: 1 }, 'a_uint32', 'is the same field as aUint32; give it once'],
    ['Optionals', { aNumber: 1, aText: '' }, 'aText', 'cannot stand beside aNumber: both are of oneof choice'],
    ['Optionals', { aMessage: { aUint32: -1 } }, 'aMessage.aUint32', `is -1, expected ${UINT}`],
    ['Lists', { doubles: 5 }, 'doubles', 'is 5, expected a list'],
    ['Lists', { strings: ['a', null] }, 'strings[1]', 'is null, expected a value'],
    [
      'Lists',
      { messages: [{}, { aMessage: { aBool: 'x' } }] },
      'messages[1].aMessage.aBool',
      'is "x", expected true or false',
    ],
    [
      'Maps',
      { byString: { 'dark-mode': 'x' } },
      'byString["dark-mode"]',
      'is "x", expected a whole number from -2147483648 to 2147483647',
    ],
    ['Maps', { byInt32: { x: '' } }, 'byInt32["x"]', 'is "x", expected a whole number from -2147483648 to 2147483647'],
    ['Maps', { byInt32: { 1: 'a', '1.0': 'b' } }, 'byInt32["1.0"]', 'is the key 1, which comes twice'],
    ['Maps', { byString: { constructor: 1 } }, 'byString["constructor"]', 'is a key that is not allowed anywhere'],
    ['Tree', { leaf: { kind: 'RED' } }, 'leaf.kind', 'is "RED", expected one of NONE, GREEN'],
    [
      'WellKnown',
      { aTime: '2024-02-30T00:00:00Z' },
      'aTime',
      'is "2024-02-30T00:00:00Z", expected a time like "2024-11-20T14:00:00Z", from year 0001 to 9999',
    ],
    [
      'WellKnown',
      { aDuration: '5' },
      'aDuration',
      'is "5", expected a duration in seconds like "90s" or "1.5s", of at most 315576000000 s',
    ],
    [
      'WellKnown',
      { aStruct: { a: { constructor: 1 } } },
      'aStruct["a"]["constructor"]',
      'is a key that is not allowed anywhere',
    ],
    [
      'WellKnown',
      { anAny: { '@type': 5 } },
      'anAny["@type"]',
      'is 5, expected the URL of a message of the device\'s schema, like "type.googleapis.com/sensor.v1.SampleRate"',
    ],
    [
      'WellKnown',
      { anAny: { '@type': 'x/toString', value: 1 } },
      'anAny["@type"]',
      'is "x/toString", expected the URL of a message of the device\'s schema, like "type.googleapis.com/sensor.v1.SampleRate"',
    ],
    [
      'WellKnown',
      { anAny: { '@type': 'x/google.protobuf.Int32Value', value: 'x' } },
      'anAny.value',
      'is "x", expected a whole number from -2147483648 to 2147483647',
    ],
    [
      'WellKnown',
      { anAny: { '@type': 'x/google.protobuf.Int32Value', value: 1, more: 2 } },
      'anAny.more',
      'is one too many: this type has only a value',
    ],
    [
      'WellKnown',
      { aStruct: { a: JSON.parse('1e400') as number } },
      'aStruct["a"]',
      'is Infinity, which JSON cannot say in a google.protobuf.Value',
    ],
    ['WellKnown', { aNull: 0.5 }, 'aNull', 'is 0.5, expected null'],
    ['Tree', { 'a\nb': 1 }, '["a\\nb"]', expect.stringMatching(/^is not a field/) as unknown as string],
  ])('%s %j is told at its path', (name, value, path, message) => {
    expect(typeOf(name).canonicalize(value)).toEqual({ ok: false, path, message });
    expect(typeOf(name).encode(value)).toEqual({ ok: false, path, message });
  });
});

describe('a problem', () => {
  it.each<[string, JsonObject]>([
    ['a long key', { ['x'.repeat(20_000)]: 1 }],
    ['a long key of a map', { byString: { ['x'.repeat(20_000)]: 'x' } }],
    ['long keys of free JSON', { aStruct: { ['x'.repeat(9000)]: { ['y'.repeat(9000)]: { constructor: 1 } } } }],
  ])('stays short with %s', (_what, value) => {
    for (const name of ['Maps', 'WellKnown']) {
      const checked = typeOf(name).canonicalize(value);
      if (checked.ok) throw new Error('expected a problem');
      expect(checked.path.length).toBeLessThan(257);
      expect(checked.message.length).toBeLessThan(513);
    }
  });
});
