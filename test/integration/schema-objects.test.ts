/** Schemas as objects of the cluster: what the operator does with those that no device needs, or that a LIST lacks. */
import type { Buffer } from 'node:buffer';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { API_VERSION } from '../../src/api/device.ts';
import { SCHEMAS_PATH, SCHEMA_KIND, STORED_BY_LABEL, schemaName } from '../../src/api/schema.ts';
import type { SchemaObject } from '../../src/api/schema.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { hashSchema } from '../../src/schema/load-schema.ts';
import { descriptorSet } from '../../src/schema/testing/descriptor-set.ts';
import { compileProtoFiles } from '../../src/schema/proto-files.ts';
import { fileURLToPath } from 'node:url';
import { eventually } from '../world/eventually.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';

const PROTO = fileURLToPath(new URL('../../manifests/samples/proto', import.meta.url));

let world: World;
let name: string;
beforeEach(async () => {
  world = await openWorld();
  const bytes = await compileProtoFiles([`${PROTO}/sensor/v1/sensor.proto`], { includeDirs: [PROTO] });
  name = schemaName(hashSchema(bytes));
  await store(bytes);
}, 120_000);
afterEach(() => world.close(), 120_000);

async function store(bytes: Buffer): Promise<void> {
  await world.kube.create(SCHEMAS_PATH, {
    apiVersion: API_VERSION,
    kind: SCHEMA_KIND,
    metadata: { name: schemaName(hashSchema(bytes)), labels: { [STORED_BY_LABEL]: 'mir-operator' } },
    spec: { descriptorSet: bytes.toString('base64') },
  });
}

it('deletes one that it stored itself when no device has used it for the grace period', async () => {
  // Described first: a description that comes between the look and the deletion makes it wait for the next look.
  const first = await world.startOperator({ flags: ['--lease-namespace=default'] });
  await eventually('the schema is described', async () => {
    const { status } = await world.kube.get<SchemaObject>(`${SCHEMAS_PATH}/${name}`);
    expect(status?.conditions).toHaveLength(1);
  });
  await first.stop();
  await world.startOperator({ flags: ['--schema-grace-hours=0', '--lease-namespace=default'] });
  await eventually('the schema is gone', async () => {
    const found = await world.kube.get(`${SCHEMAS_PATH}/${name}`).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    expect(found).toBeUndefined();
  });
});

it('asks by name for one that a LIST lacks', async () => {
  const operator = await world.startOperator({ flags: ['--no-leader-election'] });
  await eventually('the schemas are watched', () => {
    expect(world.api.log.find({ path: /\/schemas$/, isWatch: true, status: 200 })).toHaveLength(1);
    return Promise.resolve();
  });
  world.api.emptyLists(1, 'schemas');
  world.api.expireWatches();
  await eventually('it was asked for by name', () => {
    const asked = world.api.log.find({ path: new RegExp(`/schemas/${name}$`) });
    expect(asked.map(({ method, status }) => `${method} ${status}`)).toEqual(['GET 200']);
    return Promise.resolve();
  });
  expect((await operator.metrics()).value('mir_cached_objects', { resource: 'schemas' })).toBe(1);
});

it('keeps all when a LIST lacks more than a sweep may withdraw, and says so until one shows them', async () => {
  for (const at of [1, 2, 3]) await store(descriptorSet({ packageName: `test.v${at}`, messages: [{ name: 'Conf' }] }));
  const flags = ['--no-leader-election', '--sweep-minimum=2', '--sweep-max-fraction=0'];
  const operator = await world.startOperator({ flags });
  const count = async (metric: string): Promise<number | undefined> =>
    (await operator.metrics()).value(metric, { resource: 'schemas' });
  await eventually('the schemas are watched', async () => {
    expect(await count('mir_cached_objects')).toBe(4);
    expect(world.api.log.find({ path: /\/schemas$/, isWatch: true, status: 200 })).toHaveLength(1);
  });
  world.api.emptyLists(Number.POSITIVE_INFINITY, 'schemas');
  world.api.expireWatches();
  await eventually('they are missed', async () => expect(await count('mir_absent_objects')).toBe(4));
  expect(await count('mir_cached_objects')).toBe(4);
  expect(world.api.log.find({ path: /\/schemas\/[^/]+$/, method: 'GET' })).toEqual([]);
  await world.api.restore();
  await eventually('they are seen again', async () => expect(await count('mir_absent_objects')).toBe(0));
  expect(await count('mir_cached_objects')).toBe(4);
});
