import { describe, expect, it } from '@jest/globals';
import type { DeviceEvent } from './index.ts';
import { entry } from './testing/cloud.ts';
import {
  RATE,
  BATTERY,
  broker,
  cloud,
  deviceOf,
  apply,
  connectCloudAgain,
  restartBroker,
} from './testing/connected-devices.ts';

describe.each([5, 4] as const)('a device on MQTT protocol level %i', (protocolVersion) => {
  it('announces itself, applies what is desired and reports it', async () => {
    const device = deviceOf({ broker: { protocolVersion }, announce: { reports: [BATTERY], heartbeatSeconds: 7 } });
    device.onDesired(RATE, apply);
    await device.connect();
    const birth = await cloud.next('state', { online: true });
    expect(birth.json).toMatchObject({
      version: 1,
      reports: [BATTERY],
      heartbeat: 7,
      encoding: 'json',
      maxBytes: 16384,
    });
    await cloud.desire({ [RATE]: entry(3, { intervalSeconds: 60 }) });
    const report = await cloud.next(`reported/${RATE}`, { status: 'applied' });
    expect(report.json).toEqual({
      version: 1,
      uid: 'uid-1',
      revision: 3,
      status: 'applied',
      value: { intervalSeconds: 60 },
    });
  });

  it('rejects and reports no number that would become another one', async () => {
    const events: DeviceEvent[] = [];
    const device = deviceOf({ broker: { protocolVersion }, onEvent: (event) => void events.push(event) });
    await device.connect();
    await cloud.publish(
      'desired',
      '{"owner":{"cluster":"c","namespace":"n","name":"d1","uid":"uid-1"},"messages":{"a.A":{"revision":1,"value":{"n":9007199254740993}}}}',
      true,
    );
    const { json } = await cloud.next('reported/a.A', { status: 'rejected' });
    expect(json?.['reason']).toContain('n is 9007199254740993');
    device.report(BATTERY, { percentage: Number.POSITIVE_INFINITY });
    expect(device.reported(BATTERY)).toBeUndefined();
    const reasons = events.flatMap((event) => (event.kind === 'failed' ? event.reason : []));
    expect(reasons).toContainEqual('percentage is Infinity, which JSON cannot say');
  });

  it('leaves its last will when it dies, and none when it says goodbye', async () => {
    const dying = deviceOf({ broker: { protocolVersion } });
    await dying.connect();
    const birth = await cloud.next('state', { online: true });
    dying.destroy();
    expect((await cloud.next('state', { online: false })).json).toMatchObject({
      session: birth.json?.['session'],
      will: true,
    });

    const events: string[] = [];
    const leaving = deviceOf({ broker: { protocolVersion }, onEvent: ({ kind }) => events.push(kind) });
    await leaving.connect();
    await cloud.next('state', { online: true });
    await leaving.close({ asleepSeconds: 60 });
    expect((await cloud.next('state', { online: false })).json).toMatchObject({ will: false, asleep: 60 });
    expect(events).toEqual(['online']);
    // A third device's birth is behind any will of the second.
    await deviceOf({ broker: { protocolVersion } }).connect();
    await cloud.next('state', { online: true });
    expect(cloud.seen.filter(({ json }) => json?.['will'] === true)).toHaveLength(1);
  });

  it('comes back by itself after the connection is lost, with a new session and its reports', async () => {
    const device = deviceOf({ broker: { protocolVersion } });
    await device.connect();
    device.report(BATTERY, { percentage: 87 });
    await cloud.next(`reported/${BATTERY}`);
    const first = cloud.seen.find(({ json }) => json?.['online'] === true);
    await cloud.close();
    await broker.close();
    device.report(BATTERY, { percentage: 86 });
    device.report(BATTERY, { percentage: 85 });
    await restartBroker();
    await connectCloudAgain();
    const second = await cloud.next('state', { online: true });
    expect(second.json?.['session']).not.toBe(first?.json?.['session']);
    expect((await cloud.next(`reported/${BATTERY}`)).json).toEqual({ version: 1, value: { percentage: 85 } });
    expect(cloud.seen.filter(({ on }) => on === `reported/${BATTERY}`)).toHaveLength(1);
  });
});
