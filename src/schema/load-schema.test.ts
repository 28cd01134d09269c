import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../api/device.ts';
import type { DeviceSchema } from './device-schema.ts';
import { hashSchema, loadSchema } from './load-schema.ts';
import { descriptorSet } from './testing/descriptor-set.ts';
import type { FieldParts, FileParts, MessageParts } from './testing/descriptor-set.ts';

const message = (
  name: string,
  fields: readonly FieldParts[] = [{ name: 'a' }],
  more: Partial<MessageParts> = {},
): MessageParts => ({
  name,
  fields,
  ...more,
});
const one = (parts: Partial<FileParts>): Buffer => descriptorSet({ messages: [message('A')], ...parts });

function load(bytes: Uint8Array): DeviceSchema {
  const loaded = loadSchema(bytes);
  if (!loaded.ok) throw new Error(`${loaded.reason}: ${loaded.message}`);
  return loaded.schema;
}

/** `reason: message`, or `loaded`. */
function outcome(bytes: Uint8Array): string {
  const loaded = loadSchema(bytes);
  return loaded.ok ? 'loaded' : `${loaded.reason}: ${loaded.message}`;
}

const withFields = (...fields: readonly FieldParts[]): Buffer => descriptorSet({ messages: [message('A', fields)] });
const nested = (levels: number): MessageParts =>
  levels === 1 ? message('A') : message('A', [{ name: 'a' }], { messages: [nested(levels - 1)] });

