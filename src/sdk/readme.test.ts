/** Runs the programs of README.md: the first as it stands, the others as parts of it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startBroker } from '../dev/broker.ts';
import type { DevBroker } from '../dev/broker.ts';
import { connectCloud, entry } from './testing/cloud.ts';
import type { Cloud } from './testing/cloud.ts';

const README = readFileSync(new URL('README.md', import.meta.url), 'utf8');
/** What is installed beside the programs. */
const PACKAGES = { 'mir-device': import.meta.dirname, zod: join(import.meta.dirname, '../../node_modules/zod') };
const TIMED_MODE = pathToFileURL(join(import.meta.dirname, 'examples/timed-mode.ts')).href;
const programs = [...README.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code ?? '');
const [first = '', second = ''] = programs.filter((code) => code.includes('createDevice'));
const parts = programs.filter((code) => !code.includes('createDevice'));

let broker: DevBroker;
let cloud: Cloud;
let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mir-readme-'));
  mkdirSync(join(folder, 'node_modules'));
  for (const [name, target] of Object.entries(PACKAGES)) symlinkSync(target, join(folder, 'node_modules', name));
  broker = await startBroker();
  cloud = await connectCloud(broker.url, 'temp-sensor-01');
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  await cloud.close();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The first device, with the part that contains `word` before it connects. */
function start(word?: string) {
  const part = word === undefined ? '' : parts.find((code) => code.includes(word));
  if (part === undefined) throw new Error(`no program of the README has ${word}`);
  return run(first.replace('await device.connect()', () => `${part}\nawait device.connect()`));
}

function run(code: string) {
  const program = join(folder, 'device.ts');
  const here = code
    .replace('./timed-mode.ts', TIMED_MODE)
    .replace('mqtt://localhost:1883', broker.url)
    // The newest value takes the place of one that waits to be sent: on a busy machine that takes a while.
    .replace('resolve, 50)', 'resolve, 2000)');
  writeFileSync(program, here);
  const child = spawn(process.execPath, [program], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return { lines, exited, kill };
}

describe('the programs of the README', () => {
  it('are all run here', () => {
    expect(parts.map((code) => /'(\w+\.v1\.\w+)'|asleepSeconds|keepModes/.exec(code)?.[0])).toEqual([
      "'wifi.v1.Settings'",
      'keepModes',
      "'features.v1.Flags'",
      "'firmware.v1.Update'",
      'asleepSeconds',
    ]);
  });

  it('begin with a device in 15 lines', async () => {
    expect(first.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(15);
    const { lines } = start();
    await cloud.next('reported/sensor.v1.BatteryStatus', { value: { percentage: 87, voltage: 3.2 } });
    await cloud.desire({ 'sensor.v1.SampleRate': entry(1, { intervalSeconds: 60 }) });
    await cloud.next('reported/sensor.v1.SampleRate', { status: 'applied' });
    expect(lines).toEqual(['sampling every 60 s']);
  });

  it('go on with one whose messages have types and parsers', async () => {
    const { lines } = run(second);
    await cloud.next('reported/sensor.v1.BatteryStatus', { value: { percentage: 87, voltage: 3.2 } });
    await cloud.desire({ 'sensor.v1.SampleRate': entry(1, { intervalSeconds: 0 }) });
    const reason = 'intervalSeconds: Too small: expected number to be >=1';
    await cloud.next('reported/sensor.v1.SampleRate', { status: 'rejected', reason });
    expect(README).toContain(reason);
    await cloud.desire({ 'sensor.v1.SampleRate': entry(2, { intervalSeconds: 60 }) });
    await cloud.next('reported/sensor.v1.SampleRate', { status: 'applied' });
    expect(lines).toEqual(['every 60.0 s']);
  });

  it('reject, and take back', async () => {
    const { lines } = start('wifi.v1');
    await cloud.desire({ 'wifi.v1.Settings': entry(1, { ssid: '' }) });
    await cloud.next('reported/wifi.v1.Settings', { status: 'rejected', reason: 'ssid must not be empty' });
    await cloud.desire({ 'wifi.v1.Settings': entry(2, { ssid: 'plant', password: 'secret' }) });
    await cloud.next('reported/wifi.v1.Settings', { status: 'applied', value: { ssid: 'plant' } });
    await cloud.desire({});
    await cloud.next('reported/wifi.v1.Settings', { status: undefined });
    expect(lines).toEqual(['joining plant', 'back to the cable']);
  });

  it('end a mode when its time is over, and go on with it after a restart', async () => {
    const { lines, kill } = start('keepModes');
    const status = 'reported/device.v1.ModeStatus';
    const request = { mode: 'maintenance', duration: 3600, requestId: '' };
    await cloud.desire({ 'device.v1.Mode': entry(1, { mode: 'maintenance', duration: 3600 }) });
    await cloud.next('reported/device.v1.Mode', { status: 'accepted', value: { mode: 'maintenance', duration: 3600 } });
    await kill();
    const again = start('keepModes');
    await cloud.next('state', { online: true });
    await cloud.next(status, { value: { mode: 'maintenance', formerMode: 'normal', secondsLeft: 3600, request } });
    await cloud.desire({ 'device.v1.Mode': entry(2, { mode: 'eco' }) });
    await cloud.next('reported/device.v1.Mode', { status: 'applied', revision: 2 });
    expect([lines, again.lines]).toEqual([['mode maintenance'], ['mode maintenance', 'mode eco']]);
  });

  it('switch features', async () => {
    const { lines } = start('features.v1');
    await cloud.desire({ 'features.v1.Flags': entry(1, { enableAdvancedMetrics: true }) });
    await cloud.next('reported/features.v1.Flags', { status: 'applied', revision: 1 });
    await cloud.desire({ 'features.v1.Flags': entry(2, {}) });
    await cloud.next('reported/features.v1.Flags', { status: 'applied', revision: 2 });
    expect(lines).toEqual(['advanced metrics on', 'advanced metrics off']);
  });

  it('update the firmware and say how far they are', async () => {
    const { lines } = start('firmware.v1');
    await cloud.desire({ 'firmware.v1.Update': entry(1, { version: '2.0', requestId: 'r1' }) });
    await cloud.next('reported/firmware.v1.Update', { status: 'accepted', value: { percent: 50 } });
    await cloud.next('reported/firmware.v1.Update', { status: 'applied', value: { version: '2.0', requestId: 'r1' } });
    expect(lines).toEqual(['installed 2.0']);
  });

  it('fall asleep', async () => {
    const { exited } = start('asleepSeconds');
    await cloud.next('state', { online: false, asleep: 3600, will: false });
    expect(await exited).toEqual([0, null]);
  });
});
