/** Back up and restore as docs/operations.md tells it: its commands as they stand there, into a fresh cluster and into one that lives. */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Device as Twin } from '../../src/api/device.ts';
import { compileProtoFiles, createDevice } from '../../src/sdk/index.ts';
import type { Device, DeviceEvent } from '../../src/sdk/index.ts';
import { eventually } from '../world/eventually.ts';
import type { CommandResult } from '../world/kubectl.ts';
import { findHelm } from './binaries.ts';
import { openInstallBroker, openInstallWorld, progress } from './install-world.ts';
import type { TestBroker } from '../world/broker.ts';
import { createKubeClient } from '../../src/kube/http-client.ts';
import { loadKubeconfig } from '../../src/kubeconfig/kubeconfig.ts';
import { routeView, viewFlag } from '../world/view-service.ts';
import { scratchDirectory } from './reaper.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
const RATE = 'sensor.v1.SampleRate';
const BATTERY = 'sensor.v1.BatteryStatus';
/** Where the devices are; `default` is there in every cluster. */
const NAMESPACES = { typed: 'building-a', plain: 'building-a', away: 'default' } as const;
type Name = keyof typeof NAMESPACES;
const NAMES = ['typed', 'plain', 'away'] as const;

let directory: string;
let broker: TestBroker;
let helmBinary: string;
let cluster: Cluster;

beforeAll(async () => {
  directory = scratchDirectory('restore');
  // The page's commands are for the folder of the repository.
  symlinkSync(join(ROOT, 'helm'), join(directory, 'helm'));
  helmBinary = await findHelm(progress);
  broker = await openInstallBroker(join(directory, 'mosquitto'));
  cluster = await openCluster('first');
}, 600_000);