describe('a schema', () => {
  it('says what is in it, sorted, without what is Google’s', () => {
    const schema = load(
      descriptorSet(
        {
          name: 'b.proto',
          packageName: 'b.v1',
          messages: [message('Z', [], { kind: 3 }), message('B', [], { kind: 1 })],
        },
        {
          name: 'a.proto',
          packageName: 'a.v1',
          messages: [message('A', [], { kind: 2 }), message('C', [], { kind: 9 })],
        },
        { name: 'google/protobuf/x.proto', packageName: 'google.protobuf', messages: [message('X')] },
      ),
    );
    expect(schema.packageNames).toEqual(['a.v1', 'b.v1']);
    expect(schema.messages).toEqual([
      { name: 'a.v1.A', kind: 'telecommand', tags: {} },
      { name: 'a.v1.C', kind: 'unspecified', tags: {} },
      { name: 'b.v1.B', kind: 'telemetry', tags: {} },
      { name: 'b.v1.Z', kind: 'configuration', tags: {} },
    ]);
    expect(schema.message('google.protobuf.X')).toBeUndefined();
    expect(schema.message('toString')).toBeUndefined();
  });

  it('has the messages that are defined within others, and lists of them those with a kind', () => {
    const limits = message('Limits', [{ name: 'max' }], { messages: [message('Deep', [], { kind: 3 })] });
    const schema = load(one({ messages: [message('Pump', [{ name: 'a' }], { messages: [limits] })] }));
    expect(schema.message('test.v1.Pump.Limits')?.canonicalize({ max: '5' })).toEqual({ ok: true, value: { max: 5 } });
    expect(schema.messages.map(({ name }) => name)).toEqual(['test.v1.Pump', 'test.v1.Pump.Limits.Deep']);
  });

  it('has no entries of maps among its messages', () => {
    const entry = message('TagsEntry', [{ name: 'key' }, { name: 'value', number: 2 }], { isMapEntry: true });
    const schema = load(one({ messages: [message('A', [{ name: 'a' }], { messages: [entry] })] }));
    expect(schema.message('test.v1.A.TagsEntry')).toBeUndefined();
  });

  it('knows what Google describes schemas and APIs with, also when the set leaves it out', () => {
    const imports = ['descriptor', 'api', 'type', 'source_context'].map((name) => `google/protobuf/${name}.proto`);
    const fields = [
      { name: 'type', type: 14, typeName: '.google.protobuf.FieldDescriptorProto.Type' },
      { name: 'api', number: 2, type: 11, typeName: '.google.protobuf.Api' },
    ];
    const schema = load(one({ imports, messages: [message('A', fields)] }));
    const value = { type: 'TYPE_INT32', api: { name: 'x', sourceContext: { fileName: 'x.proto' } } };
    expect(schema.message('test.v1.A')?.canonicalize(value)).toEqual({ ok: true, value });
    expect(schema.messages.map(({ name }) => name)).toEqual(['test.v1.A']);
    expect(schema.message('google.protobuf.Api')).toBeUndefined();
  });

  it('is named by the hash of its bytes', () => {
    const bytes = one({});
    expect(load(bytes).hash).toBe(hashSchema(bytes));
    expect(hashSchema(bytes)).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'NotADescriptorSet'],
    ['text', Buffer.from('syntax = "proto3";'), 'NotADescriptorSet'],
    ['a cut set', one({}).subarray(0, 15), 'NotADescriptorSet'],
    ['a name that is not UTF-8', Buffer.from([0x0a, 3, 0x0a, 1, 0xff]), 'NotADescriptorSet'],
    ['a file without a name', one({ name: '' }), 'NotADescriptorSet'],
    [
      'too many bytes',
      Buffer.alloc(262_145, 0x0a),
      'TooLarge: the descriptor set has 262145 bytes, the limit is 262144',
    ],
    ['too many files', descriptorSet(...Array.from({ length: 257 }, (_, at) => ({ name: `${at}.proto` }))), 'TooMany'],
    ['too many messages', one({ messages: Array.from({ length: 1025 }, (_, at) => message(`M${at}`, [])) }), 'TooMany'],
    [
      'too many fields',
      one({
        messages: [
          message(
            'A',
            Array.from({ length: 16_385 }, () => ({ name: 'a' })),
          ),
        ],
      }),
      'TooMany',
    ],
    ['messages within messages without end', one({ messages: [nested(17)] }), 'TooDeep'],
    ['a message named __proto__', one({ messages: [message('__proto__')] }), 'InvalidName'],
    ['a message named constructor', one({ messages: [message('constructor')] }), 'InvalidName'],
    ['a field named prototype', withFields({ name: 'prototype' }), 'InvalidName'],
    ['a field with code in its name', withFields({ name: 'a; process.exit()' }), 'InvalidName'],
    ['a field whose json_name is __proto__', withFields({ name: 'a', jsonName: '__proto__' }), 'InvalidName'],
    ['a package that is no name', one({ packageName: 'a..b' }), 'InvalidName'],
    ['a long name', one({ messages: [message('A'.repeat(300))] }), 'InvalidName'],
    ['field number 0', withFields({ name: 'a', number: 0 }), 'InvalidField'],
    ['field number 2²⁹', withFields({ name: 'a', number: 2 ** 29 }), 'InvalidField'],
    ['a reserved field number', withFields({ name: 'a', number: 19_500 }), 'InvalidField'],
    ['a negative field number', withFields({ name: 'a', number: -1 }), 'InvalidField'],
    ['a type that does not exist', withFields({ name: 'a', type: 19 }), 'InvalidField'],
    ['a label that does not exist', withFields({ name: 'a', label: 4 }), 'InvalidField'],
    ['a oneof that does not exist', withFields({ name: 'a', oneof: 3 }), 'InvalidField'],
    ['an enum without values', one({ enums: [{ name: 'E', values: {} }] }), 'InvalidField'],
    ['a group', withFields({ name: 'a', type: 10, typeName: '.test.v1.A' }), 'UnsupportedSyntax'],
    ['an edition', one({ syntax: 'editions' }), 'UnsupportedSyntax: "test.proto" is written in "editions"; use proto3'],
    ['two fields of one number', withFields({ name: 'a' }, { name: 'b' }), 'Duplicate'],
    ['two fields of one name', withFields({ name: 'a' }, { name: 'a', number: 2 }), 'Duplicate'],
    ['two fields that JSON calls the same', withFields({ name: 'a_b' }, { name: 'aB', number: 2 }), 'Duplicate'],
    ['two messages of one name', one({ messages: [message('A'), message('A')] }), 'Duplicate'],
    ['one file twice', descriptorSet({}, {}), 'Duplicate'],
    ['an import that is not there', one({ imports: ['other.proto'] }), 'MissingImport'],
    ['a file that imports itself', one({ imports: ['test.proto'] }), 'ImportCycle'],
    [
      'files that import each other',
      descriptorSet({ name: 'a.proto', imports: ['b.proto'] }, { name: 'b.proto', imports: ['a.proto'] }),
      'ImportCycle: files import each other: "a.proto" → "b.proto" → "a.proto"',
    ],
    ['a type that nobody defines', withFields({ name: 'a', type: 11, typeName: '.no.Such' }), 'Unresolved'],
    [
      'a type of Google that is not built in',
      withFields({ name: 'a', type: 11, typeName: '.google.protobuf.Api' }),
      'Unresolved',
    ],
    ['a message where an enum is named', withFields({ name: 'a', type: 14, typeName: '.test.v1.A' }), 'Unresolved'],
    [
      'a map entry that lies',
      one({ messages: [message('A', [{ name: 'x' }], { isMapEntry: true })] }),
      'InvalidField: test.v1.A is no entry of a map',
    ],
  ])('of %s is refused with a reason', (_name, bytes, expected) => {
    expect(outcome(bytes)).toContain(expected);
  });

  it.each([
    [
      'fields named like what every object has',
      withFields({ name: 'toString' }, { name: 'hasOwnProperty', number: 2 }, { name: 'then', number: 3 }),
    ],
    ['imports that are built in', one({ imports: ['google/protobuf/timestamp.proto', 'mir/device/v1/mir.proto'] })],
    ['proto2', one({ syntax: 'proto2' })],
    ['messages that contain each other', withFields({ name: 'a', type: 11, typeName: '.test.v1.A' })],
  ])('of %s is taken', (_name, bytes) => {
    expect(outcome(bytes)).toBe('loaded');
  });

  it('does not follow messages that contain themselves for ever', () => {
    const type = load(withFields({ name: 'a', type: 11, typeName: '.test.v1.A' })).message('test.v1.A');
    let value: JsonObject = {};
    let wire = Buffer.alloc(0);
    for (let level = 0; level < 200; level += 1) {
      value = { a: value };
      wire = Buffer.concat([Buffer.from([0x0a, ...varint(wire.length)]), wire]);
    }
    expect(type?.canonicalize(value)).toMatchObject({ ok: false, message: 'nests deeper than 64 levels' });
    expect(type?.decode(wire)).toMatchObject({ ok: false, message: 'nests deeper than 64 levels' });
  });

  it('of whatever bytes never throws, and leaves prototypes alone', () => {
    const valid = descriptorSet({
      messages: [message('A', [{ name: 'a' }, { name: 'b', number: 2, type: 14, typeName: '.test.v1.E' }])],
      enums: [{ name: 'E' }],
    });
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated),
        fc.uint8Array({ maxLength: 40 }),
        (bytes, payload) => {
          const loaded = loadSchema(bytes);
          if (!loaded.ok) return;
          for (const { name } of loaded.schema.messages) {
            const type = loaded.schema.message(name);
            type?.decode(payload);
            type?.canonicalize({ a: 1, b: 'ZERO' });
          }
        },
      ),
      { numRuns: 3000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
