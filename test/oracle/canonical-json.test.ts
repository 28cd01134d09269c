/** Canonical JSON and the wire, held against Google's implementation in Python, in both directions. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/api/device.ts';
import type { DeviceSchema } from '../../src/schema/device-schema.ts';
import { loadSchema } from '../../src/schema/load-schema.ts';
import { askGoogle, protoc } from './google.ts';
import type { Google } from './google.ts';
import { anyMessage } from './random-messages.ts';

const HERE = import.meta.dirname;

let google: Google;
let schema: DeviceSchema;

beforeAll(async () => {
  const set = await protoc(HERE, ['kitchen.proto']);
  google = await askGoogle(set);
  const loaded = loadSchema(set);
  if (!loaded.ok) throw new Error(loaded.message);
  ({ schema } = loaded);
}, 120_000);
afterAll(() => google?.close());

const typeOf = (name: string) => {
  const type = schema.message(`oracle.v1.${name}`);
  if (type === undefined) throw new Error(`no ${name}`);
  return type;
};

/** −0 and 0 are one number here: JSON.stringify writes both as 0. */
const plain = (value: JsonValue): JsonValue => JSON.parse(JSON.stringify(value)) as JsonValue;

/** Both accept `json`, mean the same by it, and read each other's bytes. */
async function agreeOn(name: string, json: JsonObject): Promise<void> {
  const theirs = await google.ofJson(`oracle.v1.${name}`, json);
  if (theirs.error !== undefined) throw new Error(`Google refuses ${JSON.stringify(json)}: ${theirs.error}`);
  const type = typeOf(name);
  const encoded = type.encode(json);
  const canonical = type.canonicalize(json, { defaults: true });
  if (!encoded.ok || !canonical.ok) throw new Error(`we refuse ${JSON.stringify(json)}: ${JSON.stringify(canonical)}`);
  expect(plain(canonical.value)).toEqual(plain(theirs.json));
  const decoded = type.decode(theirs.bytes);
  expect(decoded.ok && plain(decoded.value)).toEqual(plain(theirs.json));
  const back = await google.ofBytes(`oracle.v1.${name}`, encoded.value);
  expect(back.error === undefined && plain(back.json)).toEqual(plain(theirs.json));
}

async function refuseBoth(name: string, json: JsonObject): Promise<void> {
  const theirs = await google.ofJson(`oracle.v1.${name}`, json);
  expect([typeOf(name).canonicalize(json).ok, theirs.error !== undefined]).toEqual([false, true]);
}

