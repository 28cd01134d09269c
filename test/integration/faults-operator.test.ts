import { expect } from '@jest/globals';
import type { KubeList } from '../../src/kube/client.ts';
import { eventually, throughout } from '../world/eventually.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import type { World } from '../world/world.ts';
import { Lane } from './support/fault-lane.ts';
import { breakUnderTraffic, expectNothingLostOrRepeated } from './support/fault-run.ts';
import { describeFaults, seconds } from './support/fault-suite.ts';
import { pause } from './support/pause.ts';

describeFaults('nothing is lost when', {
  'the operator is killed with -9 and started again': (world) =>
    breakUnderTraffic(
      world,
      async (lane, operator) => {
        await operator.kill();
        await pause(2000);
        await lane.startOperator({ flags: ['--leader-election=false'] });
      },
      { flags: ['--leader-election=false'] },
    ),

  'the operator is frozen for 15 s': (world) =>
    breakUnderTraffic(world, async (_lane, operator) => {
      operator.freeze();
      await pause(15_000);
      operator.thaw();
    }),

  'the operator is frozen for 45 s, and no device goes offline': (world) =>
    breakUnderTraffic(world, async (lane, operator) => {
      operator.freeze();
      await pause(45_000);
      operator.thaw();
      await throughout('every device is online', 6000, async () => {
        for (const [name, { status }] of await lane.objects())
          expect({ name, online: status?.online }).toEqual({ name, online: true });
      });
      expect(await eventsWith(lane, 'Offline')).toEqual([]);
    }),

  'the leader of two is killed': (world) =>
    takeOver(world, async (lane, leader, standby) => {
      await leader.kill();
      await leads(standby);
      const recovery = await lane.recovers();
      return seconds(recovery.ms);
    }),

  'the leader of two stops, and no lease has to run out': (world) =>
    takeOver(world, async (lane, leader, standby) => {
      await leader.stop();
      const stoppedAt = performance.now();
      await leads(standby);
      const recovery = await lane.recovers(stoppedAt);
      return seconds(recovery.ms);
    }),

  'a frozen leader thaws after another has taken over': (world) =>
    takeOver(world, async (lane, leader, standby) => {
      leader.freeze();
      await leads(standby);
      await lane.recovers();
      lane.traffic.start();
      const connections = connectionsOf(standby);
      leader.thaw();
      await throughout('the new leader keeps its connection', 8000, () =>
        expect(connectionsOf(standby)).toBe(connections),
      );
      const recovery = await lane.recovers();
      expect((await leader.metrics()).value('leader_election_master_status')).toBe(0);
      expect((await standby.metrics()).value('leader_election_master_status')).toBe(1);
      return seconds(recovery.ms);
    }),
});

async function eventsWith({ world, namespace }: Lane, reason: string): Promise<readonly object[]> {
  const path = `/api/v1/namespaces/${namespace}/events`;
  const { items } = await world.kube.get<KubeList<{ reason?: string }>>(path);
  return items.filter((event) => event.reason === reason);
}

async function takeOver(
  world: World,
  handOver: (lane: Lane, leader: OperatorProcess, standby: OperatorProcess) => Promise<string>,
): Promise<string> {
  const lane = await Lane.open(world);
  try {
    const leader = await lane.startOperator();
    const standby = await lane.startOperator();
    await lane.converged();
    lane.traffic.start();
    await pause(1000);
    const startedAt = performance.now();
    const recovered = await handOver(lane, leader, standby);
    const total = seconds(performance.now() - startedAt);
    await lane.stillWorks();
    await expectNothingLostOrRepeated(lane);
    return `recovered in ${recovered}, ${total} in all`;
  } finally {
    await lane.close();
  }
}

async function leads(operator: OperatorProcess): Promise<void> {
  await eventually('the standby leads', async () => {
    expect((await operator.metrics()).value('leader_election_master_status')).toBe(1);
  });
}

function connectionsOf(operator: OperatorProcess): number {
  return operator.logs().filter(({ msg }) => msg === 'connected to the broker').length;
}
