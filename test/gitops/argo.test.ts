/** Argo CD, with the examples of manifests/gitops as they stand: real Argo CD, a real API server, a Git server, devices. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findCondition } from '../../src/api/conditions.ts';
import { devicesPath } from '../../src/api/device.ts';
import { eventually } from '../world/eventually.ts';
import { startArgo } from './argo.ts';
import type { Argo } from './argo.ts';
import { figure } from './figures.ts';
import { put, remove, sensorYaml, siteYaml } from './fleet-files.ts';
import { allInSync, isGone, nextHeartbeat, RATE, rateOf } from './fleet-state.ts';
import { openGitOpsWorld } from './gitops-world.ts';
import type { GitOpsWorld } from './gitops-world.ts';
import { managersOf } from './managers.ts';
import { startSimulator } from './simulator.ts';

const SITE_A = 'site-building-a';
const SITE_B = 'site-building-b';
const MERGE = 'application/merge-patch+json';
const APPLICATIONS = '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications';
const FLEET_SIZE = 500;

let world: GitOpsWorld;
let argo: Argo;

beforeAll(async () => {
  // With several API servers a CRD is established 5 s after its names were accepted, so that each of them has seen it.
  world = await openGitOpsWorld(['--apiserver-count=2']);
  argo = await startArgo(world);
}, 1_500_000);

afterAll(() => world?.close());

async function push(change: (work: string) => void, ...applications: readonly string[]): Promise<string> {
  const commit = await world.fleet.commit(change);
  for (const name of applications) {
    await eventually(
      `Argo CD has seen the commit of ${name}`,
      async () => {
        await argo.refresh(name);
        const { status } = await argo.application(name);
        if (status?.sync?.revision !== commit) throw new Error(`still ${status?.sync?.revision}`);
      },
      { timeoutMs: 60_000, intervalMs: 500 },
    );
  }
  return commit;
}

const healthOf = async (name: string): Promise<string | undefined> =>
  (await argo.application(name)).status?.health?.status;

const createdAt = (application: string): Promise<string> =>
  world.kubectl(['get', 'application', application, '-n', 'argocd', '-o', 'jsonpath={.metadata.creationTimestamp}']);

const establishedAt = (): Promise<string> => {
  const jsonpath = 'jsonpath={.status.conditions[?(@.type=="Established")].lastTransitionTime}';
  return world.kubectl(['get', 'crd', 'devices.iot.mir', '-o', jsonpath]);
};

describe('Argo CD', () => {
  it('brings the CRDs, then the operator by its chart, then one application a site', async () => {
    await world.kubectl(['apply', '--server-side', '-f', '-'], world.exampleFile('argo-cd/root.yaml'));
    // Argo CD puts no tracking on CRDs, so no event tells it that they are served now: its regular comparison does, which is off here.
    await eventually(
      'the CRDs are served and Argo CD knows',
      async () => {
        await argo.refresh('mir-crds');
        expect(await healthOf('mir-crds')).toBe('Healthy');
      },
      { timeoutMs: 120_000, intervalMs: 500 },
    );
    await eventually(
      'the operator is installed',
      () => world.kubectl(['get', 'deployment', 'mir-operator', '-n', 'mir-system']),
      { timeoutMs: 180_000, intervalMs: 200 },
    );
    expect(Date.parse(await createdAt('mir-operator'))).toBeGreaterThanOrEqual(Date.parse(await establishedAt()));
    // The wave of the operator is not over, so there is no site yet.
    expect(await world.kubectl(['get', 'applications', '-n', 'argocd', '-o', 'name'])).not.toContain('site-');
    await world.playKubelet();
    await argo.isHealthy('mir-operator');
    await eventually('there is an application a site', () => argo.application(SITE_A), { timeoutMs: 120_000 });
    await argo.isHealthy(SITE_A);
    await argo.isHealthy(SITE_B);
    await argo.isHealthy('mir');
  }, 600_000);

  it('is healthy though no device is online', async () => {
    const devices = [...(await world.devices('building-a')), ...(await world.devices('building-b'))];
    expect(devices.map(({ status }) => [status?.online, findCondition(status?.conditions, 'Ready')?.status])).toEqual([
      [false, 'True'],
      [false, 'True'],
      [false, 'True'],
    ]);
    expect(await healthOf(SITE_A)).toBe('Healthy');
  });

  it('is degraded where a device is Stalled, and prunes what left Git, at the broker too', async () => {
    const twice = { name: 'sensor-twice', namespace: 'building-a', deviceId: 'sensor-a1', intervalSeconds: 9 };
    const started = performance.now();
    await push(put('sites/building-a/twice.yaml', sensorYaml(twice)), SITE_A);
    await eventually('the site is degraded', async () => expect(await healthOf(SITE_A)).toBe('Degraded'));
    figure('argo: Degraded after the push', performance.now() - started);
    expect(await healthOf(SITE_B)).toBe('Healthy');
    const third = sensorYaml({ name: 'sensor-a3', namespace: 'building-a', intervalSeconds: 30 });
    const mended = await push((work) => {
      remove('sites/building-a/twice.yaml')(work);
      put('sites/building-a/third.yaml', third)(work);
    }, SITE_A);
    await argo.isHealthy(SITE_A, mended);
    await isGone(world, 'building-a', 'sensor-twice');
    expect([...(await world.broker.retained('mir/v1alpha/sensor-a3/desired')).keys()]).toHaveLength(1);
    await push(remove('sites/building-a/third.yaml'), SITE_A);
    await isGone(world, 'building-a', 'sensor-a3');
    await eventually('its document is withdrawn', async () => {
      expect([...(await world.broker.retained('mir/v1alpha/sensor-a3/#')).keys()]).toEqual([]);
    });
  }, 400_000);

  it('reverts drift, and makes a deleted device again', async () => {
    const drift = { properties: { desired: { [RATE]: { intervalSeconds: 5 } } } };
    await world.kube.patch(`${devicesPath('building-a')}/sensor-a1`, MERGE, drift);
    await eventually(
      'drift is reverted',
      async () => expect(rateOf(await world.device('building-a', 'sensor-a1'))).toBe(60),
      { timeoutMs: 90_000 },
    );
    await world.kube.delete(`${devicesPath('building-a')}/sensor-a2`);
    await eventually(
      'the device is back',
      async () => expect(rateOf(await world.device('building-a', 'sensor-a2'))).toBe(60),
      { timeoutMs: 90_000 },
    );
  }, 200_000);

  it('keeps messages that others added, of mir-cli and of a plain kubectl', async () => {
    const patch = ['patch', 'dev', 'sensor-a1', '-n', 'building-a', '--type=merge', '-p'];
    const adding = (message: string, value: object): string =>
      JSON.stringify({ properties: { desired: { [message]: value } } });
    await world.kubectl([...patch, adding('device.v1.Mode', { mode: 'eco' }), '--field-manager=mir-cli']);
    await world.kubectl([...patch, adding('features.v1.Flags', { beta: true })]);
    const second = sensorYaml({ name: 'sensor-a4', namespace: 'building-a', intervalSeconds: 30 });
    const commit = await push(put('sites/building-a/fourth.yaml', second), SITE_A);
    await argo.isHealthy(SITE_A, commit);
    const { properties } = await world.device('building-a', 'sensor-a1');
    expect(properties?.desired).toEqual({
      [RATE]: { intervalSeconds: 60 },
      'sensor.v1.AlertThreshold': { maxTemp: 25, minTemp: 18 },
      'device.v1.Mode': { mode: 'eco' },
      'features.v1.Flags': { beta: true },
    });
  }, 200_000);

  it('neither compares nor touches a device whose status and heartbeats change', async () => {
    await startSimulator(world, 'heartbeats', ['--id=sensor-a1', '--heartbeat=1']);
    await eventually('the device has taken what is desired', async () => {
      const { status } = await world.device('building-a', 'sensor-a1');
      expect(findCondition(status?.conditions, 'Synced')?.status).toBe('True');
    });
    await argo.refresh(SITE_A);
    const before = await world.device('building-a', 'sensor-a1');
    // The history of the change before may still be on its way, for which Argo CD compares once.
    await eventually(
      'three heartbeats cause no comparison',
      async () => {
        const comparisons = argo.comparisons(SITE_A);
        expect(comparisons).toBeGreaterThan(0);
        for (let round = 1; round <= 3; round += 1) await nextHeartbeat(world, 'building-a', 'sensor-a1');
        expect(argo.comparisons(SITE_A)).toBe(comparisons);
      },
      { timeoutMs: 120_000 },
    );
    const after = await world.device('building-a', 'sensor-a1');
    expect(after.metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
    const owned = (device: typeof before): unknown =>
      managersOf(device).find(({ manager }) => manager === 'argocd-controller')?.time;
    expect([after.metadata.generation, owned(after)]).toEqual([before.metadata.generation, owned(before)]);
    expect(owned(after)).toBeDefined();
  }, 400_000);

  it('leaves a suspended site as it is, and catches up afterwards', async () => {
    const policy = (automated: object | null): Promise<unknown> =>
      world.kube.patch(`${APPLICATIONS}/${SITE_B}`, MERGE, { spec: { syncPolicy: { automated } } });
    await policy(null);
    await argo.refreshSet('sites');
    const changed = sensorYaml({ name: 'sensor-b1', namespace: 'building-b', intervalSeconds: 1 });
    await push(put('sites/building-b/sensors.yaml', changed), SITE_B);
    const { status } = await argo.application(SITE_B);
    expect(status?.sync?.status).toBe('OutOfSync');
    const lastSync = status?.operationState?.startedAt;
    const drift = { properties: { desired: { [RATE]: { intervalSeconds: 77 } } } };
    await world.kube.patch(`${devicesPath('building-b')}/sensor-b1`, MERGE, drift);
    await argo.refresh(SITE_B);
    // By the time of a second look a sync of the first would have been seen.
    await argo.refresh(SITE_B);
    expect(rateOf(await world.device('building-b', 'sensor-b1'))).toBe(77);
    expect((await argo.application(SITE_B)).status?.operationState?.startedAt).toBe(lastSync);
    await policy({ prune: true, selfHeal: true });
    await eventually('the change of Git arrives', async () => {
      expect(rateOf(await world.device('building-b', 'sensor-b1'))).toBe(1);
    });
  }, 300_000);

  it(`applies ${FLEET_SIZE} devices, and a change of all of them`, async () => {
    const site = 'building-c';
    let started = performance.now();
    const first = await push(put(`sites/${site}/sensors.yaml`, siteYaml(site, FLEET_SIZE, 60)));
    await eventually(
      'there is an application of the new site',
      async () => {
        await argo.refreshSet('sites');
        await argo.application(`site-${site}`);
      },
      { timeoutMs: 60_000, intervalMs: 500 },
    );
    await argo.isHealthy(`site-${site}`, first, 300_000);
    figure(`argo: ${FLEET_SIZE} devices created and Healthy, all offline`, performance.now() - started);

    const fleet = ['--id-prefix=building-c-', `--devices=${FLEET_SIZE}`, '--heartbeat=10', '--quiet'];
    await startSimulator(world, 'fleet', fleet);
    await allInSync(world, site, FLEET_SIZE, 60);
    started = performance.now();
    const second = await push(put(`sites/${site}/sensors.yaml`, siteYaml(site, FLEET_SIZE, 30)), `site-${site}`);
    await argo.isHealthy(`site-${site}`, second, 300_000);
    figure(`argo: ${FLEET_SIZE} devices changed and Healthy`, performance.now() - started);
    await allInSync(world, site, FLEET_SIZE, 30);
    figure(`argo: ${FLEET_SIZE} devices changed and in sync`, performance.now() - started);
  }, 900_000);
});
