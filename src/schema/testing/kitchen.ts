import { join } from 'node:path';
import { beforeAll } from '@jest/globals';
import type { JsonObject, JsonValue } from '../../api/device.ts';
import type { DeviceSchema, MessageType } from '../device-schema.ts';
import { loadSchema } from '../load-schema.ts';
import { compileProtoFiles } from '../proto-files.ts';

const KITCHEN = join(import.meta.dirname, '../../../test/oracle/kitchen.proto');
export const NAMES = ['Scalars', 'Optionals', 'Lists', 'Maps', 'WellKnown', 'Tree'];

let schema: DeviceSchema;
beforeAll(async () => {
  const loaded = loadSchema(await compileProtoFiles([KITCHEN]));
  if (!loaded.ok) throw new Error(loaded.message);
  ({ schema } = loaded);
});

export function typeOf(name: string): MessageType {
  const type = schema.message(`oracle.v1.${name}`);
  if (type === undefined) throw new Error(`no ${name}`);
  return type;
}

export const canonical = (name: string, value: JsonObject, defaults = false): JsonValue => {
  const checked = typeOf(name).canonicalize(value, { defaults });
  if (!checked.ok) throw new Error(`${checked.path} ${checked.message}`);
  return checked.value;
};

export const UINT = 'a whole number from 0 to 4294967295';
