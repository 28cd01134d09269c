import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectTo } from './broker-client.ts';
import { request } from './http.ts';
import { openWorld } from './world.ts';
import type { World } from './world.ts';

const DEVICES = '/apis/iot.mir/v1alpha/devices';

describe('the embedded world', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld({ kind: 'embedded' });
  });
  afterAll(() => world?.close());

  it('serves devices through the API proxy', async () => {
    expect((await request(world.api.kubeconfig, 'GET', DEVICES)).json).toMatchObject({ items: [] });
    expect(world.api.log.count({ method: 'GET', path: /\/devices$/, status: 200 })).toBe(1);
  });

  it('goes back to a snapshot', async () => {
    const namespace = await world.namespace();
    const snapshot = await world.snapshot();
    await world.kube.delete(`/api/v1/namespaces/${namespace}`);
    await world.restore(snapshot);
    await expect(world.kube.get(`/api/v1/namespaces/${namespace}`)).resolves.toMatchObject({ kind: 'Namespace' });
  });

  it('keeps what the broker retains over a restart, unless emptied', async () => {
    await world.broker.publish('a/b', 'kept', { retain: true });
    await world.broker.restart();
    expect(await world.broker.retained('a/#')).toEqual(new Map([['a/b', 'kept']]));
    await world.broker.restart({ empty: true });
    expect(await world.broker.retained('a/#')).toEqual(new Map());
  });

  it('cuts clients of the proxied broker off, and lets them in again', async () => {
    const client = await world.broker.connect({ reconnectPeriod: 20 });
    expect(await connectThroughProxy(world)).toBe(true);
    world.broker.cut();
    await expect(connectThroughProxy(world)).rejects.toThrow(/ECONNREFUSED|ECONNRESET|closed/);
    await world.broker.restore();
    await expect(connectThroughProxy(world)).resolves.toBe(true);
    expect(client.connected).toBe(true);
  });
});

async function connectThroughProxy(world: World): Promise<boolean> {
  const client = await connectTo(world.broker.proxyUrl, { connectTimeout: 2000 });
  const { connected } = client;
  await client.endAsync();
  return connected;
}
