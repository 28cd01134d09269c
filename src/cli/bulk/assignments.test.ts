import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { JsonObject } from '../../api/device.ts';
import type { DeviceSchema } from '../../schema/device-schema.ts';
import { loadSchema } from '../../schema/load-schema.ts';
import { compileProtoFiles } from '../../schema/proto-files.ts';
import { parseAssignment, patchOf } from './assignments.ts';

const patch = (...assignments: string[]): JsonObject => patchOf(assignments.map(parseAssignment));

describe('FIELD=VALUE without a schema', () => {
  it.each<[argument: string, expected: JsonObject]>([
    ['a=30', { a: 30 }],
    ['a=-2.5', { a: -2.5 }],
    ['a=true', { a: true }],
    ['a=null', { a: null }],
    ['a=fast', { a: 'fast' }],
    ['a=', { a: '' }],
    ['a=2024-01-15', { a: '2024-01-15' }],
    ['a=10.0.0.1', { a: '10.0.0.1' }],
    ['a=b=c', { a: 'b=c' }],
    ['a="30"', { a: '30' }],
    ['a=[1, 2]', { a: [1, 2] }],
    ['a={not json', { a: '{not json' }],
    ['a:="text"', { a: 'text' }],
    ['a:={"b": 1}', { a: { b: 1 } }],
    ['a.b.c=1', { a: { b: { c: 1 } } }],
  ])('%s', (argument, expected) => {
    expect(patch(argument)).toEqual(expected);
  });

  it('brings fields of one map together', () => {
    expect(patch('limits.max=3', 'limits.min=1', 'on=true')).toEqual({ limits: { max: 3, min: 1 }, on: true });
  });

  it('keeps the digits of a number that JavaScript cannot hold', () => {
    expect(JSON.stringify(patch('n=9007199254740993'))).toBe('{"n":9007199254740993}');
  });

  it.each([
    ['=1', 'is no FIELD=VALUE'],
    ['a..b=1', 'is no FIELD=VALUE'],
    ['a:=text', 'a:= takes JSON; "text" is none. For text write a=text'],
  ])('refuses %s', (argument, error) => {
    expect(() => parseAssignment(argument)).toThrow(error);
  });
});

describe('FIELD=VALUE with a schema', () => {
  let schema: DeviceSchema;
  beforeAll(async () => {
    const proto = join(import.meta.dirname, '../../../manifests/samples/proto');
    const bytes = await compileProtoFiles([join(proto, 'wifi/v1/wifi.proto')], { includeDirs: [proto] });
    const loaded = loadSchema(bytes);
    if (!loaded.ok) throw new Error(loaded.message);
    ({ schema } = loaded);
  });

  it('is text where the field is text, and a number beside it where that is one', () => {
    const assignments = ['ssid=12345', 'channel=6'].map(parseAssignment);
    expect(patchOf(assignments, schema.message('wifi.v1.Settings'))).toEqual({ ssid: '12345', channel: 6 });
  });

  it('stays as it was typed where it fits neither way', () => {
    const assignments = ['channel=fast', 'nothing=1'].map(parseAssignment);
    expect(patchOf(assignments, schema.message('wifi.v1.Settings'))).toEqual({ channel: 'fast', nothing: 1 });
  });
});
