import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/api/device.ts';

/** Any JSON value of a message of `kitchen.proto` that every implementation accepts. */
export function anyMessage(name: string): Arbitrary<JsonObject> {
  const found = MESSAGES[name];
  if (found === undefined) throw new Error(`no arbitrary for ${name}`);
  return found;
}

const text = fc.string({ unit: 'binary', maxLength: 8 });
const bytes = fc.uint8Array({ maxLength: 8 }).map((value) => Buffer.from(value).toString('base64'));
const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
  fc.constantFrom('NaN', 'Infinity', '-Infinity'),
);
const float = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
  fc.constantFrom('NaN', 'Infinity', '-Infinity'),
);
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const colour = fc.oneof(fc.constantFrom('COLOUR_UNSPECIFIED', 'RED', 'CRIMSON', 'BLUE', 'NEGATIVE'), int32);
const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
const time = fc.tuple(seconds, fc.integer({ min: 0, max: 999 })).map(([at, ms]) => {
  return new Date(at * 1000 + ms).toISOString().replace(/^\+0*/, '');
});
const duration = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 315_576_000_000 }), fc.integer({ min: 0, max: 999_999_999 }))
  .map(([isNegative, whole, nanos]) => {
    const fraction = whole === 315_576_000_000 ? '' : `.${String(nanos).padStart(9, '0')}`;
    return `${isNegative ? '-' : ''}${whole}${fraction}s`;
  });
/** Numbers that a double holds as JSON writes them. */
const json = fc
  .jsonValue({ maxDepth: 3, stringUnit: 'grapheme-ascii' })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
  // Keys that reach into prototypes are refused by us alone, and tested elsewhere.
  .filter((value) => !/"(__proto__|constructor|prototype)":/.test(JSON.stringify(value)));
const key = text.filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name));
const jsonObject = fc.dictionary(key, json, { maxKeys: 3 });

/** Every field may be left out. */
const message = (fields: Readonly<Record<string, Arbitrary<JsonValue>>>): Arbitrary<JsonObject> =>
  fc.record(fields, { requiredKeys: [] }) as Arbitrary<JsonObject>;
const list = (element: Arbitrary<JsonValue>): Arbitrary<JsonValue> => fc.array(element, { maxLength: 4 });
const map = (names: Arbitrary<string>, value: Arbitrary<JsonValue>): Arbitrary<JsonValue> =>
  fc.dictionary(names, value, { maxKeys: 3 });

const scalars = message({
  aDouble: double,
  aFloat: float,
  anInt64: int64,
  aUint64: uint64,
  anInt32: int32,
  aFixed64: uint64,
  aFixed32: uint32,
  aBool: fc.boolean(),
  aString: text,
  someBytes: bytes,
  aUint32: uint32,
  aColour: colour,
  anSfixed32: int32,
  anSfixed64: int64,
  anSint32: int32,
  anSint64: int64,
});

const choice = fc.oneof(
  fc.constant({}),
  message({ aNumber: int32 }),
  message({ aText: text }),
  message({ aMessage: scalars }),
);
const optionals = fc
  .tuple(
    message({ aDouble: double, anInt64: int64, aBool: fc.boolean(), aString: text, someBytes: bytes, aColour: colour }),
    choice,
  )
  .map(([fields, chosen]): JsonObject => ({ ...fields, ...chosen }));

const tree = fc.letrec<{ tree: JsonObject }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.constant({}),
    message({
      leaf: message({ kind: fc.constantFrom('NONE', 'GREEN'), longFieldName: uint32, somethingElse: text }),
      children: list(tie('tree')),
      byName: map(key, tie('tree')),
      parent: tie('tree'),
      toString: int32,
      hasOwnProperty: int32,
    }),
  ),
})).tree;

const MESSAGES: Readonly<Record<string, Arbitrary<JsonObject>>> = {
  Scalars: scalars,
  Optionals: optionals,
  Lists: message({
    doubles: list(double),
    int64s: list(int64),
    sint32s: list(int32),
    bools: list(fc.boolean()),
    strings: list(text),
    someBytes: list(bytes),
    colours: list(colour),
    messages: list(optionals),
    fixed32s: list(uint32),
    floats: list(float),
  }),
  Maps: message({
    byString: map(key, int32),
    byInt32: map(int32.map(String), text),
    byInt64: map(int64, bytes),
    byBool: map(fc.constantFrom('true', 'false'), double),
    byUint32: map(uint32.map(String), colour),
    messages: map(key, optionals),
    bySint64: map(int64, float),
    byFixed64: map(uint64, fc.boolean()),
    times: map(key, time),
  }),
  WellKnown: message({
    aTime: time,
    aDuration: duration,
    aMask: fc.constantFrom('', 'a', 'aB', 'aB.c,d'),
    aStruct: jsonObject,
    aValue: json,
    aList: list(json),
    anEmpty: fc.constant({}),
    anAny: scalars.map((fields) => ({ '@type': 'type.googleapis.com/oracle.v1.Scalars', ...fields })),
    aDouble: double,
    aFloat: float,
    anInt64: int64,
    aUint64: uint64,
    anInt32: int32,
    aUint32: uint32,
    aBool: fc.boolean(),
    aString: text,
    someBytes: bytes,
    durations: list(duration),
    values: list(json),
    aNull: fc.constant(null),
  }),
  Tree: tree,
};
