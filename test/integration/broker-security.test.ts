/** The operator and a broker that is secured: every way in, every way to be kept out, and back again. */
import { writeFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { devicesPath } from '../../src/api/device.ts';
import type { Device } from '../../src/api/device.ts';
import { SAMPLE_DEVICE } from '../../src/simulator/models.ts';
import { createSimulatedDevice } from '../../src/simulator/simulated-device.ts';
import { eventually } from '../world/eventually.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import { PASSWORD, USER, startSecuredBroker } from './support/secured-broker.ts';
import type { SecuredBroker } from './support/secured-broker.ts';
import { RATE, condition } from './support/stage.ts';

const isReal = process.env['MIR_WORLD'] === 'real';
if (!isReal) process.stderr.write('secured brokers need mosquitto: npm run test:real tests them\n');
const inRealWorld = isReal ? describe : describe.skip;

let world: World;
let broker: SecuredBroker;
let started = 0;

beforeAll(async () => {
  if (isReal) [world, broker] = await Promise.all([openWorld(), startSecuredBroker()]);
}, 120_000);
afterAll(async () => {
  await world?.close();
  await broker?.close();
}, 120_000);

interface Running {
  readonly namespace: string;
  readonly operator: OperatorProcess;
}

/** An operator with a namespace and a client id of its own. */
async function startOperator(mqttUrl: string, flags: readonly string[], isReadyAwaited = true): Promise<Running> {
  started += 1;
  const namespace = await world.namespace();
  const own = ['--no-leader-election', `--mqtt-client-id=operator-${started}`];
  const operator = await world.startOperator({ namespace, mqttUrl, isReadyAwaited, flags: [...own, ...flags] });
  return { namespace, operator };
}

/** From the object to the device and back. */
async function expectSync(namespace: string): Promise<void> {
  const name = 'pump';
  const deviceId = `${namespace}-${name}`;
  await world.kube.create<Device>(devicesPath(namespace), {
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name },
    spec: { deviceId },
    properties: { desired: { [RATE]: { intervalSeconds: 60 } } },
  });
  const url = `mqtt://127.0.0.1:${broker.port('plain')}`;
  const device = createSimulatedDevice({
    ...SAMPLE_DEVICE,
    device: { deviceId, broker: { url }, announce: { heartbeatSeconds: 1 } },
  });
  await device.start();
  const path = `${devicesPath(namespace)}/${name}`;
  const untilSynced = (intervalSeconds: number): Promise<void> =>
    eventually(`${name} reports ${intervalSeconds} and is in sync`, async () => {
      const object = await world.kube.get<Device>(path);
      expect(object.status?.reported?.[RATE]).toEqual({ intervalSeconds });
      expect(condition(object, 'Synced')).toBe('True/InSync');
    });
  await untilSynced(60);
  const change = { properties: { desired: { [RATE]: { intervalSeconds: 30 } } } };
  await world.kube.patch(path, 'application/merge-patch+json', change);
  await untilSynced(30);
  expect(device.applied.map(({ value }) => value['intervalSeconds'])).toEqual([60, 30]);
  device.die();
}

const untilKeptOut = ({ operator }: Running, why: RegExp): Promise<void> =>
  eventually(`the log says ${why.source}`, () => {
    const told = operator.logs().filter(({ msg }) => msg === 'not connected to the broker');
    expect(told.map(({ reason }) => reason)).toContainEqual(expect.stringMatching(why));
    return Promise.resolve();
  });

const connects = ({ operator }: Running): number =>
  operator.logs().filter(({ msg }) => msg === 'connected to the broker').length;

const untilConnected = (running: Running, times = 1): Promise<void> =>
  eventually(`the operator has connected ${times} times`, () => {
    expect(connects(running)).toBe(times);
    return Promise.resolve();
  });

/** URL and flags of one way in. */
type WayIn = () => readonly [url: string, ...flags: string[]];
const caFlag = (): string => `--mqtt-ca-file=${broker.files({ ca: broker.authority.certPem }).ca}`;
const url = (scheme: string, listener: Parameters<SecuredBroker['port']>[0]): string =>
  `${scheme}://127.0.0.1:${broker.port(listener)}`;

const WAYS_IN: readonly (readonly [name: string, way: WayIn])[] = [
  ['user name and password', () => [url('mqtt', 'login'), `--mqtt-username=${USER}`, passwordFlag(`${PASSWORD}\n`)]],
  ['mqtts with a private authority', () => [url('mqtts', 'tls'), caFlag()]],
  ['mqtts with a client certificate', () => [url('mqtts', 'mutual'), caFlag(), ...certificateFlags()]],
  ['mqtts and MQTT 3.1.1', () => [url('mqtts', 'tls'), caFlag(), '--mqtt-protocol-version=4']],
  ['ws', () => [url('ws', 'ws')]],
  ['wss with a private authority', () => [`${url('wss', 'wss')}/mqtt`, caFlag()]],
];

function passwordFlag(text: string): string {
  return `--mqtt-password-file=${broker.files({ password: text }).password}`;
}

function certificateFlags(): string[] {
  const { cert, key } = broker.files({ cert: broker.client.certPem, key: broker.client.keyPem });
  return [`--mqtt-cert-file=${cert}`, `--mqtt-key-file=${key}`];
}

