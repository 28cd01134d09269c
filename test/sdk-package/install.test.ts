/** The SDK as its users get it: built, packed, installed into an empty project elsewhere, type-checked there, and run. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Stage } from '../integration/support/stage.ts';
import { buildSdk } from '../tools/build-sdk.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const RATE = 'sensor.v1.SampleRate';
const BATTERY = 'sensor.v1.BatteryStatus';

/** What must not compile is marked, and it is an error if it does. */
const PROGRAM = `
import { createDevice, describeEvent, memoryStore, unchecked } from 'mir-device';
import type { Device, DeviceEvent, DeviceOptions, DeviceStore } from 'mir-device';
import { z } from 'zod';

const [url = '', deviceId = ''] = process.argv.slice(2);
const device = createDevice({
  deviceId,
  broker: { url, reconnect: { reportSpreadMs: 0 } },
  store: './twin/device.db',
  messages: {
    '${RATE}': z.object({ intervalSeconds: z.number().min(1, 'must be at least 1') }),
    '${BATTERY}': unchecked<{ percentage: number }>(),
  },
  announce: { heartbeatSeconds: 1, reports: ['${BATTERY}'] },
  onEvent: (event: DeviceEvent) => console.error(describeEvent(event)),
});
device.onDesired('${RATE}', ({ intervalSeconds }) => console.log('every ' + intervalSeconds.toFixed(0) + ' s'));
process.once('SIGTERM', () => void device.close({ asleepSeconds: 60 }));
await device.connect();
device.report('${BATTERY}', { percentage: 87 });

export function misuse(store: DeviceStore = memoryStore()): Device {
  // @ts-expect-error: a number is reported.
  device.report('${BATTERY}', { percentage: '87' });
  // @ts-expect-error: no such message.
  device.onDesired('sensor.v1.Rate', () => {});
  // @ts-expect-error: undefined is not the same as absent.
  const options: DeviceOptions = { deviceId, broker: { url }, store, onEvent: undefined };
  return createDevice(options);
}

const typed = createDevice<{ '${RATE}': { intervalSeconds: number } }>({ deviceId, broker: { url } });
typed.onDesired('${RATE}', async ({ intervalSeconds }, { revision, signal }) => {
  if (!signal.aborted) return { value: { intervalSeconds: intervalSeconds + revision }, done: true };
  return undefined;
});
`;

const STRICT = {
  target: 'es2022',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  types: ['node'],
};

let folder: string;
let project: string;
let packed: { readonly name: string; readonly files: readonly { readonly path: string }[] };

/** As a user types it: what npm tells its scripts by the environment would lead it back here. */
function npm(cwd: string, ...args: readonly string[]): string {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  return execFileSync('npm', [...args], { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function tsc(options: object, ...args: readonly string[]): void {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...STRICT, ...options } }));
  try {
    execFileSync(process.execPath, [compiler, '-p', project, ...args], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error(`it does not compile:\n${(error as { stdout: string }).stdout}`, { cause: error });
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mir-package-'));
  project = join(folder, 'project');
  mkdirSync(project);
  await buildSdk(join(folder, 'built'));
  const answer = npm(folder, 'pack', './built', '--json');
  [packed] = JSON.parse(answer) as [typeof packed];
  writeFileSync(join(project, 'package.json'), '{"name": "a-device", "private": true, "type": "module"}');
  writeFileSync(join(project, 'main.ts'), PROGRAM);
  const others = ['zod', '@types/node'].map((name) => `${name}@${versionOf(name)}`);
  npm(project, 'install', '--prefer-offline', '--no-audit', '--no-fund', '../mir-device-0.1.0.tgz', ...others);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The one that stands here, and so in npm's cache. */
function versionOf(name: string): string {
  const manifest = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

describe('the package of the SDK', () => {
  it('holds what runs, its types and what people read, and depends on two packages', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths.filter((path) => !path.startsWith('types/')).toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'index.js',
      'package.json',
    ]);
    expect(paths.filter((path) => path.startsWith('types/') && !path.endsWith('.d.ts'))).toEqual([]);
    const readme = readFileSync(join(project, 'node_modules', 'mir-device', 'README.md'), 'utf8');
    expect([...readme.matchAll(/\]\(([^)]+)\)/g)].filter(([, target]) => target?.startsWith('http') !== true)).toEqual(
      [],
    );
    const installed = JSON.parse(
      readFileSync(join(project, 'node_modules', 'mir-device', 'package.json'), 'utf8'),
    ) as Record<string, object>;
    expect(Object.keys(installed['dependencies'] ?? {})).toEqual(['mqtt', 'protobufjs']);
    expect(Object.keys(installed)).not.toEqual(expect.arrayContaining(['private']));
  });

  it.each([
    ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
  ])('is taken by a strict program with %s resolution, its declarations checked too', (_, options) => {
    tsc(options, '--noEmit');
  });

  it('runs a device: what is desired comes, what it reports goes, and it takes its leave', async () => {
    tsc({ module: 'nodenext', moduleResolution: 'nodenext' });
    const stage = await Stage.open();
    let device: ChildProcess | undefined;
    try {
      await stage.create('packed', { [RATE]: { intervalSeconds: 30 } });
      const { url } = stage.world.broker;
      device = spawn(process.execPath, ['main.js', url, stage.id('packed')], { cwd: project, stdio: 'inherit' });
      const exited = once(device, 'exit');
      await stage.untilCondition('packed', 'Synced', 'True/InSync');
      await stage.until('packed', 'shows what it reports', ({ status }) =>
        expect(status?.reported).toEqual({ [RATE]: { intervalSeconds: 30 }, [BATTERY]: { percentage: 87 } }),
      );
      await stage.desire('packed', RATE, { intervalSeconds: 0 });
      await stage.until('packed', 'shows what its parser says', ({ status }) =>
        expect(status?.sync?.[RATE]).toMatchObject({
          state: 'Rejected',
          message: 'intervalSeconds: must be at least 1',
        }),
      );
      device.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
      await stage.untilCondition('packed', 'Online', 'True/Asleep');
    } finally {
      device?.kill('SIGKILL');
      await stage.close();
    }
  });
});
