import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startBroker } from '../dev/broker.ts';
import type { DevBroker } from '../dev/broker.ts';
import type { BrokerOptions } from '../sdk/index.ts';
import { briskOptions } from '../sdk/testing/brisk-options.ts';
import { connectCloud, entry } from '../sdk/testing/cloud.ts';
import type { Cloud } from '../sdk/testing/cloud.ts';
import { manualClock } from '../sdk/testing/manual-clock.ts';
import { SAMPLE_DEVICE } from './models.ts';
import { createSimulatedDevice, describeEvent } from './simulated-device.ts';
import type { SimulatedDevice, SimulatedDeviceOptions } from './simulated-device.ts';

const RATE = 'sensor.v1.SampleRate';
const BATTERY = 'sensor.v1.BatteryStatus';

let broker: DevBroker;
let cloud: Cloud;
let device: SimulatedDevice;

beforeEach(async () => {
  broker = await startBroker();
  cloud = await connectCloud(broker.url, 'temp-sensor-01');
});
afterEach(async () => {
  device.die();
  await cloud.close();
  await broker.close();
});

async function start(options: Partial<SimulatedDeviceOptions> = {}, more: Partial<BrokerOptions> = {}): Promise<void> {
  const common = briskOptions(broker.url, { deviceId: 'temp-sensor-01', broker: more });
  device = createSimulatedDevice({ ...SAMPLE_DEVICE, device: common, ...options });
  await device.start();
}

describe.each([5, 4] as const)('a simulated device on MQTT protocol level %i', (protocolVersion) => {
  it('reports its battery and applies its sample rate', async () => {
    await start({}, { protocolVersion });
    await cloud.next('state', { online: true });
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied', value: { intervalSeconds: 60 } });
    expect(device.applied).toEqual([{ message: RATE, revision: 1, value: { intervalSeconds: 60 } }]);
    expect(cloud.seen.find(({ on }) => on === `reported/${BATTERY}`)?.json).toEqual({
      version: 1,
      value: { percentage: 87, voltage: 3.2 },
    });
  });

  it('dies with its last will, forgets what it applied in memory, and keeps its store', async () => {
    await start({}, { protocolVersion });
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    device.die();
    await cloud.next('state', { online: false, will: true });
    expect(device.isOnline).toBe(false);
    await device.start();
    expect((await cloud.next('state', { online: true })).json).toMatchObject({ revision: 1 });
    await cloud.next(`reported/${RATE}`, { status: 'applied', revision: 1 });
  });
});

describe('a simulated device', () => {
  it('rejects what its model does not take, and what it is told to reject', async () => {
    await start();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 0 }) });
    const refused = await cloud.next(`reported/${RATE}`, { status: 'rejected', revision: 1 });
    expect(refused.json?.['reason']).toBe('intervalSeconds must be a number of at least 1');
    device.reject((message, value) => (value['intervalSeconds'] === 7 ? `${message} is unlucky` : undefined));
    await cloud.desire({ [RATE]: entry(2, { intervalSeconds: 7 }) });
    expect((await cloud.next(`reported/${RATE}`, { revision: 2, status: 'rejected' })).json).toMatchObject({
      reason: `${RATE} is unlucky`,
    });
    device.reject(undefined);
    await cloud.desire({ [RATE]: entry(3, { intervalSeconds: 0 }) });
    await cloud.next(`reported/${RATE}`, { revision: 3, status: 'applied' });
    expect(device.applied.map(({ revision }) => revision)).toEqual([3]);
  });

  it('acknowledges at once and applies after its delay', async () => {
    const clock = manualClock();
    await start({ parts: { clock }, applyDelayMs: 500 });
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 5 }) });
    await cloud.next(`reported/${RATE}`, { status: 'accepted' });
    expect(device.applied).toEqual([]);
    clock.advance(500);
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    expect(device.applied).toHaveLength(1);
  });

  it('drifts, under the decision that it last reported', async () => {
    await start();
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 5, unit: 's' }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    device.drift(RATE, { intervalSeconds: 6 });
    const drifted = await cloud.next(`reported/${RATE}`, { value: { intervalSeconds: 6, unit: 's' } });
    expect(drifted.json).toMatchObject({ status: 'applied', revision: 1 });
  });

  it('says goodbye when it goes offline or to sleep, and gets what it missed', async () => {
    await start();
    await cloud.next('state', { online: true });
    await device.goOffline();
    expect((await cloud.next('state', { online: false })).json).not.toHaveProperty('asleep');
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 5 }) });
    await device.start();
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    await device.sleep(3600);
    expect((await cloud.next('state', { online: false })).json).toMatchObject({ asleep: 3600, will: false });
  });

  it('carries out a firmware update once, whatever happens to its power', async () => {
    await start();
    await cloud.desire({ 'firmware.v1.Update': entry(1, { version: '2.0' }) });
    await cloud.next('reported/firmware.v1.Update', { status: 'applied' });
    device.die();
    await device.start();
    await cloud.next('reported/firmware.v1.Update', { status: 'applied' });
    expect(device.applied).toHaveLength(1);
  });
});

describe('describeEvent', () => {
  it.each([
    [{ kind: 'online', session: 's' }, 'd: online'],
    [{ kind: 'offline', reason: 'connection lost', retryInMs: 7 }, 'd: offline: connection lost; next attempt in 7 ms'],
    [{ kind: 'desired', message: 'a.B', revision: 1, value: { x: 1 } }, 'd: desired a.B revision 1: {"x":1}'],
    [
      { kind: 'decided', message: 'a.B', revision: 1, status: 'applied', reason: undefined },
      'd: applied a.B revision 1',
    ],
    [
      { kind: 'decided', message: 'a.B', revision: 1, status: 'rejected', reason: 'no' },
      'd: rejected a.B revision 1: no',
    ],
    [{ kind: 'dropped', message: 'a.B' }, 'd: a.B is no longer desired'],
    [{ kind: 'failed', what: 'store', reason: 'disk full' }, 'd: store failed: disk full'],
  ] as const)('says %j in words', (event, line) => {
    expect(describeEvent('d', event)).toBe(line);
  });
});

describe('a simulated device that leaves', () => {
  it('is cut off by dying, although it still tries to say goodbye', async () => {
    await start({ parts: { clock: manualClock() } }, { url: 'mqtt://127.0.0.1:1' });
    const left = device.goOffline();
    device.die();
    await left;
    expect(device.isOnline).toBe(false);
  });
});
