import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startStrictBroker } from '../../test/fakes/strict-broker.ts';
import { startBroker } from '../dev/broker.ts';
import type { DevBroker } from '../dev/broker.ts';
import { assembleDevice } from './device.ts';
import type { DeviceParts } from './device.ts';
import { Rejected, memoryStore } from './index.ts';
import type { Applied, Device, DeviceEvent, DeviceStore } from './index.ts';
import { briskOptions } from './testing/brisk-options.ts';
import type { BriskOptions } from './testing/brisk-options.ts';
import { connectCloud, entry } from './testing/cloud.ts';
import type { Cloud } from './testing/cloud.ts';
import { manualClock } from './testing/manual-clock.ts';

const RATE = 'sensor.v1.SampleRate';
const BATTERY = 'sensor.v1.BatteryStatus';

let broker: DevBroker;
let cloud: Cloud;
const devices: Device[] = [];

beforeEach(async () => {
  broker = await startBroker();
  cloud = await connectCloud(broker.url, 'd1');
});

afterEach(async () => {
  for (const device of devices.splice(0)) device.destroy();
  await cloud.close();
  await broker.close();
});

function deviceOf(options: BriskOptions = {}, parts: DeviceParts = {}): Device {
  const device = assembleDevice(briskOptions(broker.url, options), parts);
  devices.push(device);
  return device;
}

const apply = (): void => {};

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
    broker = await startBroker({ port: broker.port });
    cloud = await connectCloud(broker.url, 'd1');
    const second = await cloud.next('state', { online: true });
    expect(second.json?.['session']).not.toBe(first?.json?.['session']);
    expect((await cloud.next(`reported/${BATTERY}`)).json).toEqual({ version: 1, value: { percentage: 85 } });
    expect(cloud.seen.filter(({ on }) => on === `reported/${BATTERY}`)).toHaveLength(1);
  });
});

