/** The Mir view in a world: what the chart makes of it, and the way of the API server to a process outside the cluster. */
import { networkInterfaces } from 'node:os';
import type { JsonObject } from '../../src/api/json-value.ts';
import { API_SERVICES, VIEW, VIEW_OBJECTS, VIEW_SLICES, viewSlice } from '../../src/dev/view-objects.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { isConflict, isNotFound } from '../../src/kube/errors.ts';
import { eventually } from './eventually.ts';
import type { OperatorProcess } from './operator-process.ts';
import type { World } from './world.ts';

export const API_SERVICE_PATH = `${API_SERVICES}/v1alpha.mir`;
export const VIEW_SECRET_PATH = `/api/v1/namespaces/${VIEW.namespace}/secrets/${VIEW.name}-tls`;

/** The flag of an operator that serves the view; an API server connects to no loopback address. */
export function viewFlag(): string {
  return `--view-address=${ownAddress()}:0`;
}

function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  return found?.address ?? '127.0.0.1';
}

/** Makes Service and APIService; the view can be started then. */
export async function installView({ kube }: Pick<World, 'kube'>): Promise<void> {
  for (const [path, object] of VIEW_OBJECTS) await created(kube, path, object);
}

/** Leads the Service to these operators, and waits until the API server serves what they serve. */
export async function routeView(world: Pick<World, 'kube'>, ...operators: readonly OperatorProcess[]): Promise<void> {
  const addresses = await Promise.all(operators.map((operator) => viewAddressOf(operator)));
  await removed(world.kube, VIEW_SLICES);
  for (const [index, address] of addresses.entries()) {
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
    await created(world.kube, VIEW_SLICES, viewSlice(`${VIEW.name}-${index}`, host, Number(port)));
  }
  await viewIsAvailable(world);
}

/** Leads the Service to a port at which nobody listens. */
export async function misrouteView({ kube }: Pick<World, 'kube'>): Promise<void> {
  await removed(kube, VIEW_SLICES);
  await created(kube, VIEW_SLICES, viewSlice(`${VIEW.name}-nobody`, ownAddress(), 9));
}

export function viewAddressOf(operator: OperatorProcess): Promise<string> {
  return eventually('the view listens', () => {
    const found = operator.logs().find(({ viewAddress }) => typeof viewAddress === 'string')?.['viewAddress'];
    if (typeof found !== 'string') throw new Error('no log line has a viewAddress yet');
    return found;
  });
}

export async function viewIsAvailable({ kube }: Pick<World, 'kube'>): Promise<void> {
  await eventually('the APIService is available', async () => {
    const { status } = await kube.get<{
      status?: { conditions?: { type: string; status: string; message: string }[] };
    }>(API_SERVICE_PATH);
    const available = status?.conditions?.find(({ type }) => type === 'Available');
    if (available?.status !== 'True') throw new Error(available?.message ?? 'no condition');
  });
  await eventually('mir/v1alpha is served', () => kube.get('/apis/mir/v1alpha/devices?limit=1'));
}

/** So that nothing waits for a view that is gone. */
export async function removeView({ kube }: Pick<World, 'kube'>): Promise<void> {
  await removed(kube, API_SERVICES, 'v1alpha.mir');
  await removed(kube, `/api/v1/namespaces/${VIEW.namespace}/services`, VIEW.name);
  await removed(kube, `/api/v1/namespaces/${VIEW.namespace}/secrets`, `${VIEW.name}-tls`);
  await removed(kube, VIEW_SLICES);
}

async function created(kube: KubeClient, path: string, object: object): Promise<void> {
  await kube.create(path, object).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
}

async function removed(kube: KubeClient, path: string, name?: string): Promise<void> {
  await kube.delete<JsonObject>(name === undefined ? path : `${path}/${name}`).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
