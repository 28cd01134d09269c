import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import { loadSchema } from '../schema/load-schema.ts';
import { descriptorSet } from '../schema/testing/descriptor-set.ts';
import { typeReport } from './type-report.ts';

const FLAGS = 'test.v1.Flags';
const loaded = loadSchema(
  descriptorSet({
    messages: [
      {
        name: 'Flags',
        fields: [
          { name: 'on', type: 8, label: 3 },
          { name: 'a_b', number: 2 },
        ],
      },
    ],
  }),
);
const schema = loaded.ok ? loaded.schema : undefined;
const LIMIT = 1000;

describe('the value of a report', () => {
  it('is read by the schema, in JSON or protobuf, with defaults', () => {
    const value = { on: [], aB: 5 };
    expect(typeReport(FLAGS, { value: { a_b: '5' } }, schema, LIMIT)).toEqual({ envelope: { value } });
    expect(typeReport(FLAGS, { value: Buffer.from([0x10, 5]) }, schema, LIMIT)).toEqual({ envelope: { value } });
  });

  it.each<[string, string, object, boolean, string]>([
    ['does not fit', FLAGS, { aB: 'x' }, true, 'InvalidValue'],
    ['is no message', FLAGS, Buffer.from([0x10]), true, 'InvalidProtobuf'],
    ['is protobuf of a message that the schema lacks', 'test.v1.Other', Buffer.from([0x10, 5]), true, 'UnknownMessage'],
    ['is protobuf without a schema', FLAGS, Buffer.from([0x10, 5]), false, 'UnsupportedEncoding'],
    ['grows beyond the limit as JSON', FLAGS, Buffer.from([0x0a, 0xe8, 0x07, ...Buffer.alloc(1000)]), true, 'TooLarge'],
  ])('that %s is left out, the decision is not', (_name, message, value, isTyped, reason) => {
    const report = { uid: 'u', revision: 1, status: 'rejected', value: value as never } as const;
    expect(typeReport(message, report, isTyped ? schema : undefined, LIMIT)).toMatchObject({
      envelope: { uid: 'u', revision: 1, status: 'rejected' },
      problem: { reason },
    });
  });

  it('stays as it is without a schema, and for a message that the schema lacks', () => {
    const report = { value: { anything: ['goes'] } };
    expect(typeReport(FLAGS, report, undefined, LIMIT)).toEqual({ envelope: report });
    expect(typeReport('test.v1.Other', report, schema, LIMIT)).toEqual({ envelope: report });
  });
});
