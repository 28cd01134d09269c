/** Descriptor sets of protoc and of our own compiler, read by us and by Google's implementation in Python. */
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadSchema } from '../../src/schema/load-schema.ts';
import type { DeviceSchema } from '../../src/schema/device-schema.ts';
import { compileProtoFiles } from '../../src/schema/proto-files.ts';
import { readDescriptors } from '../../src/schema/read-descriptors.ts';
import { DEFAULT_SCHEMA_LIMITS } from '../../src/schema/schema-limits.ts';
import { askGoogle, protoc } from './google.ts';

const HERE = import.meta.dirname;
const PROTO = join(HERE, '../../manifests/samples/proto');
const SHAPES = join(HERE, 'shapes');
const SAMPLES = ['sensor', 'wifi', 'firmware', 'device', 'features', 'climate'].map(
  (name) => `${name}/v1/${name}.proto`,
);

const compile = (root: string, files: readonly string[]): Promise<Buffer> =>
  compileProtoFiles(
    files.map((file) => join(root, file)),
    { includeDirs: [root] },
  );

function load(bytes: Buffer): DeviceSchema {
  const loaded = loadSchema(bytes);
  if (!loaded.ok) throw new Error(`${loaded.reason}: ${loaded.message}`);
  return loaded.schema;
}

const SETS = [
  ['the kitchen sink', HERE, ['kitchen.proto'], 'oracle.v1.Tree', { leaf: { somethingElse: 'x' } }],
  ['the samples', PROTO, SAMPLES, 'sensor.v1.SampleRate', { intervalSeconds: 5 }],
  ["a code generator's options", SHAPES, ['tool/options.proto'], 'tool.Hints', { overrideType: 'TYPE_INT32' }],
  [
    'validation rules',
    SHAPES,
    ['rules/rules.proto'],
    'rules.v1.FieldRules',
    { list: { items: { number: { const: 1, lt: 2, in: [0.5] } } } },
  ],
  [
    'annotations of web services',
    SHAPES,
    ['web/annotations.proto'],
    'web.ServiceConfig',
    { apis: [{ name: 'a', sourceContext: { fileName: 'a.proto' } }], types: [{ syntax: 'SYNTAX_PROTO3' }] },
  ],
  [
    'metrics',
    SHAPES,
    ['payload/payload.proto'],
    'payload.v1.Payload',
    { metrics: [{ name: 'a', templateValue: { metrics: [{ longValue: '5' }] } }] },
  ],
  [
    'radio settings',
    SHAPES,
    ['mesh/app.proto'],
    'mesh.app.Settings',
    { config: { radio: { region: 'EU_868' } }, last: { priority: 'LOST', decoded: { regions: { a: 'UNSET' } } } },
  ],
] as const;

describe.each(SETS)('a descriptor set of %s', (_name, root, files, message, value) => {
  it('of protoc is taken, and reads what Google writes', async () => {
    const set = await protoc(root, files);
    const google = await askGoogle(set);
    try {
      const theirs = await google.ofJson(message, value);
      if (theirs.error !== undefined) throw new Error(theirs.error);
      const read = load(set).message(message)?.decode(theirs.bytes);
      expect(read).toMatchObject({ ok: true, value });
    } finally {
      google.close();
    }
  });

  it('of ours says the same as one of protoc', async () => {
    const ours = readDescriptors(await compile(root, files), DEFAULT_SCHEMA_LIMITS);
    expect(ours).toEqual(readDescriptors(await protoc(root, files), DEFAULT_SCHEMA_LIMITS));
  });

  it('of ours stands by itself: Google takes it, and agrees', async () => {
    const set = await compile(root, files);
    const google = await askGoogle(set);
    try {
      const theirs = await google.ofJson(message, value);
      expect(theirs.error).toBeUndefined();
      const ours = load(set).message(message)?.encode(value);
      const back = ours?.ok === true ? await google.ofBytes(message, ours.value) : undefined;
      expect(back).toEqual({ ...theirs, bytes: expect.anything() });
    } finally {
      google.close();
    }
  });
});

describe('a descriptor set of plain messages', () => {
  it('is byte for byte that of protoc', async () => {
    expect(await compile(HERE, ['kitchen.proto'])).toEqual(await protoc(HERE, ['kitchen.proto']));
  });
});
