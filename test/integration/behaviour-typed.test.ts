/** Typed twins: a device brings its protobuf schema, and what is desired and reported is checked and compared by it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SCHEMAS_PATH, schemaName } from '../../src/api/schema.ts';
import type { SchemaObject } from '../../src/api/schema.ts';
import { hashSchema } from '../../src/schema/load-schema.ts';
import { compileProtoFiles } from '../../src/schema/proto-files.ts';
import { eventually } from '../world/eventually.ts';
import { BATTERY, RATE, Stage, syncState } from './support/stage.ts';

const PROTO = join(import.meta.dirname, '../../manifests/samples/proto');
const SENSOR = join(PROTO, 'sensor/v1/sensor.proto');
const WIFI = join(PROTO, 'wifi/v1/wifi.proto');
const ALERT = 'sensor.v1.AlertThreshold';

let stage: Stage;
let bytes: Buffer;
let hash: string;
beforeAll(async () => {
  stage = await Stage.open();
  bytes = await compileProtoFiles([SENSOR], { includeDirs: [PROTO] });
  hash = hashSchema(bytes);
}, 120_000);
afterAll(() => stage.close(), 120_000);

const rate = (intervalSeconds: number) => ({ [RATE]: { intervalSeconds } });
const birth = (schema: string) => ({ online: true, session: 's1', heartbeat: 0, schema });
/** A device that is known to the operator announces its schema, and sends `bytes` when it is asked. */
async function announce(name: string, schema: string, bytes?: Buffer): Promise<void> {
  if (bytes !== undefined) await stage.answerSchema(name, bytes);
  await stage.until(name, 'is served', ({ status, metadata }) => {
    expect(status?.observedGeneration).toBe(metadata.generation);
  });
  await stage.say(name, 'state', birth(schema));
}
const kubectl = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await stage.world.kubectl(...args);
  if (code !== 0) throw new Error(stderr);
  return stdout;
};

describe('a device that brings a schema', () => {
  it('is typed by it, and kubectl shows what is in it', async () => {
    await stage.create('bringer', rate(60));
    await announce('bringer', hash, bytes);
    await stage.untilCondition('bringer', 'SchemaValid', 'True/Valid');
    const { status } = await stage.get('bringer');
    expect(status?.schema).toMatchObject({ hash, packageNames: ['mir.device.v1', 'sensor.v1'] });
    await eventually('the schema is described', async () => {
      const object = await stage.world.kube.get<SchemaObject>(`${SCHEMAS_PATH}/${schemaName(hash)}`);
      expect(object.status?.configuration).toEqual([ALERT, RATE]);
    });
    expect(await kubectl('get', 'schemas')).toMatch(
      new RegExp(
        `NAME +PACKAGES +MESSAGES +VALID +AGE\\n${schemaName(hash)} +\\["mir.device.v1","sensor.v1"\\] +\\d+ +True`,
      ),
    );
    expect(await kubectl('describe', 'schema', schemaName(hash))).toContain('Kind:  telemetry');
  });

  it('is told with the path what does not fit, and gets the rest', async () => {
    await stage.create('invalid', { [ALERT]: { maxTemp: 30 } });
    await announce('invalid', hash);
    await stage.untilCondition('invalid', 'SchemaValid', 'True/Valid');
    await stage.desire('invalid', RATE, { intervalSeconds: 'fast' });
    await stage.untilCondition('invalid', 'SchemaValid', 'False/Invalid');
    await stage.untilCondition('invalid', 'Stalled', 'True/Invalid');
    await stage.untilEvent('invalid', 'Invalid', RATE);
    await stage.until('invalid', 'names the path', ({ status }) => {
      expect(status?.sync?.[RATE]?.message).toMatch(/intervalSeconds.*"fast".*whole number/);
    });
    await stage.desire('invalid', ALERT, { maxTemp: 31 });
    await stage.say('invalid', `reported/${ALERT}`, { value: { maxTemp: 31 } });
    await stage.until('invalid', 'the other message is in sync', (device) => {
      expect(syncState(device, ALERT)).toBe('InSync');
      expect(syncState(device)).toBe('Invalid');
    });
    await stage.desire('invalid', RATE, { intervalSeconds: null, interval_seconds: '5' });
    await stage.untilCondition('invalid', 'SchemaValid', 'True/Valid');
    await stage.say('invalid', `reported/${RATE}`, { value: { intervalSeconds: 5 } });
    await stage.untilCondition('invalid', 'Synced', 'True/InSync');
  });

  it('is refused as desired what is no configuration', async () => {
    await stage.create('telemetry', { [BATTERY]: { percentage: 5 } });
    await announce('telemetry', hash);
    await stage.until('telemetry', 'says so', ({ status }) => {
      expect(status?.sync?.[BATTERY]?.state).toBe('Invalid');
      expect(status?.sync?.[BATTERY]?.message).toContain('telemetry');
    });
  });

  it('that is broken disturbs nobody else', async () => {
    const broken = Buffer.from('\x0a\xff\xff\xff\xff\x0f', 'latin1');
    await stage.create('broken', rate(60));
    await stage.create('whole', rate(60));
    await announce('broken', hashSchema(broken), broken);
    await stage.untilCondition('broken', 'SchemaValid', 'False/SchemaInvalid');
    await stage.untilCondition('broken', 'Ready', 'True/Published');
    await announce('whole', hash);
    await stage.untilCondition('whole', 'SchemaValid', 'True/Valid');
    expect(await stage.badInput('InvalidSchema')).toBeGreaterThan(0);
  });
});

