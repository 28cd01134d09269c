/** Flux, with the examples of manifests/gitops as they stand: real controllers, a real API server, a Git server, devices. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findCondition } from '../../src/api/conditions.ts';
import { devicesPath } from '../../src/api/device.ts';
import type { Device } from '../../src/api/device.ts';
import { eventually } from '../world/eventually.ts';
import { figure } from './figures.ts';
import { put, remove, sensorYaml, siteYaml } from './fleet-files.ts';
import { allInSync, isGone, nextHeartbeat, RATE, rateOf } from './fleet-state.ts';
import { conditionOf, startFlux } from './flux.ts';
import type { Flux } from './flux.ts';
import { openGitOpsWorld } from './gitops-world.ts';
import type { GitOpsWorld } from './gitops-world.ts';
import { managersOf } from './managers.ts';
import { startSimulator } from './simulator.ts';

const SITE_A = 'site-building-a';
const SITE_B = 'site-building-b';
const FLEET_SIZE = 500;

let world: GitOpsWorld;
let flux: Flux;

beforeAll(async () => {
  world = await openGitOpsWorld();
  flux = await startFlux(world);
}, 1_500_000);

afterAll(() => world?.close());

const a1 = (): Promise<Device> => world.device('building-a', 'sensor-a1');

/** What changes the desired side of a device, as opposed to its status. */
function desiredSide(device: Device): unknown {
  const flux = managersOf(device).find(({ manager }) => manager === 'kustomize-controller');
  return { generation: device.metadata.generation, appliedAt: flux?.time };
}

