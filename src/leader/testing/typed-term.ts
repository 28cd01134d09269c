import { join } from 'node:path';
import { beforeAll } from '@jest/globals';
import { startTerm } from '../../../test/fakes/term-bed.ts';
import type { TermBed } from '../../../test/fakes/term-bed.ts';
import { device, rate } from '../../../test/gen/device.ts';
import type { DeviceSchema } from '../../schema/device-schema.ts';
import { hashSchema, loadSchema } from '../../schema/load-schema.ts';
import { compileProtoFiles } from '../../schema/proto-files.ts';

const PROTO = join(import.meta.dirname, '../../../manifests/samples/proto');
export const ALERT = 'sensor.v1.AlertThreshold';
export const BATTERY = 'sensor.v1.BatteryStatus';
export const WIFI = 'wifi.v1.Settings';

export let bytes: Buffer;
export let other: Buffer;
export let schema: DeviceSchema;
export let hash: string;

beforeAll(async () => {
  const compile = (...files: string[]): Promise<Buffer> =>
    compileProtoFiles(
      files.map((file) => join(PROTO, file)),
      { includeDirs: [PROTO] },
    );
  bytes = await compile('sensor/v1/sensor.proto');
  other = await compile('sensor/v1/sensor.proto', 'wifi/v1/wifi.proto');
  hash = hashSchema(bytes);
  const loaded = loadSchema(bytes);
  if (!loaded.ok) throw new Error(loaded.message);
  ({ schema } = loaded);
});

export const birth = (parts: object = {}): object => ({
  version: 1,
  online: true,
  session: 's1',
  heartbeat: 0,
  encoding: 'json',
  schema: hash,
  ...parts,
});

export const asked = (bed: TermBed, id = 'sensor-01'): string[] =>
  bed.broker.published.filter(({ topic }) => topic === `mir/v1alpha/${id}/get`).map(({ payload }) => payload);

export const sends = (bed: TermBed, payload: Buffer, id = 'sensor-01'): void =>
  bed.broker.hear(`mir/v1alpha/${id}/schema`, payload, false);

/** A bed in which the schema is registered. */
export async function startTyped(desired = rate(60)): Promise<TermBed> {
  const bed = await startTerm([device({ desired })]);
  bed.kube.schemas.register(bytes);
  bed.says(birth());
  await bed.pass(2000);
  return bed;
}

/** The entry of `message` in the first document. */
export function sentBefore(bed: TermBed, message: string): object {
  const entry = bed.documents()[0]?.messages[message];
  if (entry === undefined) throw new Error(`${message} was not sent`);
  return { [message]: entry };
}
