/** The SDK as its users get it: built, packed, installed into an empty project elsewhere, type-checked there, and run. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
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

/** What the README of the package calls the oldest. */
const OLDEST = { node: '22.16.0', typescript: '5.4.2' };
/** The declarations of zod want a newer TypeScript than those of this package. */
const WITHOUT_ZOD = PROGRAM.replace(/import { z }.*\n/, '').replace(
  /z\.object\(.*\)/,
  'unchecked<{ intervalSeconds: number }>()',
);

let folder: string;
let project: string;
/** A project with the oldest Node and TypeScript. */
let oldProject: string;
let packed: { readonly name: string; readonly files: readonly { readonly path: string }[] };

/** As a user types it: what npm tells its scripts by the environment would lead it back here. */
async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { stdout } = await promisify(execFile)('npm', [...args], { cwd, env });
  return stdout;
}

function tsc(options: object, ...args: readonly string[]): void {
  compile(project, import.meta.url, options, args);
}

/** With the TypeScript that `asker`, a file, finds. */
function compile(cwd: string, asker: string, options: object, args: readonly string[]): void {
  const compiler = join(dirname(createRequire(asker).resolve('typescript/package.json')), 'bin', 'tsc');
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...STRICT, ...options } }));
  try {
    execFileSync(process.execPath, [compiler, '-p', cwd, ...args], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    throw new Error(`it does not compile:\n${(error as { stdout: string }).stdout}`, { cause: error });
  }
}

/** A project of one program, which has the package and these others. */
async function createProject(name: string, program: string, others: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'package.json'), '{"name": "a-device", "private": true, "type": "module"}');
  writeFileSync(join(path, 'main.ts'), program);
  const wanted = Object.entries({ '@types/node': versionOf('@types/node'), ...others });
  const packages = ['../mir-device-0.1.0.tgz', ...wanted.map((one) => one.join('@'))];
  await npm(path, 'install', '--prefer-offline', '--no-audit', '--no-fund', ...packages);
  return path;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mir-package-'));
  await buildSdk(join(folder, 'built'));
  const answer = await npm(folder, 'pack', './built', '--json');
  [packed] = JSON.parse(answer) as [typeof packed];
  [project, oldProject] = await Promise.all([
    createProject('project', PROGRAM, { zod: versionOf('zod') }),
    createProject('old-project', WITHOUT_ZOD, OLDEST),
  ]);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The one that stands here, and so in npm's cache. */
function versionOf(name: string): string {
  const manifest = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

const installedFile = (name: string): string => readFileSync(join(project, 'node_modules', 'mir-device', name), 'utf8');
const readme = (): string => installedFile('README.md');
const manifest = (): Record<string, object> => JSON.parse(installedFile('package.json')) as Record<string, object>;
/** `22.16` of `22.16.0`. */
const minorOf = (version: string): string => version.split('.', 2).join('.');

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
    expect(
      [...readme().matchAll(/\]\(([^)]+)\)/g)].filter(([, target]) => target?.startsWith('http') !== true),
    ).toEqual([]);
    const installed = manifest();
    expect(Object.keys(installed['dependencies'] ?? {})).toEqual(['mqtt', 'protobufjs']);
    expect(Object.keys(installed)).not.toEqual(expect.arrayContaining(['private']));
  });

  it.each([
    ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }],
    ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
  ])('is taken by a strict program with %s resolution, its declarations checked too', (_, options) => {
    tsc(options, '--noEmit');
  });

  it('is taken by the oldest TypeScript that its README names', () => {
    expect(readme()).toContain(`TypeScript ${minorOf(OLDEST.typescript)} or later`);
    const options = { module: 'nodenext', moduleResolution: 'nodenext' };
    compile(oldProject, join(oldProject, 'main.ts'), options, ['--noEmit']);
  });

  it('says the same of the oldest Node in its README and in its manifest', () => {
    const oldest = minorOf(OLDEST.node);
    expect(readme()).toContain(`Node ${oldest} or later`);
    expect(manifest()).toMatchObject({ engines: { node: `>=${oldest}` } });
  });

  it.each([
    ['this Node', () => process.execPath],
    ['the oldest', () => join(oldProject, 'node_modules', '.bin', 'node')],
  ])('runs a device on %s: what is desired comes, what it reports goes, and it takes its leave', async (_, node) => {
    tsc({ module: 'nodenext', moduleResolution: 'nodenext' });
    const stage = await Stage.open();
    let device: ChildProcess | undefined;
    try {
      await stage.create('packed', { [RATE]: { intervalSeconds: 30 } });
      const { url } = stage.world.broker;
      device = spawn(node(), ['main.js', url, stage.id('packed')], { cwd: project, stdio: 'inherit' });
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
