/** The image as a container runtime would run it: its root file system and command, as its user, with nothing to write to. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startCommand } from '../world/start-command.ts';
import { assembleRootFilesystem } from '../tools/root-filesystem.ts';
import { eventually } from '../world/eventually.ts';
import { readKubeconfig } from '../world/kubeconfig.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import { makeOperatorAccount } from './operator-account.ts';
import { scratchDirectory } from './reaper.ts';
import { startSubprocess } from './subprocess.ts';
import type { Subprocess } from './subprocess.ts';
import { findBubblewrap } from './system-packages.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CONTAINERFILE = readFileSync(join(ROOT, 'Containerfile'), 'utf8');
const ENTRYPOINT = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(CONTAINERFILE)?.[1] ?? '[]') as string[];
const ENVIRONMENT = (/^ENV (.*)$/m.exec(CONTAINERFILE)?.[1] ?? '').split(' ').map((pair) => pair.split('=', 2));
const USER = /^USER (\d+):(\d+)$/m.exec(CONTAINERFILE)?.slice(1, 3) ?? [];
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

let directory: string;
let world: World;
let bwrap: string;
const running: Subprocess[] = [];

beforeAll(async () => {
  directory = scratchDirectory('image');
  bwrap = await findBubblewrap((line) => process.stderr.write(`${line}\n`));
  execFileSync(process.execPath, [join(ROOT, 'test/tools/build.ts')], { stdio: 'ignore' });
  assembleRootFilesystem(join(directory, 'root'), process.execPath);
  world = await openWorld({ kind: 'real' });
}, 300_000);

afterAll(async () => {
  await Promise.all(running.map((child) => child.kill()));
  await world?.close();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

/** The arguments with which bubblewrap does what a container runtime does with the image. */
function sandbox(
  binds: readonly (readonly [from: string, to: string])[],
  env: Readonly<Record<string, string>>,
): string[] {
  const root = join(directory, 'root');
  const folders = readdirSync(root).filter((name) => !['proc', 'dev', 'tmp'].includes(name));
  const set = [...ENVIRONMENT, ...Object.entries(env)].flatMap(([key = '', value = '']) => ['--setenv', key, value]);
  const isolation =
    '--proc /proc --dev /dev --remount-ro / --chdir /app --unshare-user --unshare-pid --unshare-ipc --die-with-parent --cap-drop ALL';
  return [
    ...folders.flatMap((name) => ['--ro-bind', join(root, name), `/${name}`]),
    ...binds.flatMap(([from, to]) => ['--ro-bind', from, to]),
    ...isolation.split(' '),
    '--uid',
    USER[0] ?? '',
    '--gid',
    USER[1] ?? '',
    '--clearenv',
    ...set,
  ];
}

describe('the image', () => {
  it('starts Node as npm start does', () => {
    const { env, nodeFlags } = startCommand();
    expect(ENTRYPOINT.filter((word) => word.startsWith('--'))).toEqual(nodeFlags);
    expect(Object.fromEntries(ENVIRONMENT)).toMatchObject(env);
  });

  it('says its version, as a user who can write nowhere', () => {
    const version = execFileSync(bwrap, [...sandbox([], {}), ...ENTRYPOINT, '--version'], { encoding: 'utf8' });
    expect(version).toBe('mir-operator 0.1.0\n');
    const script = `
      const { writeFileSync } = require('node:fs');
      const tried = ['/app/x', '/tmp/x', '/etc/x', '/x'].map((path) => { try { writeFileSync(path, ''); return path; } catch (e) { return e.code; } });
      console.log(process.getuid(), ...new Set(tried));`;
    const written = execFileSync(bwrap, [...sandbox([], {}), ENTRYPOINT[0] ?? '', '-e', script], { encoding: 'utf8' });
    expect(written).toMatch(/^65532( (EROFS|EACCES|ENOENT))+\n$/);
  });

  it('has a bill of materials with every package of the bundle', () => {
    const { packages } = JSON.parse(readFileSync(join(directory, 'root/app/sbom.spdx.json'), 'utf8')) as {
      packages: readonly { name: string }[];
    };
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object };
    expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(dependencies)));
  });

  it('serves devices with the credentials that a pod gets', async () => {
    const namespace = await world.namespace();
    const { url, caPem, credentials } = readKubeconfig(
      await makeOperatorAccount(world.kubeconfig, join(directory, 'account.kubeconfig')),
    );
    const account = join(directory, 'account');
    mkdirSync(account);
    writeFileSync(join(account, 'ca.crt'), caPem);
    writeFileSync(join(account, 'token'), 'token' in credentials ? (credentials.token ?? '') : '');
    writeFileSync(join(account, 'namespace'), namespace);
    const config = join(directory, 'config.yaml');
    writeFileSync(config, `mqttUrl: ${world.broker.url}\nhttpAddress: 127.0.0.1:0\nnamespace: ${namespace}\n`);
    const { hostname, port } = new URL(url);
    const arguments_ = [
      ...sandbox(
        [
          [account, ACCOUNT],
          [config, '/config/config.yaml'],
        ],
        {
          KUBERNETES_SERVICE_HOST: hostname,
          KUBERNETES_SERVICE_PORT: port,
        },
      ),
      ...ENTRYPOINT,
      '--config=/config/config.yaml',
    ];
    const lines: string[] = [];
    const operator = await startSubprocess(bwrap, arguments_, { onLine: (line) => lines.push(line) });
    running.push(operator);
    await world.kube.create(`/apis/iot.mir/v1alpha/namespaces/${namespace}/devices`, {
      apiVersion: 'iot.mir/v1alpha',
      kind: 'device',
      metadata: { name: 'first' },
      spec: { deviceId: `${namespace}-first` },
      properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds: 60 } } },
    });
    await eventually('the device is Ready', async () => {
      const args = ['wait', '-n', namespace, '--for=condition=Ready', 'dev/first', '--timeout=1s'];
      const { code, stderr } = await world.kubectl(...args);
      if (code !== 0) throw new Error(`${stderr}\n${lines.slice(-5).join('\n')}`);
    });
  });
});
