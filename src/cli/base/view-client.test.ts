import { describe, expect, it } from '@jest/globals';
import { devicePath, devicesPath } from '../../api/device.ts';
import type { KubeClient, WatchEvent } from '../../kube/client.ts';
import { ApiError } from '../../kube/errors.ts';
import type { TextReader } from '../../kube/http-client.ts';
import { ViewClient } from './view-client.ts';

const SHOWN = {
  apiVersion: 'mir/v1alpha',
  kind: 'device',
  metadata: { name: 'a', namespace: 'ns', resourceVersion: '7', generation: 1 },
  meta: { name: 'a', namespace: 'ns' },
  spec: { deviceId: 'd' },
  properties: { desired: { 'x.v1.M': { a: 1 } }, reported: { 'x.v1.M': { a: 2 } } },
  status: { online: true },
};
const STORED = {
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  metadata: SHOWN.metadata,
  spec: SHOWN.spec,
  properties: { desired: SHOWN.properties.desired },
  status: { online: true, reported: SHOWN.properties.reported },
};
const LIST = { apiVersion: 'mir/v1alpha', kind: 'deviceList', metadata: { resourceVersion: '7' }, items: [SHOWN] };

const forbidden = (path: string) => new ApiError(403, { message: `${path} is forbidden`, reason: 'Forbidden' });

/** An API server that lets its user do on `mir` what `may` says of the path, and nothing on `iot.mir`. */
function server(may: (path: string) => Error | undefined = () => undefined) {
  const asked: string[] = [];
  const bodies: unknown[] = [];
  const answer = (method: string, path: string, body?: unknown): unknown => {
    asked.push(`${method} ${path}`);
    bodies.push(body);
    const refusal = path.startsWith('/apis/mir/') ? may(path) : forbidden(path);
    if (refusal !== undefined) throw refusal;
    return path.endsWith('/devices') ? LIST : SHOWN;
  };
  const inner: Partial<KubeClient & TextReader> = {
    get: async <T>(path: string) => answer('GET', path) as T,
    patch: async <T>(path: string, _type: string, body: unknown) => answer('PATCH', path, body) as T,
    async *watch<T>(path: string): AsyncGenerator<WatchEvent<T>> {
      answer('WATCH', path);
      yield { type: 'MODIFIED', object: SHOWN as T };
    },
  };
  return { client: new ViewClient(inner as KubeClient & TextReader), asked, bodies };
}

const MIR = '/apis/mir/v1alpha/namespaces/ns/devices';
const CRD = '/apis/iot.mir/v1alpha/namespaces/ns/devices';

describe('devices, for a user with rights on mir alone', () => {
  it('are shown as they are stored', async () => {
    const { client } = server();
    expect(await client.get(devicePath('ns/a'))).toEqual(STORED);
    expect(await client.get(devicesPath('ns'))).toMatchObject({ apiVersion: 'iot.mir/v1alpha', items: [STORED] });
    const { signal } = new AbortController();
    const events: unknown[] = [];
    for await (const event of client.watch(devicesPath('ns'), {}, signal)) events.push(event);
    expect(events).toEqual([{ type: 'MODIFIED', object: STORED }]);
  });

  it('are asked for there first once that has worked', async () => {
    const { client, asked } = server();
    for (let at = 0; at < 2; at += 1) await client.get(devicePath('ns/a'));
    await client.get(devicesPath('ns'));
    expect(asked).toEqual([`GET ${CRD}/a`, `GET ${MIR}/a`, `GET ${MIR}/a`, `GET ${CRD}`, `GET ${MIR}`]);
  });

  it('are applied in the version of the view, and patched as they are', async () => {
    const { client, bodies } = server();
    await client.patch(devicePath('ns/a'), 'application/apply-patch+yaml', STORED);
    await client.patch(devicePath('ns/a'), 'application/merge-patch+json', { spec: { disabled: true } });
    expect(bodies.slice(1)).toEqual([{ ...STORED, apiVersion: 'mir/v1alpha' }, { spec: { disabled: true } }]);
  });

  it.each([
    ['has no rights there either', forbidden('mir')],
    ['has no view in the cluster', new ApiError(404, { message: 'page not found' })],
  ])('are refused as the CRD says it where the user %s', async (_who, refusal) => {
    const { client } = server(() => refusal);
    await expect(client.get(devicePath('ns/a'))).rejects.toThrow(`${CRD}/a is forbidden`);
  });

  it('are missed as the view says it', async () => {
    const { client } = server(() => new ApiError(404, { message: 'there is no a', reason: 'NotFound' }));
    await expect(client.get(devicePath('ns/a'))).rejects.toThrow('there is no a');
  });

  it('are all that the view is asked for', async () => {
    const { client, asked } = server();
    await expect(client.get('/apis/iot.mir/v1alpha/schemas')).rejects.toThrow('is forbidden');
    expect(asked).toEqual(['GET /apis/iot.mir/v1alpha/schemas']);
  });
});
