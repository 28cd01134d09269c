import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyMessage } from '../../test/oracle/random-messages.ts';
import type { JsonObject, JsonValue } from '../api/device.ts';
import { readJson } from '../api/exact-json.ts';
import type { DeviceSchema, MessageType } from './device-schema.ts';
import { loadSchema } from './load-schema.ts';
import { compileProtoFiles } from './proto-files.ts';

const KITCHEN = join(import.meta.dirname, '../../test/oracle/kitchen.proto');
const NAMES = ['Scalars', 'Optionals', 'Lists', 'Maps', 'WellKnown', 'Tree'];

let schema: DeviceSchema;
beforeAll(async () => {
  const loaded = loadSchema(await compileProtoFiles([KITCHEN]));
  if (!loaded.ok) throw new Error(loaded.message);
  ({ schema } = loaded);
});

function typeOf(name: string): MessageType {
  const type = schema.message(`oracle.v1.${name}`);
  if (type === undefined) throw new Error(`no ${name}`);
  return type;
}

const canonical = (name: string, value: JsonObject, defaults = false): JsonValue => {
  const checked = typeOf(name).canonicalize(value, { defaults });
  if (!checked.ok) throw new Error(`${checked.path} ${checked.message}`);
  return checked.value;
};

const UINT = 'a whole number from 0 to 4294967295';

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

