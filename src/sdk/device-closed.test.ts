import { describe, expect, it } from '@jest/globals';
import { memoryStore } from './index.ts';
import type { DeviceEvent } from './index.ts';
import { manualClock } from './testing/manual-clock.ts';
import { BATTERY, broker, cloud, deviceOf, restartBroker } from './testing/connected-devices.ts';

describe('a device', () => {
  describe('that is closed', () => {
    const farewell = { online: false, asleep: 60, will: false };
    const before = async (fields: object): Promise<readonly string[]> => {
      await cloud.next('state', { ...fields });
      return cloud.seen.map(({ on }) => on);
    };

    it('delivers what waits before it says goodbye, also right after connect', async () => {
      const device = deviceOf();
      await device.connect();
      device.report(BATTERY, { percentage: 5 });
      await device.close({ asleepSeconds: 60 });
      expect((await before(farewell)).slice(-2)).toEqual([`reported/${BATTERY}`, 'state']);
    });

    it('delivers at once what it would have spread, and what a former process could not deliver', async () => {
      const store = memoryStore();
      store.write({ reports: new Map([[BATTERY, { percentage: 4 }]]) });
      const device = deviceOf({ store, broker: { reconnect: { reportSpreadMs: 1000 } } }, { clock: manualClock() });
      await device.connect();
      await device.close();
      expect((await before({ online: false, will: false })).slice(-2)).toEqual([`reported/${BATTERY}`, 'state']);
    });

    it('ends after 3 s without a broker, and at once where nothing waits', async () => {
      await broker.close();
      const clock = manualClock();
      const device = deviceOf({}, { clock });
      await device.connect();
      device.report(BATTERY, { percentage: 3 });
      const closed = device.close();
      clock.advance(3000);
      await closed;
      const silent = deviceOf({}, { clock });
      await silent.connect();
      await silent.close();
      await restartBroker();
    });
  });

  it('sends empty heartbeats at its interval', async () => {
    const clock = manualClock();
    const online = Promise.withResolvers<void>();
    const onEvent = ({ kind }: DeviceEvent): void => void (kind === 'online' && online.resolve());
    const device = deviceOf({ announce: { heartbeatSeconds: 10 }, onEvent }, { clock });
    await device.connect();
    await online.promise;
    clock.advance(10_000);
    expect((await cloud.next('heartbeat')).json).toBeUndefined();
  });

  it('answers a foreign farewell on its own topic once a session, after 1 to 5 s', async () => {
    const clock = manualClock();
    const device = deviceOf({}, { clock });
    await device.connect();
    const birth = await cloud.next('state', { online: true });
    const session = birth.json?.['session'];
    await cloud.publish('state', '{"online": false, "session": "someone-else"}');
    // The device's report comes after it has read the farewell that was published before the request for it.
    device.report(BATTERY, {});
    await cloud.next(`reported/${BATTERY}`);
    const [waitMs = 0] = clock.pending;
    expect(waitMs).toBeGreaterThanOrEqual(1000);
    expect(waitMs).toBeLessThanOrEqual(5000);
    clock.advance(5000);
    await cloud.next('state', { online: true, session });
    await cloud.publish('state', '{"online": false, "session": "someone-else"}');
    device.report(BATTERY, {});
    await cloud.next(`reported/${BATTERY}`);
    expect(clock.pending).toEqual([]);
  });

  it('comes back when another process that cut it off with its client id is gone', async () => {
    const cut = Promise.withResolvers<void>();
    const back = Promise.withResolvers<void>();
    let isOther = false;
    const first = deviceOf({
      onEvent: ({ kind }) => {
        if (kind === 'offline') cut.resolve();
        if (kind === 'online' && isOther) back.resolve();
      },
    });
    await first.connect();
    await cloud.next('state', { online: true });
    isOther = true;
    const second = deviceOf();
    await second.connect();
    await cut.promise;
    second.destroy();
    await back.promise;
    expect(first.isOnline).toBe(true);
  });

  it('tells of another process with its id and leaves it alone', async () => {
    const told = Promise.withResolvers<DeviceEvent>();
    const device = deviceOf({ onEvent: (event) => event.kind === 'duplicate' && told.resolve(event) });
    await device.connect();
    await cloud.next('state', { online: true });
    await cloud.publish('state', '{"online": true, "session": "someone-else"}');
    expect(await told.promise).toEqual({ kind: 'duplicate', session: 'someone-else' });
  });

  it('says why it cannot connect, and waits a random time before it tries again', async () => {
    const told = Promise.withResolvers<DeviceEvent>();
    await broker.close();
    await deviceOf({ onEvent: told.resolve }).connect();
    const event = await told.promise;
    expect(event).toMatchObject({ kind: 'offline', reason: expect.stringContaining('refused; check broker.url') });
    await restartBroker();
  });
});