describe('a device', () => {
  it('gets what was desired while it was offline, exactly once and only the newest', async () => {
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 10 }) });
    await cloud.desire({ [RATE]: entry(2, { intervalSeconds: 20 }) });
    const applied: unknown[] = [];
    const device = deviceOf();
    device.onDesired(RATE, (value) => {
      applied.push(value);
    });
    await device.connect();
    await cloud.next(`reported/${RATE}`, { revision: 2, status: 'applied' });
    expect(applied).toEqual([{ intervalSeconds: 20 }]);
  });

  it('acknowledges before it applies when applying takes time', async () => {
    const finish = Promise.withResolvers<Applied>();
    const device = deviceOf();
    device.onDesired(RATE, () => finish.promise);
    await device.connect();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 10 }) });
    const acknowledged = await cloud.next(`reported/${RATE}`);
    expect(acknowledged.json).toEqual({ version: 1, uid: 'uid-1', revision: 1, status: 'accepted' });
    finish.resolve({ value: { intervalSeconds: 11 } });
    const applied = await cloud.next(`reported/${RATE}`);
    expect(applied.json).toMatchObject({ status: 'applied', value: { intervalSeconds: 11 } });
  });

  it('says no with a reason, and goes on reporting what it has', async () => {
    const device = deviceOf();
    device.onDesired(RATE, (value) => {
      if (value['intervalSeconds'] === 0) throw new Rejected('must be positive');
    });
    await device.connect();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 5 }) });
    await cloud.next(`reported/${RATE}`, { revision: 1, status: 'applied' });
    await cloud.desire({ [RATE]: entry(2, { intervalSeconds: 0 }) });
    expect((await cloud.next(`reported/${RATE}`, { revision: 2 })).json).toMatchObject({
      status: 'rejected',
      reason: 'must be positive',
      value: { intervalSeconds: 5 },
    });
    device.report(RATE, { intervalSeconds: 6 });
    expect((await cloud.next(`reported/${RATE}`, { value: { intervalSeconds: 6 } })).json).toMatchObject({
      revision: 2,
      status: 'rejected',
      reason: 'must be positive',
    });
  });

  it('rejects a message that nobody handles', async () => {
    const device = deviceOf();
    await device.connect();
    await cloud.desire({ [RATE]: entry(1, {}) });
    expect((await cloud.next(`reported/${RATE}`, { status: 'rejected' })).json).toMatchObject({
      reason: `this device has no handler for ${RATE}`,
    });
  });

  it('says that a handler failed, and tries it again later and later until it works', async () => {
    const clock = manualClock();
    const device = deviceOf({ onEvent: () => {} }, { clock });
    let failures = 0;
    device.onDesired(RATE, () => {
      failures += 1;
      if (failures <= 2) throw new Error(`no answer from register ${failures}`);
    });
    await device.connect();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 1 }) });
    for (const [failure, mostMs] of [
      [1, 1000],
      [2, 2000],
    ] as const) {
      const reason = `not applied yet, handler failed: no answer from register ${failure}`;
      await cloud.next(`reported/${RATE}`, { status: 'accepted', reason });
      const [waitMs = 0] = clock.pending;
      expect(waitMs).toBeGreaterThanOrEqual(mostMs / 2);
      expect(waitMs).toBeLessThanOrEqual(mostMs);
      clock.advance(waitMs);
    }
    const applied = await cloud.next(`reported/${RATE}`, { status: 'applied' });
    expect(applied.json).not.toHaveProperty('reason');
    expect(failures).toBe(3);
  });

  it('sends no more at one time than the broker takes, and all of it in the end', async () => {
    await using strict = await startStrictBroker(10);
    const values = Array.from({ length: 40 }, (_, at) => ({ at }));
    const heard = await connectCloud(strict.url, 'd1');
    const device = deviceOf({ broker: { url: strict.url } });
    for (const value of values) device.report(`sensor.v1.M${value.at}`, value);
    await device.connect();
    for (const value of values) await heard.next(`reported/sensor.v1.M${value.at}`, { value });
    await device.close();
    await heard.close();
    expect(strict.cut).toBe(0);
  });

  it('aborts the handler that a newer value overtakes, and reports only the newer result', async () => {
    const device = deviceOf();
    const revisions: number[] = [];
    device.onDesired(RATE, (_, { revision, signal }) => {
      revisions.push(revision);
      if (revision > 1) return undefined;
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ value: { overtaken: true } }));
      });
    });
    await device.connect();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 1 }) });
    await cloud.next(`reported/${RATE}`, { status: 'accepted', revision: 1 });
    await cloud.desire({ [RATE]: entry(2, { intervalSeconds: 2 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied', revision: 2 });
    expect(revisions).toEqual([1, 2]);
    expect(JSON.stringify(cloud.seen)).not.toContain('overtaken');
  });

  it('confirms an equal value under a new revision or owner without running its handler', async () => {
    const device = deviceOf();
    let runs = 0;
    device.onDesired(RATE, () => {
      runs += 1;
    });
    await device.connect();
    await cloud.desire({ [RATE]: entry(5, { a: 1, b: 2 }) });
    await cloud.next(`reported/${RATE}`, { revision: 5, status: 'applied' });
    await cloud.desire({ [RATE]: entry(6, { b: 2, a: 1 }) });
    await cloud.next(`reported/${RATE}`, { revision: 6, status: 'applied' });
    await cloud.desire({ [RATE]: entry(1, { a: 1, b: 2 }) }, { uid: 'uid-2' });
    await cloud.next(`reported/${RATE}`, { uid: 'uid-2', revision: 1, status: 'applied' });
    expect(runs).toBe(1);
  });

  it('drops what is no longer desired and tells the handler', async () => {
    const device = deviceOf();
    const dropped = Promise.withResolvers<void>();
    device.onDesired(RATE, apply, () => dropped.resolve());
    await device.connect();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 1 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    await cloud.desire({});
    await dropped.promise;
    expect((await cloud.next(`reported/${RATE}`)).json).toEqual({ version: 1, value: { intervalSeconds: 1 } });
  });

  it('keeps its values across a restart, reports them with their decision and gives them to its handlers', async () => {
    const store = memoryStore();
    const first = deviceOf({ store });
    first.onDesired(RATE, apply);
    await first.connect();
    await cloud.desire({ [RATE]: entry(4, { intervalSeconds: 9 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    await first.close();
    await cloud.publish('desired', '', true);

    const second = deviceOf({ store });
    const applied = Promise.withResolvers<unknown>();
    second.onDesired(RATE, (value) => {
      applied.resolve(value);
    });
    await second.connect();
    expect(await applied.promise).toEqual({ intervalSeconds: 9 });
    expect((await cloud.next('state', { online: true })).json).toMatchObject({
      uid: 'uid-1',
      revision: 4,
      reports: [RATE],
    });
    expect((await cloud.next(`reported/${RATE}`)).json).toMatchObject({ revision: 4, status: 'applied' });
  });

  it('does not carry out again at a restart what is done for good', async () => {
    const store = memoryStore();
    let runs = 0;
    const start = async (): Promise<Device> => {
      const device = deviceOf({ store });
      device.onDesired('fw.v1.Update', () => {
        runs += 1;
        return { done: true };
      });
      await device.connect();
      return device;
    };
    const first = await start();
    await cloud.desire({ 'fw.v1.Update': entry(1, { version: '2.0' }) });
    await cloud.next('reported/fw.v1.Update', { status: 'applied' });
    await first.close();
    await start();
    await cloud.next('reported/fw.v1.Update', { status: 'applied' });
    expect(runs).toBe(1);
  });

  it('names a message in its birth before it reports it for the first time', async () => {
    const device = deviceOf();
    await device.connect();
    await cloud.next('state', { online: true, reports: [] });
    device.report(BATTERY, { percentage: 1 });
    await cloud.next('state', { online: true, reports: [BATTERY] });
    expect(await cloud.next(`reported/${BATTERY}`)).toMatchObject({ json: { value: { percentage: 1 } } });
  });

  it('reports everything again when asked', async () => {
    const device = deviceOf();
    await device.connect();
    device.report(BATTERY, { percentage: 1 });
    await cloud.next(`reported/${BATTERY}`);
    await cloud.publish('get', 'reported');
    expect(await cloud.next(`reported/${BATTERY}`)).toMatchObject({ json: { value: { percentage: 1 } } });
  });

  it.each([
    ['is disabled and enabled again', () => cloud.desire({}, { disabled: true })],
    ['loses its object and has one again', () => cloud.publish('desired', '', true)],
  ])('keeps what it has when it %s, and then says everything anew', async (_, cutOff) => {
    const device = deviceOf();
    let drops = 0;
    device.onDesired(RATE, apply, () => (drops += 1));
    await device.connect();
    device.report(BATTERY, { percentage: 1 });
    await cloud.next(`reported/${BATTERY}`);
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 1 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    await cutOff();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 1 }) });
    await cloud.next('state', { online: true, revision: 1 });
    await cloud.next(`reported/${BATTERY}`);
    await cloud.next(`reported/${RATE}`, { revision: 1, status: 'applied' });
    expect(drops).toBe(0);
  });

  it('acknowledges nothing that it could not store, and tries again', async () => {
    const clock = manualClock();
    const store = memoryStore();
    const failed = Promise.withResolvers<DeviceEvent>();
    let isFull = true;
    const full: DeviceStore = {
      ...store,
      write(change) {
        if (isFull) throw new Error('disk full');
        store.write(change);
      },
    };
    const onEvent = (event: DeviceEvent): void => void (event.kind === 'failed' && failed.resolve(event));
    const device = deviceOf({ store: full, onEvent }, { clock });
    device.onDesired(RATE, apply);
    await device.connect();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 1 }) });
    expect(await failed.promise).toEqual({ kind: 'failed', what: 'store', reason: 'disk full' });
    expect(cloud.seen.filter(({ on }) => on.startsWith('reported'))).toEqual([]);
    isFull = false;
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(5000);
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    expect(store.load().entries.get(RATE)).toMatchObject({ revision: 1 });
  });

  it('ignores a document it cannot read and says so', async () => {
    const failed = Promise.withResolvers<DeviceEvent>();
    const device = deviceOf({
      announce: { maxBytes: 300 },
      onEvent: (event) => event.kind === 'failed' && failed.resolve(event),
    });
    device.onDesired(RATE, apply);
    await device.connect();
    await cloud.next('state', { online: true, maxBytes: 300 });
    await cloud.desire({ [RATE]: entry(1, { text: 'x'.repeat(300) }) });
    expect(await failed.promise).toMatchObject({
      what: 'desired document',
      reason: expect.stringMatching(/^TooLarge: /),
    });
    await cloud.desire({ [RATE]: entry(2, { intervalSeconds: 1 }) });
    await cloud.next(`reported/${RATE}`, { revision: 2, status: 'applied' });
  });

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
      broker = await startBroker({ port: broker.port });
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
    broker = await startBroker({ port: broker.port });
  });
});
