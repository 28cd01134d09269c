import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { DeviceSchema } from './device-schema.ts';
import { loadSchema } from './load-schema.ts';
import { compileProtoFiles } from './proto-files.ts';
import { readDescriptors } from './read-descriptors.ts';
import { DEFAULT_SCHEMA_LIMITS } from './schema-limits.ts';

const KITCHEN = join(import.meta.dirname, '../../test/oracle/kitchen.proto');
const SAMPLES = join(import.meta.dirname, '../../manifests/samples/proto');

describe('compiling .proto files', () => {
  it('gives the same bytes again', async () => {
    expect(await compileProtoFiles([KITCHEN])).toEqual(await compileProtoFiles([KITCHEN]));
  });

  it('names the file and the line of an error, and what is missing', async () => {
    await expect(compileProtoFiles([join(import.meta.dirname, 'load-schema.ts')])).rejects.toThrow(
      /load-schema\.ts.*line 1/,
    );
    await expect(compileProtoFiles(['no/such.proto'])).rejects.toThrow(/such\.proto is in none of .*includeDirs/);
  });

  const PROTO3 = 'syntax = "proto3";\npackage mir.x.v1;\n';
  async function compiled(source: string): Promise<DeviceSchema> {
    const folder = mkdtempSync(join(tmpdir(), 'mir-proto-'));
    try {
      writeFileSync(join(folder, 'a.proto'), source);
      const loaded = loadSchema(await compileProtoFiles([join(folder, 'a.proto')], { includeDirs: [folder, SAMPLES] }));
      if (!loaded.ok) throw new Error(loaded.message);
      return loaded.schema;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  it.each([
    ['an edition', 'edition = "2023";\nmessage A {}', 'a.proto is written in edition 2023; use syntax = "proto3"'],
    [
      'a group',
      'syntax = "proto2";\nmessage A { optional group G = 1 {} }',
      'a.proto: A.G is a group, which is not supported; use a message',
    ],
    [
      'a type that nobody defines',
      `${PROTO3}// Nope\nmessage A {\n  Nope x = 1;\n}`,
      'a.proto, line 5: there is no type Nope',
    ],
    ['an import that is nowhere', `${PROTO3}import "b.proto";`, 'a.proto imports b.proto, which is in none of'],
  ])('refuses %s, and says where', async (_what, source, message) => {
    await expect(compiled(source)).rejects.toThrow(message);
  });

  it('is not misled by comments', async () => {
    const schema = await compiled(`/*\nsyntax = "proto2";\n*/ ${PROTO3} message A { int32 a = 1; } // }`);
    expect(schema.message('mir.x.v1.A')?.canonicalize({}, { defaults: true })).toEqual({ ok: true, value: { a: 0 } });
  });

  it('keeps what proto2 requires, and leaves out what others extend a message by', async () => {
    const schema = await compiled(
      'syntax = "proto2";\npackage a.v1;\nmessage M { required int32 n = 1; extensions 100 to 200; }\n' +
        'extend M { optional int32 extra = 100; }\nmessage Holder { extend M { optional string inner = 101; } }',
    );
    const message = schema.message('a.v1.M');
    expect(message?.canonicalize({ n: 1 }, { defaults: true })).toEqual({ ok: true, value: { n: 1 } });
    expect(message?.canonicalize({}, { defaults: true })).toMatchObject({
      ok: false,
      message: expect.stringContaining('required'),
    });
    expect(message?.canonicalize({ n: 1, extra: 2 }, { defaults: true })).toMatchObject({ ok: false });
  });

  it('brings Google’s files along, each once and before those that import it', async () => {
    const bytes = await compileProtoFiles([KITCHEN]);
    const names = readDescriptors(bytes, DEFAULT_SCHEMA_LIMITS).map(({ name }) => name);
    expect(names).toContain('google/protobuf/timestamp.proto');
    expect(new Set(names).size).toBe(names.length);
    expect(names.at(-1)).toBe('kitchen.proto');
  });

  it.each(['.mir.device.v1', 'mir.device.v1', 'device.v1'])('knows the options of Mir as %s', async (scope) => {
    const schema = await compiled(
      `${PROTO3}import "mir/device/v1/mir.proto"; message A {
        option (${scope}.message_type) = MESSAGE_TYPE_TELECONFIG;
        option (${scope}.meta) = {tags: [{key: "a", value: "b"}, {key: "c", value: "d"}]};
      }`,
    );
    expect(schema.message('mir.x.v1.A')).toMatchObject({ kind: 'configuration', tags: { a: 'b', c: 'd' } });
  });
});