describe.each(['json', 'protobuf'] as const)('a device of the SDK with a schema, speaking %s,', (encoding) => {
  const name = (what: string): string => `${encoding}-${what}`;
  const typed = (what: string) => {
    const schema = { descriptorSet: bytes, encoding };
    return stage.startDevice(name(what), { device: { schema }, applies: [RATE, ALERT] });
  };

  it('is asked for its schema once, and is brought in sync', async () => {
    await stage.create(name('sync'), { [RATE]: { interval_seconds: '60' }, [ALERT]: { maxTemp: 30 } });
    const device = await typed('sync');
    await stage.untilCondition(name('sync'), 'Synced', 'True/InSync');
    const { status } = await stage.get(name('sync'));
    expect(status?.reported).toMatchObject({ [RATE]: { intervalSeconds: 60 }, [ALERT]: { maxTemp: 30 } });
    expect(status?.schema?.hash).toBe(hash);
    device.drift(RATE, { intervalSeconds: 61 });
    await stage.untilCondition(name('sync'), 'Synced', 'False/Drifted');
    await stage.desire(name('sync'), RATE, { interval_seconds: 61 });
    await stage.untilCondition(name('sync'), 'SchemaValid', 'True/Valid');
    await stage.untilCondition(name('sync'), 'Synced', 'True/InSync');
  });

  it('can say no', async () => {
    await stage.create(name('no'), rate(0));
    await typed('no');
    await stage.until(name('no'), 'is rejected', ({ status }) => {
      expect(status?.sync?.[RATE]?.state).toBe('Rejected');
      expect(status?.sync?.[RATE]?.message).toContain('at least 1');
    });
  });

  it('gets nothing again when it or the operator starts again, and what changed meanwhile once', async () => {
    await stage.create(name('again'), rate(60));
    const device = await typed('again');
    await stage.untilCondition(name('again'), 'Synced', 'True/InSync');
    device.die();
    await stage.operator.kill();
    await stage.restartOperator();
    await device.start();
    await stage.untilAnnounced(name('again'));
    expect(device.applied.map(({ value }) => value)).toEqual([{ intervalSeconds: 60 }, { intervalSeconds: 60 }]);
    expect((await stage.operator.metrics()).value('mir_desired_published_total') ?? 0).toBe(0);
    device.die();
    for (const seconds of [10, 20, 30]) await stage.desire(name('again'), RATE, { intervalSeconds: seconds });
    await stage.until(name('again'), 'the newest is published', ({ status, metadata }) => {
      expect(status?.observedGeneration).toBe(metadata.generation);
    });
    await device.start();
    await stage.untilCondition(name('again'), 'Synced', 'True/InSync');
    expect(device.applied.slice(2).map(({ value }) => value)).toEqual([
      { intervalSeconds: 60 },
      { intervalSeconds: 30 },
    ]);
  });
});

