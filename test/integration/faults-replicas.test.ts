import { expect } from '@jest/globals';
import { eventually, throughout } from '../world/eventually.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import type { World } from '../world/world.ts';
import { Lane } from './support/fault-lane.ts';
import { expectNothingLostOrRepeated } from './support/fault-run.ts';
import { describeFaults, seconds } from './support/fault-suite.ts';
import { pause } from './support/pause.ts';

describeFaults('two replicas with leader election', {
  'lose nothing when the leader is killed': (world) =>
    takeOver(world, async (lane, leader, standby) => {
      await leader.kill();
      await leads(standby);
      const recovery = await lane.recovers();
      return seconds(recovery.ms);
    }),

  'lose nothing when the leader stops, and need no lease to run out': (world) =>
    takeOver(world, async (lane, leader, standby) => {
      await leader.stop();
      const stoppedAt = performance.now();
      await leads(standby);
      const recovery = await lane.recovers(stoppedAt);
      return seconds(recovery.ms);
    }),

  'lose nothing when a frozen leader thaws after another has taken over, and it does no damage': (world) =>
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
      // What it knew as the leader is not told any more, or one fleet would be counted twice.
      for (const name of ['mir_devices', 'mir_devices_online', 'mir_devices_by_sync', 'mir_broker_connected'])
        expect({ name, value: (await leader.metrics()).value(name) }).toEqual({ name, value: 0 });
      expect((await standby.metrics()).value('leader_election_master_status')).toBe(1);
      return seconds(recovery.ms);
    }),
});

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
