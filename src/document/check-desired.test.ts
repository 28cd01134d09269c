import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import type { Device } from '../api/device.ts';
import type { DeviceSchema } from '../schema/device-schema.ts';
import { loadSchema } from '../schema/load-schema.ts';
import { compileProtoFiles } from '../schema/proto-files.ts';
import { descriptorSet } from '../schema/testing/descriptor-set.ts';
import { checkDesired, desirableMessages } from './check-desired.ts';

const SAMPLES = join(import.meta.dirname, '../../manifests/samples');
const PROTO = join(SAMPLES, 'proto');

let schema: DeviceSchema;
beforeAll(async () => {
  const files = globSync('*/v1/*.proto', { cwd: PROTO }).map((file) => join(PROTO, file));
  schema = loaded(await compileProtoFiles(files, { includeDirs: [PROTO] }));
});

function loaded(bytes: Uint8Array): DeviceSchema {
  const found = loadSchema(bytes);
  if (!found.ok) throw new Error(found.message);
  return found.schema;
}

describe('what is desired', () => {
  it('in the samples fits the sample schema as it stands', () => {
    const twins = globSync('*.yaml', { cwd: SAMPLES })
      .map((file) => load(readFileSync(join(SAMPLES, file), 'utf8')) as Device)
      .filter(({ kind }) => kind === 'device');
    expect(twins.length).toBeGreaterThanOrEqual(5);
    for (const { properties } of twins) {
      const desired = properties?.desired ?? {};
      expect(checkDesired(desired, schema)).toEqual({ values: desired, invalid: {} });
    }
  });

  it('is taken as it is without a schema', () => {
    const desired = { 'a.v1.A': { anything: ['goes'] } };
    expect(checkDesired(desired, undefined)).toEqual({ values: desired, invalid: {} });
  });

  it('is told apart, message by message', () => {
    const desired = {
      'sensor.v1.SampleRate': { interval_seconds: '60' },
      'sensor.v1.AlertThreshold': { maxTemp: 'hot' },
      'sensor.v1.BatteryStatus': { percentage: 1 },
      'sensor.v1.Nothing': {},
    };
    expect(checkDesired(desired, schema)).toEqual({
      values: { 'sensor.v1.SampleRate': { intervalSeconds: 60 } },
      invalid: {
        'sensor.v1.AlertThreshold':
          'maxTemp is "hot", expected a number that fits 32 bits, "NaN", "Infinity" or "-Infinity"',
        'sensor.v1.BatteryStatus':
          "is telemetry in the device's schema; only messages with message_type configuration can be desired",
        'sensor.v1.Nothing':
          "is not in the device's schema; it has device.v1.Mode, features.v1.Flags, firmware.v1.Update, " +
          'sensor.v1.AlertThreshold, sensor.v1.SampleRate, … (6 in all)',
      },
    });
  });

  it('may be any message of a schema that gives none a kind', () => {
    const plain = loaded(descriptorSet({ messages: [{ name: 'B' }, { name: 'A' }] }));
    expect(desirableMessages(plain)).toEqual(['test.v1.A', 'test.v1.B']);
    const nested = loaded(descriptorSet({ messages: [{ name: 'A', messages: [{ name: 'B' }] }] }));
    expect(checkDesired({ 'test.v1.A.B': {} }, nested)).toEqual({ values: { 'test.v1.A.B': {} }, invalid: {} });
    const mixed = loaded(descriptorSet({ messages: [{ name: 'A' }, { name: 'B', kind: 1 }] }));
    expect(desirableMessages(mixed)).toEqual([]);
    const inner = loaded(descriptorSet({ messages: [{ name: 'A', messages: [{ name: 'B', kind: 3 }] }] }));
    expect(desirableMessages(inner)).toEqual(['test.v1.A.B']);
    expect(checkDesired({ 'test.v1.A': {} }, mixed).invalid['test.v1.A']).toContain('has no message_type');
  });
});
