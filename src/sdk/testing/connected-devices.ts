import { afterEach, beforeEach } from '@jest/globals';
import { startBroker } from '../../dev/broker.ts';
import type { DevBroker } from '../../dev/broker.ts';
import { assembleDevice } from '../device.ts';
import type { DeviceParts } from '../device.ts';
import type { Device } from '../index.ts';
import { briskOptions } from './brisk-options.ts';
import type { BriskOptions } from './brisk-options.ts';
import { connectCloud } from './cloud.ts';
import type { Cloud } from './cloud.ts';

export const RATE = 'sensor.v1.SampleRate';
export const BATTERY = 'sensor.v1.BatteryStatus';

export let broker: DevBroker;
export let cloud: Cloud;
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

/** Another broker at the same address, with nothing stored. */
export async function restartBroker(): Promise<void> {
  broker = await startBroker({ port: broker.port });
}

export async function connectCloudAgain(): Promise<void> {
  cloud = await connectCloud(broker.url, 'd1');
}

export function deviceOf(options: BriskOptions = {}, parts: DeviceParts = {}): Device {
  return destroyedAfter(assembleDevice(briskOptions(broker.url, options), parts));
}

/** Has `device` destroyed when the test is over. */
export function destroyedAfter(device: Device): Device {
  devices.push(device);
  return device;
}

export const apply = (): void => {};
