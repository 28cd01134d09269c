import { describe, expect, it } from '@jest/globals';
import { startStrictBroker } from '../../test/fakes/strict-broker.ts';
import { Rejected, memoryStore } from './index.ts';
import type { Applied, Device, DeviceEvent, DeviceStore } from './index.ts';
import { connectCloud, entry } from './testing/cloud.ts';
import { manualClock } from './testing/manual-clock.ts';
import { RATE, BATTERY, cloud, deviceOf, apply } from './testing/connected-devices.ts';

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
});
