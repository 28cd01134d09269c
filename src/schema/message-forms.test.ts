import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyMessage } from '../../test/oracle/random-messages.ts';
import type { JsonObject, JsonValue } from '../api/device.ts';
import { NAMES, typeOf, canonical } from './testing/kitchen.ts';

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