describe('Flux', () => {
  it('brings the CRDs, then the operator by its chart, then the devices', async () => {
    await world.kubectl(['apply', '--server-side', '-f', '-'], world.example('flux'));
    await eventually(
      'the site waits for the operator',
      async () => {
        const { status } = await flux.kustomization(SITE_A);
        const ready = conditionOf(status?.conditions, 'Ready');
        expect(ready?.reason).toBe('DependencyNotReady');
      },
      { timeoutMs: 60_000 },
    );
    await eventually(
      'the operator is installed',
      () => world.kubectl(['get', 'deployment', 'mir-operator', '-n', 'mir-system']),
      { timeoutMs: 120_000, intervalMs: 200 },
    );
    expect(await world.kubectl(['get', 'dev', '-A', '-o', 'name'])).toBe('');
    await world.playKubelet();
    await eventually('the site is ready', () => siteIsReady(SITE_A), { timeoutMs: 120_000, intervalMs: 200 });
    await eventually('the other site is ready', () => siteIsReady(SITE_B), { timeoutMs: 120_000, intervalMs: 200 });
  }, 400_000);

  it('is ready though no device is online', async () => {
    const devices = [...(await world.devices('building-a')), ...(await world.devices('building-b'))];
    expect(devices.map(({ status }) => [status?.online, findCondition(status?.conditions, 'Ready')?.status])).toEqual([
      [false, 'True'],
      [false, 'True'],
      [false, 'True'],
    ]);
  });

  it('fails early where a device is Stalled, and names it', async () => {
    const twice = sensorYaml({
      name: 'sensor-twice',
      namespace: 'building-a',
      deviceId: 'sensor-a1',
      intervalSeconds: 9,
    });
    const started = performance.now();
    const commit = await world.fleet.commit(put('sites/building-a/twice.yaml', twice));
    await flux.fetch('fleet');
    const ready = await eventually(
      'the site has failed',
      async () => {
        const { status } = await flux.kustomization(SITE_A);
        const condition = conditionOf(status?.conditions, 'Ready');
        // Before that it waits until what it depends on has the same commit.
        if (condition?.reason !== 'HealthCheckFailed') throw new Error(JSON.stringify(status));
        return condition;
      },
      { timeoutMs: 120_000, intervalMs: 100 },
    );
    figure('flux: Stalled after the push, with a timeout of 300 s', performance.now() - started);
    expect(ready.status).toBe('False');
    expect(ready.message).toMatch(/stalled/);
    expect(ready.message).toContain('building-a/sensor-twice');
    // The other site is not held up by it.
    await flux.isReadyAt(SITE_B, commit);
  }, 200_000);

  it('is ready again when Git is mended, and prunes what left Git, at the broker too', async () => {
    const commit = await world.fleet.commit(remove('sites/building-a/twice.yaml'));
    await flux.fetch('fleet');
    await flux.isReadyAt(SITE_A, commit);
    await isGone(world, 'building-a', 'sensor-twice');
    const sensors = sensorYaml({ name: 'sensor-a3', namespace: 'building-a', intervalSeconds: 30 });
    const added = await world.fleet.commit(put('sites/building-a/third.yaml', sensors));
    await flux.fetch('fleet');
    await flux.isReadyAt(SITE_A, added);
    expect([...(await world.broker.retained('mir/v1alpha/sensor-a3/desired')).keys()]).toHaveLength(1);
    const removed = await world.fleet.commit(remove('sites/building-a/third.yaml'));
    await flux.fetch('fleet');
    await flux.isReadyAt(SITE_A, removed);
    await isGone(world, 'building-a', 'sensor-a3');
    await eventually('its document is withdrawn', async () => {
      expect([...(await world.broker.retained('mir/v1alpha/sensor-a3/#')).keys()]).toEqual([]);
    });
  }, 300_000);

  it('reverts drift, and makes a deleted device again', async () => {
    const drift = { properties: { desired: { [RATE]: { intervalSeconds: 5 } } } };
    await world.kube.patch(`${devicesPath('building-a')}/sensor-a1`, 'application/merge-patch+json', drift);
    expect(rateOf(await a1())).toBe(5);
    await world.kube.delete(`${devicesPath('building-a')}/sensor-a2`);
    await flux.reconcile(SITE_A);
    expect(rateOf(await a1())).toBe(60);
    expect(rateOf(await world.device('building-a', 'sensor-a2'))).toBe(60);
  }, 200_000);

  it('keeps messages of the field manager mir-cli, takes back what is in Git, and removes what a plain kubectl added', async () => {
    const patch = (manager: string | undefined, desired: object): Promise<string> =>
      world.kubectl([
        'patch',
        'dev',
        'sensor-a1',
        '-n',
        'building-a',
        '--type=merge',
        ...(manager === undefined ? [] : [`--field-manager=${manager}`]),
        '-p',
        JSON.stringify({ properties: { desired } }),
      ]);
    await patch('mir-cli', { 'device.v1.Mode': { mode: 'eco' }, [RATE]: { intervalSeconds: 7 } });
    await patch(undefined, { 'features.v1.Flags': { beta: true } });
    await flux.reconcile(SITE_A);
    const { properties } = await a1();
    expect(properties?.desired).toEqual({
      [RATE]: { intervalSeconds: 60 },
      'sensor.v1.AlertThreshold': { maxTemp: 25, minTemp: 18 },
      'device.v1.Mode': { mode: 'eco' },
    });
  }, 200_000);

  it('does not touch a device whose status and heartbeats change', async () => {
    await flux.reconcile(SITE_A);
    const before = desiredSide(await a1());
    await startSimulator(world, 'heartbeats', ['--id=sensor-a1', '--heartbeat=1']);
    for (let round = 1; round <= 3; round += 1) {
      await nextHeartbeat(world, 'building-a', 'sensor-a1');
      await flux.reconcile(SITE_A);
    }
    expect((await a1()).status?.online).toBe(true);
    expect(desiredSide(await a1())).toEqual(before);
  }, 400_000);

  it('leaves a suspended site as it is, and catches up afterwards', async () => {
    const suspend = (on: boolean): Promise<string> =>
      world.kubectl([
        'patch',
        'kustomization',
        SITE_B,
        '-n',
        'flux-system',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { suspend: on } }),
      ]);
    await suspend(true);
    const changed = sensorYaml({ name: 'sensor-b1', namespace: 'building-b', intervalSeconds: 1 });
    await world.fleet.commit(put('sites/building-b/sensors.yaml', changed));
    const drift = { properties: { desired: { [RATE]: { intervalSeconds: 77 } } } };
    await world.kube.patch(`${devicesPath('building-b')}/sensor-b1`, 'application/merge-patch+json', drift);
    // The other site takes the same commit: by then this one had every chance.
    await flux.reconcile(SITE_A);
    expect(rateOf(await world.device('building-b', 'sensor-b1'))).toBe(77);
    await suspend(false);
    await eventually(
      'the change of Git arrives',
      async () => expect(rateOf(await world.device('building-b', 'sensor-b1'))).toBe(1),
      { timeoutMs: 60_000 },
    );
  }, 300_000);

  it(`applies ${FLEET_SIZE} devices, and a change of all of them`, async () => {
    const site = 'building-c';
    const simulator = ['--id-prefix=building-c-', `--devices=${FLEET_SIZE}`, '--heartbeat=10', '--quiet'];
    const first = await world.fleet.commit(put('sites/building-c/sensors.yaml', siteYaml(site, FLEET_SIZE, 60)));
    await flux.fetch('fleet');
    const example =
      world
        .example('flux')
        .split('\n---\n')
        .find((text) => text.includes(`name: ${SITE_A}`)) ?? '';
    let started = performance.now();
    await world.kubectl(['apply', '--server-side', '-f', '-'], example.replaceAll('building-a', site));
    await flux.isReadyAt(`site-${site}`, first, 300_000);
    figure(`flux: ${FLEET_SIZE} devices created and Ready, all offline`, performance.now() - started);

    await startSimulator(world, 'fleet', simulator);
    await allInSync(world, site, FLEET_SIZE, 60);
    const second = await world.fleet.commit(put('sites/building-c/sensors.yaml', siteYaml(site, FLEET_SIZE, 30)));
    started = performance.now();
    await flux.fetch('fleet');
    await flux.isReadyAt(`site-${site}`, second, 300_000);
    figure(`flux: ${FLEET_SIZE} devices changed and Ready`, performance.now() - started);
    await allInSync(world, site, FLEET_SIZE, 30);
    figure(`flux: ${FLEET_SIZE} devices changed and in sync`, performance.now() - started);
  }, 900_000);
});

async function siteIsReady(name: string): Promise<void> {
  const { status } = await flux.kustomization(name);
  const ready = conditionOf(status?.conditions, 'Ready');
  if (ready?.status !== 'True') throw new Error(JSON.stringify(status?.conditions));
}