describe('a schema that was registered with kubectl', () => {
  it('is used by the first device that announces it, which is not asked for it', async () => {
    const { stdout: manifest } = await promisify(execFile)('npm', [
      'run',
      '--silent',
      'schema',
      '--',
      '-I',
      PROTO,
      SENSOR,
      WIFI,
    ]);
    const registered = /sha256-[0-9a-f]{64}/.exec(manifest)?.[0] ?? '';
    const { code, stderr } = await stage.world.kubectlWithInput(manifest, 'apply', '-f', '-');
    expect([code, stderr]).toEqual([0, '']);
    await kubectl('wait', '--for=condition=Valid', `schema/${registered}`, '--timeout=60s');
    await stage.create('expected', { ...rate(60), 'wifi.v1.Settings': { ssid: 'plant' } });
    await announce('expected', registered.replace('-', ':'));
    await stage.untilCondition('expected', 'SchemaValid', 'True/Valid');
  });

  it('can be labelled and is described, whatever letters of base64 its content needs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mir-proto-'));
    // A value of −1 is ten bytes with all bits set: ///////// in base64.
    const source = 'syntax = "proto3";\npackage odd.v1;\nenum E { ZERO = 0; MINUS = -1; }\nmessage M { E e = 1; }\n';
    writeFileSync(join(folder, 'odd.proto'), source);
    const odd = await compileProtoFiles([join(folder, 'odd.proto')]);
    rmSync(folder, { recursive: true });
    const descriptorSet = odd.toString('base64');
    expect(descriptorSet).toMatch(/[+/]/);
    const name = schemaName(hashSchema(odd));
    const object = { apiVersion: 'iot.mir/v1alpha', kind: 'schema', metadata: { name } };
    await stage.world.kube.create(SCHEMAS_PATH, { ...object, spec: { descriptorSet } });
    await kubectl('label', 'schemas', '--all', 'a=b');
    await kubectl('annotate', 'schema', name, 'c=d');
    await kubectl('wait', '--for=condition=Valid', `schema/${name}`, '--timeout=60s');
    const change = { spec: { descriptorSet: 'AAAA' } };
    const path = `${SCHEMAS_PATH}/${name}`;
    await expect(stage.world.kube.patch(path, 'application/merge-patch+json', change)).rejects.toThrow('is immutable');
  });

  it('under a name that is not its hash is shown as such', async () => {
    const name = `sha256-${'0'.repeat(64)}`;
    const body = { apiVersion: 'iot.mir/v1alpha', kind: 'schema', metadata: { name } };
    await stage.world.kube.create(SCHEMAS_PATH, { ...body, spec: { descriptorSet: bytes.toString('base64') } });
    await eventually('Valid is False', async () => {
      const object = await stage.world.kube.get<SchemaObject>(`${SCHEMAS_PATH}/${name}`);
      expect(object.status?.conditions).toMatchObject([{ type: 'Valid', status: 'False', reason: 'HashMismatch' }]);
    });
  });

  it.each([
    ['another name', { metadata: { name: 'my-schema' } }, /sha256/],
    ['no base64', { spec: { descriptorSet: 'not base64!' } }, /descriptorSet/],
  ])('is refused with %s', async (_what, parts, why) => {
    const name = `sha256-${'1'.repeat(64)}`;
    const object = {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'schema',
      metadata: { name },
      spec: { descriptorSet: 'AAAA' },
    };
    await expect(stage.world.kube.create(SCHEMAS_PATH, { ...object, ...parts })).rejects.toThrow(why);
  });
});
