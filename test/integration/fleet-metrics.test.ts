/** What the metrics say of the fleet as a whole, while devices go through all that a device can go through. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { RATE, Stage } from './support/stage.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
}, 120_000);
afterAll(() => stage?.close(), 60_000);

/** `sync online` → devices; classes without any are left out. */
async function bySync(): Promise<Record<string, number>> {
  const { series } = await stage.operator.metrics();
  const counts = [...series].flatMap(([name, count]) => {
    const [, sync, online] = /^mir_devices_by_sync\{sync="(\w+)",online="(\w+)"\}$/.exec(name) ?? [];
    return sync === undefined || count === 0
      ? []
      : [[`${sync} ${online === 'true' ? 'online' : 'away'}`, count] as const];
  });
  return Object.fromEntries(counts);
}

const untilCounted = (claim: string, expected: Record<string, number>): Promise<void> =>
  eventually(claim, async () => expect(await bySync()).toEqual(expected));

async function conditions(condition: string, status: string, reason: string): Promise<number> {
  return (await stage.operator.metrics()).value('mir_device_conditions', { condition, status, reason });
}

describe('the metrics of the fleet', () => {
  it('follow each device from state to state', async () => {
    await stage.create('away', { [RATE]: { intervalSeconds: 60 } });
    await untilCounted('a device that nobody has heard is pending', { 'Pending away': 1 });
    expect(await conditions('Online', 'False', 'NeverSeen')).toBe(1);

    await stage.create('works', { [RATE]: { intervalSeconds: 60 } });
    const works = await stage.startDevice('works');
    await untilCounted('one is in sync', { 'Pending away': 1, 'InSync online': 1 });
    await stage.desire('works', RATE, { intervalSeconds: 0 });
    await untilCounted('it rejects', { 'Pending away': 1, 'Rejected online': 1 });
    expect(await conditions('Stalled', 'True', 'Rejected')).toBe(1);
    await stage.desire('works', RATE, { intervalSeconds: 30 });
    await untilCounted('it takes another value', { 'Pending away': 1, 'InSync online': 1 });
    expect(await conditions('Stalled', 'True', 'Rejected')).toBe(0);
    works.report(RATE, { intervalSeconds: 31 });
    await untilCounted('it drifts', { 'Pending away': 1, 'Drifted online': 1 });

    await stage.desire('away', 'wifi.v1.Settings', { ssid: 'x'.repeat(20_000) });
    await untilCounted('a value is too large', { 'Invalid away': 1, 'Drifted online': 1 });
    await stage.patch('away', { spec: { disabled: true } });
    await untilCounted('one is cut off', { 'Disabled away': 1, 'Drifted online': 1 });
    await stage.create('twice', {}, { deviceId: stage.id('works') });
    await untilCounted('two name one id', { 'Disabled away': 1, 'Drifted online': 1, 'Unpublished away': 1 });
    expect(await conditions('Stalled', 'True', 'DuplicateDeviceId')).toBe(1);
    expect((await stage.operator.metrics()).value('mir_devices')).toBe(3);

    await works.goOffline();
    await untilCounted('it leaves', { 'Disabled away': 1, 'Drifted away': 1, 'Unpublished away': 1 });
    await Promise.all(['away', 'twice'].map((name) => stage.delete(name)));
    await untilCounted('two are deleted', { 'Drifted away': 1 });
    expect((await stage.operator.metrics()).value('mir_devices')).toBe(1);
  }, 120_000);

  it('are right again with the first LIST after a restart, before any device is heard', async () => {
    const before = await bySync();
    expect(before).not.toEqual({});
    await stage.operator.kill();
    await stage.world.broker.stop();
    await stage.restartOperator();
    await untilCounted('the same as before', before);
    await stage.world.broker.start();
  }, 60_000);

  it('name a leader also where no election is held', async () => {
    expect((await stage.operator.metrics()).value('leader_election_master_status')).toBe(1);
  });
});
