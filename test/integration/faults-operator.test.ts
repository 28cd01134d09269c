import { expect } from '@jest/globals';
import type { KubeList } from '../../src/kube/client.ts';
import { throughout } from '../world/eventually.ts';
import { breakUnderTraffic } from './support/fault-run.ts';
import type { Lane } from './support/fault-lane.ts';
import { describeFaults } from './support/fault-suite.ts';
import { pause } from './support/pause.ts';

describeFaults('nothing is lost when the operator', {
  'is killed with -9 and started again': (world) =>
    breakUnderTraffic(
      world,
      async (lane, operator) => {
        await operator.kill();
        await pause(2000);
        await lane.startOperator({ flags: ['--leader-election=false'] });
      },
      { flags: ['--leader-election=false'] },
    ),

  'is frozen for 15 s': (world) =>
    breakUnderTraffic(world, async (_lane, operator) => {
      operator.freeze();
      await pause(15_000);
      operator.thaw();
    }),

  // Longer than its Lease, than the broker waits for it (22.5 s), and than the 15 s of silence that make a device offline.
  'is frozen for 25 s, and no device goes offline': (world) =>
    breakUnderTraffic(world, async (lane, operator) => {
      operator.freeze();
      await pause(25_000);
      operator.thaw();
      await throughout('every device is online', 6000, async () => {
        for (const [name, { status }] of await lane.objects())
          expect({ name, online: status?.online }).toEqual({ name, online: true });
      });
      expect(await eventsWith(lane, 'Offline')).toEqual([]);
    }),
});

async function eventsWith({ world, namespace }: Lane, reason: string): Promise<readonly object[]> {
  const path = `/api/v1/namespaces/${namespace}/events`;
  const { items } = await world.kube.get<KubeList<{ reason?: string }>>(path);
  return items.filter((event) => event.reason === reason);
}
