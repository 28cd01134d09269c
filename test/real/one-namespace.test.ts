/** The chart with `config.namespace`: the operator serves that namespace with rights that end there. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { RELEASE, SYSTEM, openInstallWorld } from './install-world.ts';
import type { InstallWorld } from './install-world.ts';
import { succeed } from './helm.ts';

const CHART = join(import.meta.dirname, '..', '..', 'helm/mir-operator');
const SITE = 'building-a';
const ACCOUNT = `system:serviceaccount:${SYSTEM}:${RELEASE}`;

let world: InstallWorld;
beforeAll(async () => {
  world = await openInstallWorld('one-namespace');
}, 600_000);
afterAll(() => world?.close());

const pump = (namespace: string, intervalSeconds: number): object => ({
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  metadata: { name: 'pump', namespace },
  spec: { deviceId: `pump-${namespace}` },
  properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds } } },
});

it('leads, brings and records what is desired there, with the rights that the chart gives it', async () => {
  const { run } = world;
  await run('create', 'namespace', SITE);
  const helm = await world.helm();
  const sets = ['mqtt.url=mqtt://127.0.0.1:1883', `config.namespace=${SITE}`, 'config.provisionNamespace=building-a'];
  const flags = sets.flatMap((set) => ['--set', set]);
  await succeed(helm('install', RELEASE, CHART, '-n', SYSTEM, '--create-namespace', ...flags));
  await run('wait', '--for=condition=Established', 'crd/devices.iot.mir', 'crd/devicehistories.iot.mir');
  // An API server serves a kind a moment after it has accepted its names.
  for (const namespace of [SITE, 'default']) {
    await eventually('devices are served', () => world.apply(pump(namespace, 60)), { timeoutMs: 30_000 });
  }

  const operator = await world.startPod({ name: 'site' });
  await run('wait', '-n', SITE, 'dev/pump', '--for=condition=Ready', '--timeout=60s');
  await world.apply(pump(SITE, 30));
  await run('wait', '-n', SITE, 'devhist/pump', '--for=create', '--timeout=60s');
  await run('wait', '-n', SITE, 'dev/pump', '--for=condition=Ready', '--timeout=60s');

  expect(await run('get', 'lease', RELEASE, '-n', SYSTEM, '-o', 'jsonpath={.spec.holderIdentity}')).toBe('site');
  expect(await run('get', 'dev', 'pump', '-o', 'jsonpath={.status.observedGeneration}')).toBe('-1');
  expect([...(await world.broker.retained('mir/v1alpha/+/desired')).keys()]).toEqual([
    `mir/v1alpha/pump-${SITE}/desired`,
  ]);
  expect(operator.logs().filter(({ level }) => level !== 'info')).toEqual([]);
  expect((await operator.stop()).code).toBe(0);
}, 180_000);

it.each([
  ['patch devices.iot.mir --subresource=status', SITE, 'yes'],
  ['update devicehistories.iot.mir', SITE, 'yes'],
  ['list devices.iot.mir', 'default', 'no'],
  ['patch devices.iot.mir --subresource=status', 'default', 'no'],
  ['update devicehistories.iot.mir', 'default', 'no'],
  ['create events', 'default', 'no'],
  ['update leases.coordination.k8s.io/mir-operator', SYSTEM, 'yes'],
  ['update leases.coordination.k8s.io/mir-operator', SITE, 'no'],
])('whether its account may %s in %s: %s', async (what, namespace, expected) => {
  const { stdout } = await world.kubectl(['auth', 'can-i', ...what.split(' '), '-n', namespace, `--as=${ACCOUNT}`]);
  expect(stdout.trim()).toBe(expected);
});