afterAll(async () => {
  for (const { device } of fleet.values()) device.destroy();
  await cluster?.close();
  await broker?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A block of commands of the page. */
function block(name: string): string {
  const found = new RegExp(`<!-- ${name}:begin -->\n\`\`\`sh\n([^]*?)\`\`\`\n<!-- ${name}:end -->`).exec(PAGE)?.[1];
  if (found === undefined) throw new Error(`docs/operations.md has no block ${name}`);
  return found;
}

interface Cluster {
  run(...args: readonly string[]): Promise<string>;
  apply(object: object): Promise<void>;
  get(name: Name): Promise<Twin>;
  /** Runs commands of the page. */
  shell(commands: string): Promise<CommandResult>;
  startOperator(): Promise<void>;
  close(): Promise<void>;
}

async function openCluster(name: string): Promise<Cluster> {
  const { kubeconfig, run, apply, startPod, close } = await openInstallWorld(name, broker);
  const kube = createKubeClient(await loadKubeconfig({ kubeconfig }));
  return {
    run,
    apply,
    get: async (twin) => JSON.parse(await run('get', 'dev', twin, '-n', NAMESPACES[twin], '-o', 'json')) as Twin,
    shell(commands) {
      const PATH = `${dirname(helmBinary)}:${process.env['PATH'] ?? ''}`;
      const env = { PATH, HOME: directory, KUBECONFIG: kubeconfig, KUBECTL_KUBERC: 'false' };
      return new Promise((resolve) => {
        execFile('sh', ['-c', commands], { cwd: directory, env }, (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
        );
      });
    },
    // Nothing makes its pods run: without a way to this one no namespace could be deleted.
    startOperator: async () => routeView({ kube }, await startPod({ name, viewFlag: viewFlag() })),
    async close() {
      await kube.close();
      await close();
    },
  };
}

interface Member {
  readonly device: Device;
  readonly events: DeviceEvent[];
  readonly runs: number[];
}
const fleet = new Map<Name, Member>();

async function connect(name: Name, schema?: Uint8Array): Promise<void> {
  const events: DeviceEvent[] = [];
  const runs: number[] = [];
  const device = createDevice({
    deviceId: name,
    broker: { url: broker.url },
    onEvent: (event) => events.push(event),
    ...(schema === undefined ? {} : { schema: { descriptorSet: schema } }),
  });
  device.onDesired(RATE, ({ intervalSeconds }) => void runs.push(Number(intervalSeconds)));
  fleet.set(name, { device, events, runs });
  await device.connect();
}

function member(name: Name): Member {
  const found = fleet.get(name);
  if (found === undefined) throw new Error(`${name} is not connected`);
  return found;
}

const twin = (name: Name): object => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  metadata: { name, namespace: NAMESPACES[name], labels: { of: 'the-fleet' }, annotations: { notes: 'by hand' } },
  spec: { deviceId: name },
  properties: { desired: { [RATE]: { intervalSeconds: 60 } } },
});

const wait = (name: Name, condition: string): Promise<string> =>
  cluster.run('wait', '-n', NAMESPACES[name], `dev/${name}`, `--for=condition=${condition}`, '--timeout=60s');

/** As many messages as make a schema too large for the annotation of a client-side apply. */
async function largeSchema(): Promise<Uint8Array> {
  const fields = Array.from({ length: 8 }, (_, at) => `double measured_value_${at} = ${at + 1};`).join(' ');
  const messages = Array.from({ length: 700 }, (_, at) => `message Reading${at} { ${fields} }`);
  const file = join(directory, 'sensor.proto');
  const own = 'message SampleRate { uint32 interval_seconds = 1; } message BatteryStatus { uint32 percentage = 1; }';
  writeFileSync(file, `syntax = "proto3"; package sensor.v1; ${own} ${messages.join('\n')}`);
  return compileProtoFiles([file]);
}

/** What people wrote, as it was; what devices say, as it is. */
async function expectTwin(name: Name, battery: number, uid: string | undefined): Promise<void> {
  await eventually(`${name} is as it was`, async () => {
    const { metadata, spec, properties, status } = await cluster.get(name);
    expect(metadata).toMatchObject({ labels: { of: 'the-fleet' }, annotations: { notes: 'by hand' } });
    expect(metadata.uid).not.toBe(uid);
    expect(spec).toMatchObject({ deviceId: name });
    expect(properties?.desired).toEqual({ [RATE]: { intervalSeconds: 60 } });
    expect(status?.online).toBe(true);
    expect(status?.reported).toEqual({ [RATE]: { intervalSeconds: 60 }, [BATTERY]: { percentage: battery } });
  });
}

/** Without the warnings. */
const errorsIn = (stderr: string): string[] => stderr.split('\n').filter((line) => line.startsWith('Error'));

/** Who leads, and that all devices are Ready. */
async function expectFirstLook(): Promise<void> {
  // Without a kubelet there are no pods to ask, and no logs.
  const commands = block('first-look')
    .split('\n')
    .filter((line) => !/ (logs|--raw) /.test(line));
  const { stdout } = await cluster.shell(commands.join('\n'));
  const [leader, head, ...devices] = stdout.trim().split('\n');
  expect(leader).toBe('first leads');
  expect(head).toMatch(/^NAMESPACE +NAME +DEVICE ID +ONLINE +SYNCED +READY/);
  expect(devices.filter((line) => NAMES.some((name) => line.includes(` ${name} `)))).toEqual([]);
}

/** Generous: clusters start in between. Paid in full only by a failure. */
const LONG_MS = 240_000;

/** The policy that stamps authors came with the CRD; it begins when the operator has seen that the API server knows the kind. */
async function expectAuthorsStamped(): Promise<void> {
  const metadata = { name: 'probe', namespace: 'default' };
  const kind = { apiVersion: 'iot.mir/v1alpha', kind: 'device' };
  await eventually('changes have an author', async () => {
    const properties = { desired: { [RATE]: { intervalSeconds: Math.ceil(performance.now()) } } };
    await cluster.apply({ ...kind, metadata, spec: { deviceId: 'probe' }, properties });
    const { annotations } = (JSON.parse(await cluster.run('get', 'dev', 'probe', '-o', 'json')) as Twin).metadata;
    expect(annotations?.['iot.mir/author']).toBe('admin');
  });
  await cluster.run('delete', 'dev', 'probe');
}

describe('a backup of YAML', () => {
  const uids = new Map<Name, string | undefined>();
  const remember = async (): Promise<void> => {
    for (const name of NAMES) uids.set(name, (await cluster.get(name)).metadata.uid);
  };

  it(
    'is made of a cluster in which devices work, one of them with a schema of 200 kB',
    async () => {
      const install = /^helm install .*$/m.exec(block('restore'))?.[0].replace(/ --set "config.*/, '') ?? '';
      expect(await cluster.shell(install)).toMatchObject({ code: 0 });
      await cluster.run('create', 'namespace', NAMESPACES.typed);
      await cluster.startOperator();
      const schema = await largeSchema();
      expect(schema.byteLength).toBeGreaterThan((262_144 * 3) / 4);
      await connect('typed', schema);
      await connect('plain');
      for (const name of NAMES) await cluster.apply(twin(name));
      for (const name of ['typed', 'plain'] as const) {
        member(name).device.report(BATTERY, { percentage: 90 });
        await wait(name, 'Synced');
        await expectTwin(name, 90, undefined);
      }
      await cluster.run('wait', 'schemas', '--all', '--for=condition=Valid', '--timeout=60s');
      await wait('away', 'Ready');
      await expectAuthorsStamped();
      await expectFirstLook();
      expect(await cluster.shell(block('backup'))).toEqual({ code: 0, stdout: '', stderr: '' });
      await remember();
    },
    LONG_MS,
  );

  it(
    'goes into a fresh cluster: devices go on, and what they said in between is there',
    async () => {
      await cluster.close();
      member('plain').device.report(BATTERY, { percentage: 80 });
      member('typed').device.report(BATTERY, { percentage: 80 });
      cluster = await openCluster('second');
      const { stdout, stderr } = await cluster.shell(block('restore'));
      expect(stdout).toContain('device.iot.mir/typed created');
      expect(errorsIn(stderr)).toEqual([expect.stringMatching(/namespaces "default" already exists/)]);
      await cluster.startOperator();
      for (const name of ['typed', 'plain'] as const) {
        await wait(name, 'Synced');
        await expectTwin(name, 80, uids.get(name));
        expect(member(name).runs).toEqual([60]);
        expect(member(name).events.filter(({ kind }) => kind === 'offline')).toEqual([]);
      }
      await cluster.run('wait', 'schemas', '--all', '--for=condition=Valid', '--timeout=60s');
      await wait('typed', 'SchemaValid');
      await wait('away', 'Ready');
      await connect('away');
      await wait('away', 'Synced');
      await remember();
    },
    LONG_MS,
  );

  it(
    'brings back what was deleted in a cluster that lives, and leaves the rest as it is',
    async () => {
      await cluster.run('delete', 'namespace', NAMESPACES.typed, '--timeout=60s');
      await eventually('the documents of what was deleted are withdrawn', async () => {
        expect([...(await broker.retained('mir/v1alpha/+/desired')).keys()]).toEqual(['mir/v1alpha/away/desired']);
      });
      const lines = block('restore')
        .split('\n')
        .filter((line) => line.startsWith('kubectl create'));
      const { stdout, stderr } = await cluster.shell(lines.join('\n'));
      expect(stdout.trim().split('\n').toSorted()).toEqual([
        'device.iot.mir/plain created',
        'device.iot.mir/typed created',
        `namespace/${NAMESPACES.typed} created`,
      ]);
      expect(errorsIn(stderr).filter((line) => !line.includes('already exists'))).toEqual([]);
      for (const name of ['typed', 'plain'] as const) {
        await wait(name, 'Synced');
        await expectTwin(name, 80, uids.get(name));
        expect(member(name).runs).toEqual([60]);
      }
      expect((await cluster.get('away')).metadata.uid).toBe(uids.get('away'));
      expect(member('away').runs).toEqual([60]);
    },
    LONG_MS,
  );
});
