/** What tests look for in the twins of a fleet, whichever tool applied them. */
import { findCondition } from '../../src/api/conditions.ts';
import type { Device } from '../../src/api/device.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { eventually } from '../world/eventually.ts';
import type { GitOpsWorld } from './gitops-world.ts';

export const RATE = 'sensor.v1.SampleRate';

export function rateOf(device: Device): unknown {
  return device.properties?.desired?.[RATE]?.['intervalSeconds'];
}

/** Resolves when the object does not exist any more. */
export async function isGone(world: GitOpsWorld, namespace: string, name: string): Promise<void> {
  await eventually(
    `${namespace}/${name} is gone`,
    async () => {
      const found = await world.device(namespace, name).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
        return undefined;
      });
      if (found !== undefined) throw new Error('it is still there');
    },
    { timeoutMs: 60_000 },
  );
}

/** Resolves when another heartbeat than the present one has been written. */
export async function nextHeartbeat(world: GitOpsWorld, namespace: string, name: string): Promise<void> {
  const present = (await world.device(namespace, name)).status?.lastHeartbeat;
  await eventually(
    'a further heartbeat is written',
    async () => {
      const { lastHeartbeat } = (await world.device(namespace, name)).status ?? {};
      if (lastHeartbeat === undefined || lastHeartbeat === present) throw new Error(`still ${lastHeartbeat}`);
    },
    { timeoutMs: 90_000, intervalMs: 200 },
  );
}

/** Resolves when all devices of the namespace have taken and reported this rate. */
export async function allInSync(
  world: GitOpsWorld,
  namespace: string,
  count: number,
  intervalSeconds: number,
): Promise<void> {
  await eventually(
    `${namespace} is in sync at ${intervalSeconds} s`,
    async () => {
      const devices = await world.devices(namespace);
      const done = devices.filter(
        ({ status }) =>
          findCondition(status?.conditions, 'Synced')?.status === 'True' &&
          status?.reported?.[RATE]?.['intervalSeconds'] === intervalSeconds,
      );
      if (done.length !== count) throw new Error(`${done.length} of ${devices.length}`);
    },
    { timeoutMs: 180_000, intervalMs: 500 },
  );
}
