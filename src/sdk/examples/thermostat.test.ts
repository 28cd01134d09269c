import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startBroker } from '../../dev/broker.ts';
import type { DevBroker } from '../../dev/broker.ts';
import { connectCloud, entry } from '../testing/cloud.ts';
import type { Cloud } from '../testing/cloud.ts';

const PROGRAM = fileURLToPath(new URL('thermostat.ts', import.meta.url));
const request = (mode: string, duration: number) => ({ mode, duration, requestId: '' });

let broker: DevBroker;
let cloud: Cloud;
let folder: string;
let process_: ChildProcess;

function start(): void {
  process_ = spawn(process.execPath, [PROGRAM, broker.url, 't1', join(folder, 'twin.db')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function kill(): Promise<void> {
  if (process_.exitCode !== null || process_.signalCode !== null) return;
  const gone = once(process_, 'exit');
  process_.kill('SIGKILL');
  await gone;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mir-thermostat-'));
  broker = await startBroker();
  cloud = await connectCloud(broker.url, 't1');
  start();
});
afterEach(async () => {
  await kill();
  await cloud.close();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the thermostat', () => {
  it('samples at the desired rate, and knows its threshold', async () => {
    await cloud.desire({
      'sensor.v1.SampleRate': entry(1, { intervalSeconds: 1 }),
      'sensor.v1.AlertThreshold': entry(1, { maxTemp: 18, minTemp: 17 }),
    });
    const { json } = await cloud.next('reported/climate.v1.State');
    expect(json?.['value']).toEqual({ isAlert: true, celsius: expect.any(Number) });
    await cloud.desire({ 'sensor.v1.SampleRate': entry(2, { intervalSeconds: 0 }) });
    await cloud.next('reported/sensor.v1.SampleRate', {
      status: 'rejected',
      reason: 'intervalSeconds must be a number from 1 to 86400',
    });
  });

  it('goes back to the former mode when the time of one is over, and does not begin again at a restart', async () => {
    const status = 'reported/device.v1.ModeStatus';
    await cloud.desire({ 'device.v1.Mode': entry(1, { mode: 'eco' }) });
    await cloud.next(status, { value: { mode: 'eco', formerMode: 'eco', request: request('eco', 0) } });
    const maintenance = { mode: 'maintenance', duration: 1 };
    await cloud.desire({ 'device.v1.Mode': entry(2, maintenance) });
    await cloud.next('reported/device.v1.Mode', { status: 'applied', value: maintenance });
    const over = { mode: 'eco', formerMode: 'eco', secondsLeft: 0, request: request('maintenance', 1) };
    expect(cloud.seen.findLast(({ on }) => on === status)?.json?.['value']).toEqual(over);
    await kill();
    const before = cloud.seen.length;
    start();
    await cloud.next('state', { online: true });
    await cloud.next(status, { value: over });
    expect(JSON.stringify(cloud.seen.slice(before))).not.toContain('"secondsLeft":1');
  });

  it('says how far its update is and goes on with it after a power cut, and does it once', async () => {
    const update = { version: '2.4.1', url: 'https://example.com/2.4.1.bin', requestId: 'r1' };
    await cloud.desire({ 'firmware.v1.Update': entry(1, update) });
    const half = { status: 'accepted', value: { runningVersion: '1.0.0', percent: 50 } };
    await cloud.next('reported/firmware.v1.Update', half);
    await kill();
    start();
    await cloud.next('reported/firmware.v1.Update', half);
    const done = { status: 'applied', value: { ...update, runningVersion: '2.4.1' } };
    await cloud.next('reported/firmware.v1.Update', done);
    await kill();
    const before = cloud.seen.length;
    start();
    await cloud.next('reported/firmware.v1.Update', done);
    expect(JSON.stringify(cloud.seen.slice(before))).not.toContain('percent');
  });

  it('says goodbye when it is stopped', async () => {
    await cloud.next('state', { online: true });
    process_.kill('SIGTERM');
    await cloud.next('state', { online: false, will: false });
  });
});
