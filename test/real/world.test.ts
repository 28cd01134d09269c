import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { open, request } from '../world/http.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';

const DEVICES = '/apis/iot.mir/v1alpha/devices';

describe('the real world', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld({ kind: 'real', dedicated: true });
  });
  afterAll(() => world?.close());

  it('serves devices to kubectl', async () => {
    const { code, stdout } = await world.kubectl('get', 'devices', '-A', '-o', 'name');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });

  // Before the snapshot: a controller manager may take minutes to see that history went back.
  it('deletes namespaces for good, as a controller manager does', async () => {
    const name = await world.namespace();
    await world.kube.delete(`/api/v1/namespaces/${name}`);
    const answer = await eventually(`namespace ${name} is gone`, async () => {
      const { status } = await request(world.kubeconfig, 'GET', `/api/v1/namespaces/${name}`);
      if (status === 200) throw new Error('it is still there');
      return status;
    });
    expect(answer).toBe(404);
  });

  it('goes back to a snapshot, on the same address', async () => {
    const namespace = await world.namespace();
    const create = (name: string): Promise<unknown> =>
      world.kube.create(`/apis/iot.mir/v1alpha/namespaces/${namespace}/devices`, {
        apiVersion: 'iot.mir/v1alpha',
        kind: 'device',
        metadata: { name },
        spec: { deviceId: name },
      });
    await create('before');
    const snapshot = await world.snapshot();
    await create('after');
    await world.restore(snapshot);
    const { items } = await world.kube.get<{ items: { metadata: { name: string } }[] }>(DEVICES);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['before']);
  });

  it('keeps what the broker retains over a restart, unless emptied', async () => {
    await world.broker.publish('a/b', 'kept', { retain: true });
    await world.broker.restart();
    expect(await world.broker.retained('a/#')).toEqual(new Map([['a/b', 'kept']]));
    await world.broker.restart({ empty: true });
    expect(await world.broker.retained('a/#')).toEqual(new Map());
  });

  it('refuses what comes through the API proxy while it is cut, and takes it again afterwards', async () => {
    world.api.cut();
    await expect(request(world.api.kubeconfig, 'GET', DEVICES)).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
    await world.api.restore();
    expect((await request(world.api.kubeconfig, 'GET', DEVICES)).status).toBe(200);
  });

  it('answers 429 through the proxy until that is lifted', async () => {
    world.api.answer429(7);
    const busy = await request(world.api.kubeconfig, 'GET', DEVICES);
    expect([busy.status, busy.headers['retry-after']]).toEqual([429, '7']);
    await world.api.restore();
    expect((await request(world.api.kubeconfig, 'GET', DEVICES)).status).toBe(200);
  });

  it('cuts an open watch in the middle of a line', async () => {
    const watch = await open(world.api.kubeconfig, 'GET', `${DEVICES}?watch=true`);
    let text = '';
    watch.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const ended = new Promise((resolve) => watch.once('close', resolve));
    watch.on('error', () => undefined);
    expect(world.api.dropMidLine()).toBe(1);
    await ended;
    expect(() => JSON.parse(text.split('\n').at(-1) ?? '')).toThrow(SyntaxError);
  });

  it('answers the watch after an expiry with 410, and the one after that with events', async () => {
    const first = await open(world.api.kubeconfig, 'GET', `${DEVICES}?watch=true`);
    first.resume();
    expect(world.api.expireWatches()).toBe(1);
    const second = await request(world.api.kubeconfig, 'GET', `${DEVICES}?watch=true`);
    expect(second.json).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    const third = await request(world.api.kubeconfig, 'GET', `${DEVICES}?watch=true&timeoutSeconds=1`);
    expect(third.text).not.toContain('ERROR');
  });
});