inRealWorld('an operator and its device find each other over', () => {
  it.each(WAYS_IN)('%s', async (_name, way) => {
    const [mqttUrl, ...flags] = way();
    const { namespace, operator } = await startOperator(mqttUrl, flags);
    await expectSync(namespace);
    await operator.kill();
  });
});

type CredentialFile = 'ca' | 'cert' | 'key' | 'password';

/** Everything that an operator needs, in files of its own, but for one that is wrong. */
const WRONG_FILES: readonly (readonly [
  name: string,
  listener: 'mutual' | 'login',
  file: CredentialFile,
  text: () => Promise<string | undefined>,
  why: RegExp,
])[] = [
  [
    'an authority that did not sign',
    'mutual',
    'ca',
    () => Promise.resolve(broker.stranger.certPem),
    /not trusted; check --mqtt-ca-file/,
  ],
  ['no file of authorities', 'mutual', 'ca', () => Promise.resolve(undefined), /ENOENT.*ca.*--mqtt-ca-file/],
  ['a file of authorities that is none', 'mutual', 'ca', () => Promise.resolve('not a PEM'), /--mqtt-ca-file/],
  ['a client certificate that is none', 'mutual', 'cert', () => Promise.resolve('not a PEM'), /--mqtt-cert-file/],
  [
    'a key of another certificate',
    'mutual',
    'key',
    async () => (await broker.stranger.issueClient(USER)).keyPem,
    /--mqtt-key-file/,
  ],
  ['a wrong password', 'login', 'password', () => Promise.resolve('wrong'), /--mqtt-password-file/],
];

inRealWorld('an operator that starts with', () => {
  it.each(WRONG_FILES)('%s says so, and connects once it is mended', async (_name, listener, file, text, why) => {
    const right = allFiles();
    const paths = broker.files(right);
    const wrong = await text();
    if (wrong === undefined) rmSync(paths[file]);
    else writeFileSync(paths[file], wrong);
    const running = await startOperator(...wayWith(listener, paths), false);
    await untilKeptOut(running, why);
    expect(connects(running)).toBe(0);
    writeFileSync(paths[file], right[file]);
    await untilConnected(running);
    await running.operator.kill();
  });
});

const WRONG_DOORS: readonly (readonly [name: string, mqttUrl: () => string, why: RegExp])[] = [
  ['mqtt to a port for TLS', () => url('mqtt', 'tls'), /check scheme and port of --mqtt-url/],
  ['mqtts to a port without', () => url('mqtts', 'plain'), /check scheme and port of --mqtt-url/],
  ['ws to a port for TLS', () => url('ws', 'wss'), /check scheme and port of --mqtt-url/],
  ['ws to a port for plain MQTT', () => url('ws', 'plain'), /check scheme and port of --mqtt-url/],
  ['mqtt to a port for web sockets', () => url('mqtt', 'ws'), /check scheme and port of --mqtt-url/],
  ['no client certificate', () => url('mqtts', 'mutual'), /--mqtt-cert-file and --mqtt-key-file/],
  ['no password', () => url('mqtt', 'login'), /--mqtt-password-file/],
];

inRealWorld('an operator that comes with', () => {
  it('the wrong scheme, or without what is asked for, is told', async () => {
    const ca = caFlag();
    const all = await Promise.all(WRONG_DOORS.map(([, mqttUrl]) => startOperator(mqttUrl(), [ca], false)));
    for (const [index, [name, , why]] of WRONG_DOORS.entries()) {
      const running = all[index];
      if (running === undefined) throw new Error(`${name} was not started`);
      await untilKeptOut(running, why);
      await running.operator.kill();
    }
  }, 40_000);
});

inRealWorld('an operator whose broker', () => {
  it('goes away, expires and gets a new authority says so each time, and comes back', async () => {
    const paths = broker.files(allFiles());
    const running = await startOperator(...wayWith('mutual', paths));
    await untilConnected(running);
    await broker.kill();
    await untilKeptOut(running, /connection refused; check --mqtt-url and that the broker is running/);
    await broker.useCertificate(await broker.authority.issueServer('broker', 'expired'));
    await untilKeptOut(running, /certificate that has expired; renew it/);
    await broker.useCertificate(await broker.stranger.issueServer('broker'));
    await untilKeptOut(running, /not trusted; check --mqtt-ca-file/);
    writeFileSync(paths.ca, broker.stranger.certPem);
    await untilConnected(running, 2);
    await running.operator.kill();
  });
});

function allFiles(): Record<CredentialFile, string> {
  const { certPem: cert, keyPem: key } = broker.client;
  return { ca: broker.authority.certPem, cert, key, password: PASSWORD };
}

function wayWith(listener: 'mutual' | 'login', paths: Record<CredentialFile, string>): [string, string[]] {
  if (listener === 'login') {
    return [url('mqtt', 'login'), [`--mqtt-username=${USER}`, `--mqtt-password-file=${paths.password}`]];
  }
  return [url('mqtts', 'mutual'), (['ca', 'cert', 'key'] as const).map((name) => `--mqtt-${name}-file=${paths[name]}`)];
}