const ACCEPTED: readonly (readonly [string, JsonObject])[] = [
  ['Scalars', {}],
  ['Scalars', { anInt32: 60, aUint32: 60, anInt64: 60, aDouble: 60 }],
  ['Scalars', { an_int32: '60', a_uint32: '60', an_int64: '60', a_double: '60' }],
  ['Scalars', { anInt32: 60.0, aUint32: 6e1, anInt64: 6e1 }],
  ['Scalars', { anInt32: -2147483648, anSint32: -2147483648, anSfixed32: -2147483648, aUint32: 4294967295 }],
  ['Scalars', { anInt32: 2147483647, anSint32: 2147483647, anSfixed32: 2147483647, aFixed32: 4294967295 }],
  [
    'Scalars',
    { anInt64: '-9223372036854775808', anSint64: '-9223372036854775808', anSfixed64: '-9223372036854775808' },
  ],
  ['Scalars', { anInt64: '9223372036854775807', aUint64: '18446744073709551615', aFixed64: '18446744073709551615' }],
  ['Scalars', { anInt64: 9007199254740991, aUint64: 9007199254740991 }],
  ['Scalars', { aDouble: 1e308, aFloat: 3.4028234e38 }],
  ['Scalars', { aDouble: 5e-324, aFloat: 1e-45 }],
  ['Scalars', { aDouble: 0.1, aFloat: 0.1 }],
  ['Scalars', { aFloat: 3.2 }],
  ['Scalars', { aFloat: 16777217 }],
  ['Scalars', { aFloat: 1.17549435e-38 }],
  ['Scalars', { aDouble: 'NaN', aFloat: 'NaN' }],
  ['Scalars', { aDouble: 'Infinity', aFloat: '-Infinity' }],
  ['Scalars', { aDouble: '-1.5e3', aFloat: '2.5' }],
  ['Scalars', { aBool: true, aString: 'é😀\u0000"\\', someBytes: 'AQID' }],
  ['Scalars', { someBytes: '-_-_' }],
  ['Scalars', { someBytes: 'AQ==' }],
  ['Scalars', { someBytes: 'AQ' }],
  ['Scalars', { aColour: 'CRIMSON' }],
  ['Scalars', { aColour: 'NEGATIVE' }],
  ['Scalars', { aColour: 2 }],
  ['Scalars', { aColour: 99 }],
  ['Scalars', { aString: null, anInt32: null, aColour: null }],
  ['Optionals', { aDouble: 0, anInt64: 0, aBool: false, aString: '', someBytes: '', aColour: 0 }],
  ['Optionals', { aNumber: 0 }],
  ['Optionals', { aText: '' }],
  ['Optionals', { aMessage: {} }],
  ['Optionals', { aMessage: { anInt32: 5 } }],
  ['Lists', { doubles: [0, 1.5, 'NaN'], int64s: [1, '2'], sint32s: [-1, 0, 1], bools: [true, false] }],
  ['Lists', { strings: ['', 'a'], someBytes: ['', 'AQ=='], colours: ['RED', 2, 5], messages: [{}, { aBool: false }] }],
  ['Lists', { fixed32s: [0, 4294967295], floats: [0.1, 3.2] }],
  ['Lists', { strings: [], messages: null }],
  ['Maps', { byString: { a: 1, '': 0 }, byInt32: { '-1': 'x' }, byInt64: { '9223372036854775807': 'AQ==' } }],
  [
    'Maps',
    { byBool: { true: 1.5, false: 0 }, byUint32: { '4294967295': 'BLUE' }, messages: { a: {}, b: { aText: 'x' } } },
  ],
  [
    'Maps',
    { bySint64: { '-5': 0.5 }, byFixed64: { '18446744073709551615': true }, times: { a: '2024-11-20T14:00:00Z' } },
  ],
  ['WellKnown', { aTime: '2024-11-20T14:00:00Z' }],
  ['WellKnown', { aTime: '2024-11-20T14:00:00.5+02:00' }],
  ['WellKnown', { aTime: '0001-01-01T00:00:00Z' }],
  ['WellKnown', { aTime: '9999-12-31T23:59:59.999999999Z' }],
  ['WellKnown', { aTime: '1969-12-31T23:59:59.000001Z' }],
  ['WellKnown', { aDuration: '0s', durations: ['1.5s', '-1.5s', '-0.000000001s', '315576000000s', '0.001s'] }],
  ['WellKnown', { aMask: 'aB.c,dEf' }],
  ['WellKnown', { aMask: '' }],
  ['WellKnown', { aStruct: { a: null, b: [1, 'x', { c: true }], '': 0 } }],
  ['WellKnown', { aValue: null }],
  ['WellKnown', { aValue: 1.5, values: [null, true, 'x', {}, []] }],
  ['WellKnown', { aList: [1, [2, null]], anEmpty: {} }],
  ['WellKnown', { aNull: null, nulls: [] }],
  ['WellKnown', { anAny: { '@type': 'type.googleapis.com/oracle.v1.Scalars', anInt32: 5 } }],
  ['WellKnown', { anAny: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1.5s' } }],
  ['WellKnown', { aDouble: 0, aFloat: 3.2, anInt64: '5', aUint64: 5, anInt32: 0, aUint32: 1 }],
  ['WellKnown', { aBool: false, aString: '', someBytes: 'AQ==' }],
  ['Tree', { leaf: { kind: 'GREEN', longFieldName: 5, somethingElse: 'x' } }],
  ['Tree', { leaf: { long_field__name: 5, renamed: 'x' } }],
  ['Tree', { children: [{ children: [{}] }, { parent: { toString: 5 } }], byName: { a: { leaf: {} } } }],
  ['Tree', { toString: 1, hasOwnProperty: 2, Leading: 3, UPPERCase: 4 }],
];

const NAMES = ['Scalars', 'Optionals', 'Lists', 'Maps', 'WellKnown', 'Tree'];

const REFUSED: readonly (readonly [string, JsonObject])[] = [
  ['Scalars', { nothing: 1 }],
  ['Scalars', { anInt32: 2147483648 }],
  ['Scalars', { anInt32: 1.5 }],
  ['Scalars', { anInt32: '1.5' }],
  ['Scalars', { anInt32: '' }],
  ['Scalars', { anInt32: ' 1' }],
  ['Scalars', { anInt32: true }],
  ['Scalars', { aUint32: -1 }],
  ['Scalars', { aUint64: '18446744073709551616' }],
  ['Scalars', { anInt64: '-9223372036854775809' }],
  ['Scalars', { aDouble: 'nan' }],
  ['Scalars', { aFloat: 1e39 }],
  ['Scalars', { aBool: 'true' }],
  ['Scalars', { aBool: 1 }],
  ['Scalars', { aString: 5 }],
  ['Scalars', { someBytes: 5 }],
  ['Scalars', { aColour: 'GREEN' }],
  ['Scalars', { anInt32: [1] }],
  ['Scalars', { anInt32: {} }],
  ['Optionals', { aNumber: 1, aText: 'x' }],
  ['Optionals', { aMessage: 5 }],
  ['Lists', { doubles: 5 }],
  ['Lists', { strings: [null] }],
  ['Lists', { messages: [null] }],
  ['Maps', { byString: [] }],
  ['Maps', { byString: { a: null } }],
  ['Maps', { byInt32: { x: 'y' } }],
  ['Maps', { byBool: { yes: 1 } }],
  ['WellKnown', { aTime: 'yesterday' }],
  ['WellKnown', { aTime: '2024-02-30T00:00:00Z' }],
  ['WellKnown', { aTime: 5 }],
  ['WellKnown', { aDuration: '5' }],
  ['WellKnown', { aDuration: '315576000001s' }],
  ['WellKnown', { aStruct: [] }],
  ['WellKnown', { aList: {} }],
  ['WellKnown', { anAny: { '@type': 'type.googleapis.com/no.such.Type' } }],
  ['WellKnown', { anAny: { a: 1 } }],
  ['WellKnown', { anInt32: 'x' }],
  ['WellKnown', { aNull: 'foo' }],
  ['WellKnown', { anAny: { '@type': 'type.googleapis.com/toString', value: 1 } }],
  ['WellKnown', { anAny: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: 'x' } }],
  ['WellKnown', { anEmpty: { a: 1 } }],
];

describe('proto3 JSON', () => {
  it.each(ACCEPTED)('%s: both mean the same by %j', agreeOn);

  it.each(REFUSED)('%s: both refuse %j', refuseBoth);

  it.each(NAMES)('%s: both agree on random values', async (name) => {
    await fc.assert(
      fc.asyncProperty(anyMessage(name), (json) => agreeOn(name, json)),
      { numRuns: 150, seed: 7 },
    );
  });

  // What we do otherwise on purpose.
  it.each<[string, string, JsonObject, 'we' | 'Google']>([
    [
      'numbers in exponent notation within strings are numbers, as the specification says',
      'Scalars',
      { anInt32: '6e1' },
      'Google',
    ],
    ['whole numbers with a fraction of zero within strings too', 'Scalars', { anInt64: '60.0' }, 'Google'],
    ['integers that lost digits as JSON numbers are refused', 'Scalars', { anInt64: 9223372036854775000 }, 'we'],
    ['a map key named like a prototype is refused', 'Maps', { byString: { constructor: 1 } }, 'we'],
    ['a list of nulls that are values is one', 'WellKnown', { nulls: [null] }, 'Google'],
    ['true is not a number', 'Scalars', { aDouble: true }, 'we'],
    ['an enum is no fraction', 'Scalars', { aColour: 1.5 }, 'we'],
    ['two spellings of one field contradict each other', 'Scalars', { anInt32: 1, an_int32: 1 }, 'we'],
    ['bytes that are not base64 are refused', 'Scalars', { someBytes: 'A*B=' }, 'we'],
  ])('%s', async (_why, name, json, refuses) => {
    const theirs = await google.ofJson(`oracle.v1.${name}`, json);
    expect([!typeOf(name).canonicalize(json).ok, theirs.error !== undefined]).toEqual([
      refuses === 'we',
      refuses === 'Google',
    ]);
  });
});

/** Valid bytes of a message with some of them changed, cut off or put in. */
function damaged(name: string): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.constantFrom('set', 'insert', 'cut'), fc.nat(200), fc.nat(255));
  return fc.tuple(anyMessage(name), fc.array(change, { maxLength: 3 })).map(([json, changes]) => {
    const encoded = typeOf(name).encode(json);
    let bytes = encoded.ok ? Buffer.from(encoded.value) : Buffer.alloc(0);
    for (const [how, place, byte] of changes) {
      const at = place % (bytes.length + 1);
      const rest = bytes.subarray(how === 'insert' ? at : at + 1);
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(how === 'cut' ? [] : [byte]), rest]);
    }
    return bytes;
  });
}

/**
 * Google takes a field 0 and an end without a group for the end of the message, drops the bits of a tag beyond 32, and writes times that
 * no Timestamp has.
 */
const STRICTER = /field 0$|begins no field$|wire type 4|which cannot be read$|expected a (time|duration) /;

/** A float that lies halfway between two texts has either. */
function inOurForm(name: string, json: JsonObject): JsonValue {
  const canonical = typeOf(name).canonicalize(json, { defaults: true });
  return canonical.ok ? plain(canonical.value) : json;
}

describe('the wire', () => {
  // Seeded: we join the parts of a message that comes in several before reading them, so a field may go on from one into the next.
  it.each(NAMES)('%s: both make the same of damaged bytes', async (name) => {
    await fc.assert(
      fc.asyncProperty(damaged(name), async (bytes) => {
        const theirs = await google.ofBytes(`oracle.v1.${name}`, bytes);
        const ours = typeOf(name).decode(bytes);
        if (!ours.ok && STRICTER.test(ours.message)) return;
        expect(ours.ok ? plain(ours.value) : 'refused').toEqual(
          theirs.error === undefined ? inOurForm(name, theirs.json) : 'refused',
        );
      }),
      { numRuns: 400, seed: 11 },
    );
  });
});
