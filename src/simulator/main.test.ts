import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { startBroker } from '../dev/broker.ts';
import { connectCloud, entry } from '../sdk/testing/cloud.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const RATE = 'sensor.v1.SampleRate';

function simulate(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return { child, lines, errors: () => errors, exited: once(child, 'close') };
}

describe('npm run simulate', () => {
  it('plays a device with a line per event until SIGTERM, and says goodbye', async () => {
    const broker = await startBroker();
    const cloud = await connectCloud(broker.url, 'temp-sensor-01');
    const { child, lines, exited } = simulate('--mqtt-url', broker.url, '--id', 'temp-sensor-01');
    await cloud.next('state', { online: true });
    await cloud.desire({ [RATE]: entry(1, { intervalSeconds: 60 }) });
    await cloud.next(`reported/${RATE}`, { status: 'applied' });
    child.kill('SIGTERM');
    await cloud.next('state', { online: false, will: false });
    expect(await exited).toEqual([0, null]);
    expect(lines.toSorted()).toEqual([
      `temp-sensor-01: applied ${RATE} revision 1`,
      `temp-sensor-01: desired ${RATE} revision 1: {"intervalSeconds":60}`,
      'temp-sensor-01: online',
    ]);
    await cloud.close();
    await broker.close();
  });

  it.each([
    [['--bad'], "Unknown option '--bad'"],
    [['--devices', 'many'], '--devices many is not a number'],
    [['--mqtt-version', '3'], '--mqtt-version 3 is not known; use 5 or 4'],
  ])('refuses %j and says what to do', async (args, message) => {
    const { errors, exited } = simulate(...args);
    expect(await exited).toEqual([2, null]);
    expect(errors()).toContain(message);
    expect(errors()).toContain('See --help.');
  });
});
