import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { delay } from '../../base/clock.ts';
import { startBroker } from '../../dev/broker.ts';
import type { DevBroker } from '../../dev/broker.ts';
import { createDevice, memoryStore } from '../index.ts';
import type { Device, DeviceStore, MessageValue } from '../index.ts';
import { connectCloud, entry } from '../testing/cloud.ts';
import { briskOptions } from '../testing/brisk-options.ts';
import type { Cloud } from '../testing/cloud.ts';
import { keepModes } from './timed-mode.ts';

const MODE = 'device.v1.Mode';
const HOUR_MS = 3_600_000;

let broker: DevBroker;
let cloud: Cloud;
let clock: FakeClock;
let store: DeviceStore;
let device: Device;
let mode: () => string;
let entered: string[];
let revision: number;

beforeEach(async () => {
  broker = await startBroker();
  cloud = await connectCloud(broker.url, 'd1');
  store = memoryStore();
  revision = 0;
  await start();
});
afterEach(async () => {
  device.destroy();
  await cloud.close();
  await broker.close();
});

/** The device with a clock of its own, which has counted nothing yet. */
async function start(): Promise<void> {
  clock = new FakeClock(0);
  entered = [];
  device = createDevice(briskOptions(broker.url, { store }));
  mode = keepModes(device, {
    modes: ['normal', 'eco', 'maintenance'],
    onMode: (next) => entered.push(next),
    sleep: (ms) => delay(clock, ms),
  });
  await device.connect();
  await cloud.next('state', { online: true });
}

async function restart(): Promise<void> {
  device.destroy();
  await cloud.next('state', { online: false });
  await start();
}

/** Desires a value and waits until the device has answered. */
async function desire(value: MessageValue): Promise<void> {
  revision += 1;
  await cloud.desire({ [MODE]: entry(revision, value) });
  await cloud.next(`reported/${MODE}`, { revision });
}

async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
}

const MAINTENANCE = { mode: 'maintenance', duration: 3600 };

describe('a mode with a duration', () => {
  it('is on at once, and ends with the mode before it', async () => {
    await desire({ mode: 'eco' });
    await desire(MAINTENANCE);
    expect(mode()).toBe('maintenance');
    await pass(HOUR_MS - 1);
    expect(mode()).toBe('maintenance');
    await pass(1);
    expect([mode(), entered]).toEqual(['eco', ['eco', 'maintenance', 'eco']]);
    await cloud.next(`reported/${MODE}`, { status: 'applied', value: MAINTENANCE });
  });

  it('goes on with what is left after a restart, and does not begin again when it is over', async () => {
    await desire(MAINTENANCE);
    await pass(HOUR_MS - 60_000);
    await restart();
    await cloud.next(`reported/${MODE}`, { revision });
    expect([mode(), entered]).toEqual(['maintenance', ['maintenance']]);
    await pass(59_999);
    expect(mode()).toBe('maintenance');
    await pass(1);
    expect(mode()).toBe('normal');
    await cloud.next(`reported/${MODE}`, { status: 'applied' });
    await restart();
    await cloud.next(`reported/${MODE}`, { status: 'applied' });
    expect([mode(), entered]).toEqual(['normal', []]);
  });

  it('ends where another timed one began: not in that one', async () => {
    await desire({ mode: 'eco', duration: 60 });
    await desire(MAINTENANCE);
    await pass(HOUR_MS);
    expect([mode(), entered]).toEqual(['normal', ['eco', 'maintenance', 'normal']]);
  });

  it('begins again for another request, and for another duration', async () => {
    await desire({ ...MAINTENANCE, requestId: 'a' });
    await pass(HOUR_MS - 1);
    await desire({ ...MAINTENANCE, requestId: 'b' });
    await pass(HOUR_MS - 1);
    expect(mode()).toBe('maintenance');
    await desire({ mode: 'maintenance', duration: 10, requestId: 'b' });
    await pass(10_000);
    expect(mode()).toBe('normal');
  });

  it('gives way to a mode that does not end', async () => {
    await desire(MAINTENANCE);
    await desire({ mode: 'eco' });
    await pass(2 * HOUR_MS);
    expect(mode()).toBe('eco');
  });

  it('ends at once when it is no longer desired', async () => {
    await desire(MAINTENANCE);
    await cloud.desire({});
    await cloud.next(`reported/${MODE}`, { status: undefined });
    expect(mode()).toBe('normal');
  });

  it.each([
    [{ mode: 'party' }, 'mode must be one of normal, eco, maintenance'],
    [{ mode: 'eco', duration: '60s' }, 'duration must be a whole number of seconds from 0 to 604800'],
    [{ mode: 'eco', duration: -1 }, 'duration must be a whole number of seconds from 0 to 604800'],
  ])('is not disturbed by %j, which is rejected', async (value, reason) => {
    await desire(MAINTENANCE);
    revision += 1;
    await cloud.desire({ [MODE]: entry(revision, value) });
    await cloud.next(`reported/${MODE}`, { revision, status: 'rejected', reason });
    expect(mode()).toBe('maintenance');
    await pass(HOUR_MS);
    expect(mode()).toBe('normal');
  });
});
