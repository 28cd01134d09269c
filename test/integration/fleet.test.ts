/** A fleet of the simulator as a process of its own: well devices and bad ones, against the operator. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dump, load } from 'js-yaml';
import { devicesPath } from '../../src/api/device.ts';
import type { Device } from '../../src/api/device.ts';
import { eventually } from '../world/eventually.ts';
import { Stage, condition } from './support/stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROFILES = join(ROOT, 'manifests/samples/simulator');

let stage: Stage;
let folder: string;
beforeAll(async () => {
  stage = await Stage.open();
  folder = await mkdtemp(join(tmpdir(), 'mir-fleet-'));
}, 120_000);
afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

interface ProfileFile {
  readonly groups: {
    readonly name: string;
    readonly schema?: string | string[];
    readonly behaviours: { readonly kind: string }[];
  }[];
}

/** A sample profile with ids of this stage, which others on the same API server do not have. */
function ownProfile(name: string, change: (profile: ProfileFile) => unknown = (profile) => profile): string {
  const text = readFileSync(join(PROFILES, name), 'utf8').replaceAll('../proto', join(ROOT, 'manifests/samples/proto'));
  const profile = load(text) as ProfileFile;
  const groups = profile.groups.map((group) => ({ ...group, id: `${stage.id(group.name)}-{n}` }));
  const path = join(folder, name);
  writeFileSync(path, dump(change({ groups })));
  return path;
}

function simulate(...args: string[]) {
  const child = spawn('npm', ['run', '--silent', 'simulate', '--', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { child, output: () => output, exited: once(child, 'close') };
}

async function applyTwins(profile: string, ...args: string[]): Promise<void> {
  const manifests = simulate('--profile', profile, '--manifests', '--namespace', stage.namespace, ...args);
  await manifests.exited;
  const { code, stderr } = await stage.world.kubectlWithInput(manifests.output(), 'apply', '-f', '-');
  expect([code, stderr]).toEqual([0, '']);
}

async function twins(): Promise<readonly Device[]> {
  return (await stage.world.kube.get<{ items: Device[] }>(devicesPath(stage.namespace))).items;
}

describe('a fleet', () => {
  it('is brought in sync, in JSON and protobuf, also while some come and go', async () => {
    const profile = ownProfile('fleet.yaml');
    await applyTwins(profile, '--devices', '40');
    const { child, output, exited } = simulate(
      '--profile',
      profile,
      '--devices',
      '40',
      '--mqtt-url',
      stage.world.broker.url,
    );
    await eventually('every device is in sync', async () => {
      const open = (await twins()).filter((twin) => condition(twin, 'Synced') !== 'True/InSync');
      expect(open.map(({ metadata }) => metadata.name)).toEqual([]);
    });
    for (const twin of await twins()) {
      const isTyped = twin.metadata.labels?.['group'] !== 'logger';
      expect(condition(twin, 'SchemaValid')).toBe(isTyped ? 'True/Valid' : 'absent');
    }
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(output()).toMatch(/online \d+\/40 {2}in .*\nGROUP +DEVICES/s);
  });

  it('of faults disturbs nobody who is well', async () => {
    await Promise.all((await twins()).map(({ metadata }) => stage.delete(metadata.name)));
    const profile = ownProfile('faults.yaml', ({ groups }) => ({
      groups: [...groups, { name: 'well', id: `${stage.id('well')}-{n}`, count: 3, behaviours: [] }].map((group) => ({
        ...group,
        desired: { 'sensor.v1.SampleRate': { intervalSeconds: 5 }, 'device.v1.Mode': { mode: 'eco' } },
      })),
    }));
    await applyTwins(profile);
    const { child, exited } = simulate('--profile', profile, '--mqtt-url', stage.world.broker.url);
    const stateOf = async (name: string): Promise<string> => {
      const twin = await stage.get(`${stage.id(name)}-1`);
      return twin.status?.sync?.['sensor.v1.SampleRate']?.state ?? 'unknown';
    };
    await eventually('the well ones are in sync', async () => {
      for (const twin of (await twins()).filter(({ metadata }) => metadata.name.includes('-well-'))) {
        expect(condition(twin, 'Synced')).toBe('True/InSync');
      }
    });
    await eventually('the others show what is wrong with them', async () => {
      expect(await stateOf('clamp')).toBe('Drifted');
      expect(await stateOf('no-clock')).toBe('InSync');
      expect(await stateOf('power-loss')).toBe('InSync');
      expect(await stateOf('never-acknowledges')).toBe('Pending');
      expect(await stateOf('small-buffer')).toBe('Pending');
      expect(
        (await stage.badInput('DuplicateSession')) +
          (await stage.badInput('InvalidEnvelope')) +
          (await stage.badInput('InvalidProtobuf')),
      ).toBeGreaterThan(0);
      expect(await stage.badInput('BadRevision')).toBeGreaterThan(0);
    });
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});