describe('the canonical form', () => {
  it('fills in defaults and enum names only so far', () => {
    const empty = (count: number): JsonObject => ({
      messages: Array.from({ length: count }, () => ({ aMessage: {} })),
    });
    const tooMuch = { ok: false, message: expect.stringMatching(/^grows by more than 131072 characters/) as unknown };
    expect(typeOf('Lists').canonicalize(empty(500), { defaults: true })).toMatchObject({ ok: true });
    expect(typeOf('Lists').canonicalize(empty(2000), { defaults: true })).toMatchObject(tooMuch);
    expect(typeOf('Lists').canonicalize(empty(2000))).toMatchObject({ ok: true });
    const encoded = typeOf('Lists').encode(empty(2000));
    expect(encoded.ok && typeOf('Lists').decode(encoded.value)).toMatchObject(tooMuch);
    const colours = { colours: Array.from({ length: 50_000 }, () => 1) };
    expect(typeOf('Lists').canonicalize(colours)).toMatchObject(tooMuch);
    const packed = typeOf('Lists').encode({ colours: colours.colours.map(() => 'CRIMSON') });
    expect(packed.ok && typeOf('Lists').decode(packed.value)).toMatchObject(tooMuch);
  });

  it.each([1, 31, 32, 59, 60, 61, 62, 70])(
    'of free JSON %i levels deep is what the wire says, or refused',
    (levels) => {
      let value: JsonObject = {};
      for (let level = 1; level < levels; level += 1) value = level % 2 === 0 ? { a: value } : { a: [value] };
      const type = typeOf('WellKnown');
      for (const json of [{ aStruct: value }, { aValue: value }, { aList: [value] }]) {
        const [encoded, canonicalValue] = [type.encode(json), type.canonicalize(json, { defaults: true })];
        expect(encoded.ok ? type.decode(encoded.value) : encoded).toEqual(canonicalValue);
      }
    },
  );

  it('keeps what is named, also when it is the default, and adds the rest only when asked to', () => {
    expect(canonical('Tree', { leaf: { kind: 'NONE' } })).toEqual({ leaf: { kind: 'NONE' } });
    expect(canonical('Tree', { leaf: { kind: 'NONE' } }, true)).toMatchObject({
      leaf: { kind: 'NONE', longFieldName: 0, somethingElse: '' },
      children: [],
      byName: {},
    });
    expect(canonical('Optionals', {}, true)).toEqual({});
  });

  it('takes null for absent', () => {
    expect(canonical('Scalars', { aUint32: null, aString: null })).toEqual({});
  });

  it.each(NAMES)('of any %s is its own canonical form, and the wire says the same', (name) => {
    const type = typeOf(name);
    fc.assert(
      fc.property(anyMessage(name), (value) => {
        const once = canonical(name, value) as JsonObject;
        expect(canonical(name, once)).toEqual(once);
        const [encoded, full] = [type.encode(value), canonical(name, value, true)];
        const decoded = encoded.ok ? type.decode(encoded.value) : encoded;
        expect(decoded).toEqual({ ok: true, value: full });
        const shuffled = Object.fromEntries(Object.entries(value).toReversed());
        expect(type.encode(shuffled)).toEqual(encoded);
        expect(type.agrees(full as JsonObject, once, false)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each(NAMES)('of anything at all, or bytes of anything, never throws for %s', (name) => {
    const type = typeOf(name);
    const fields = fc.constantFrom(
      'aUint32',
      'strings',
      'byString',
      'aMessage',
      'aValue',
      'anAny',
      '@type',
      'leaf',
      'x',
    );
    fc.assert(
      fc.property(fc.dictionary(fields, fc.jsonValue()), fc.uint8Array({ maxLength: 60 }), (value, bytes) => {
        type.canonicalize(value as JsonObject, { defaults: true });
        type.encode(value as JsonObject);
        type.decode(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the wire', () => {
  const decode = (name: string, ...bytes: number[]): JsonValue => {
    const decoded = typeOf(name).decode(Buffer.from(bytes));
    if (!decoded.ok) throw new Error(decoded.message);
    return decoded.value;
  };

  it('skips fields that the schema does not have, and those of another wire type', () => {
    expect(decode('Tree', 0xf8, 0x07, 0x05, 0x28, 0x07)).toMatchObject({ toString: 7 });
    expect(decode('Tree', 0x2a, 0x01, 0x00)).toMatchObject({ toString: 0 });
  });

  it('takes the last of a field that comes twice, and merges messages', () => {
    expect(decode('Tree', 0x28, 0x01, 0x28, 0x02)).toMatchObject({ toString: 2 });
    expect(decode('Tree', 0x0a, 0x02, 0x08, 0x01, 0x0a, 0x02, 0x10, 0x05)).toMatchObject({
      leaf: { kind: 'GREEN', longFieldName: 5 },
    });
  });

  it('takes the last of a oneof', () => {
    expect(decode('Optionals', 0x50, 0x05, 0x5a, 0x01, 0x78)).toEqual({ aText: 'x' });
  });

  it('reads lists packed or not', () => {
    expect(decode('Lists', 0x12, 0x02, 0x01, 0x02, 0x10, 0x03)).toMatchObject({ int64s: ['1', '2', '3'] });
  });

  it.each<[string, number[], string, string]>([
    ['ends early', [0x28], '', 'field 5 at byte 0 goes on beyond the end'],
    ['ends within a tag', [0x28, 0x01, 0xa8], '', 'it ends within the tag at byte 2'],
    ['has a field 0', [0x00, 0x01], '', 'byte 0 begins a field 0'],
    ['has a wire type that does not exist', [0x2f], '', 'field 5 at byte 0 has wire type 7, which cannot be read'],
    ['has a tag of six bytes', [0xa8, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01], '', 'byte 0 begins no field'],
    ['has a group that another one ends', [0x4b, 0x54], '', 'field 9 at byte 0 has wire type 3, which cannot be read'],
    [
      'has a number of eleven bytes',
      [0x98, 0x06, ...Array.from({ length: 10 }, () => 0x80), 0x00],
      '',
      'field 99 at byte 0 is a number of more than ten bytes',
    ],
    ['has text that is not UTF-8', [0x0a, 0x03, 0x1a, 0x01, 0xff], 'leaf.somethingElse', 'a string that is not UTF-8'],
    [
      'ends early deep within',
      [0x12, 0x03, 0x0a, 0x01, 0x10],
      'children.leaf',
      'field 2 at byte 0 goes on beyond the end',
    ],
  ])('that %s is a problem, told by its place and in our own words', (_name, bytes, path, why) => {
    expect(typeOf('Tree').decode(Buffer.from(bytes))).toEqual({
      ok: false,
      path,
      message: `is no protobuf message: ${why}`,
      isBroken: true,
    });
  });
});

describe('agreement', () => {
  it.each<[string, string, JsonObject, JsonObject, boolean, boolean]>([
    ['what is not desired may be anything', 'Scalars', { aUint32: 1, aString: 'x' }, { aUint32: 1 }, true, true],
    ['another value', 'Scalars', { aUint32: 1 }, { aUint32: 2 }, false, false],
    ['a number left out is 0', 'Scalars', { aUint32: 0 }, { aUint32: 2 }, false, false],
    ['a text left out may be a secret', 'Scalars', { aString: '' }, { aString: 'secret' }, false, true],
    ['an optional left out may be a secret', 'Optionals', {}, { aString: 'secret', anInt64: '5' }, false, true],
    ['an optional that is there', 'Optionals', { anInt64: '4' }, { anInt64: '5' }, false, false],
    [
      'messages within, field by field',
      'Optionals',
      { aMessage: { aUint32: 1, aBool: false } },
      { aMessage: { aUint32: 1 } },
      true,
      true,
    ],
    ['lists must be as long', 'Lists', { strings: ['a', 'b'] }, { strings: ['a'] }, false, false],
    ['lists must be in order', 'Lists', { strings: ['b', 'a'] }, { strings: ['a', 'b'] }, false, false],
    [
      'messages in lists may say more',
      'Lists',
      { messages: [{ aBool: true, aString: '' }] },
      { messages: [{ aBool: true }] },
      true,
      true,
    ],
    ['an empty list is desired', 'Lists', { strings: ['a'] }, { strings: [] }, false, false],
    ['maps must have the same keys', 'Maps', { byString: { a: 1, b: 2 } }, { byString: { a: 1 } }, false, false],
    ['maps in whichever order', 'Maps', { byString: { b: 2, a: 1 } }, { byString: { a: 1, b: 2 } }, true, true],
    ['free JSON must be the same', 'WellKnown', { aStruct: { a: 1, b: 2 } }, { aStruct: { a: 1 } }, false, false],
  ])('%s', (_why, name, reported, desired, agrees, agreesWhereOmitted) => {
    const type = typeOf(name);
    expect([type.agrees(reported, desired, false), type.agrees(reported, desired, true)]).toEqual([
      agrees,
      agreesWhereOmitted,
    ]);
  });
});
