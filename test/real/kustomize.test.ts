/** manifests/base and manifests/overlays, as `kubectl kustomize` builds them, on a real API server; two sites run in one cluster. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { load, loadAll } from 'js-yaml';
import { BASE, renderBase, renderBaseManifest } from '../tools/manifests.ts';
import { eventually } from '../world/eventually.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { findHelm } from './binaries.ts';
import { openInstallWorld, progress } from './install-world.ts';
import type { InstallWorld } from './install-world.ts';

const OVERLAYS = join(BASE, '..', 'overlays');
const SITES = ['building-a', 'building-b'] as const;

let world: InstallWorld;
/** What the base is made of. */
let manifest: string;
const operators: OperatorProcess[] = [];

beforeAll(async () => {
  manifest = renderBaseManifest(await findHelm(progress));
  world = await openInstallWorld('kustomize');
}, 600_000);

afterAll(() => world?.close());

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
}

interface NetworkPolicy extends Manifest {
  readonly spec: { readonly egress: readonly { readonly ports: readonly { readonly port: number }[] }[] };
}

interface Deployment extends Manifest {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly volumeMounts: readonly { readonly mountPath: string }[] }[];
        readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
      };
    };
  };
}

const run = (...args: readonly string[]): Promise<string> => world.run(...args);
const objectsIn = (text: string): Manifest[] => (loadAll(text) as (Manifest | null)[]).filter((one) => one !== null);
const build = async (folder: string): Promise<Manifest[]> => objectsIn(await run('kustomize', folder));
const one = (objects: readonly Manifest[], kind: string): Manifest => {
  const [found] = objects.filter((object) => object.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
};

/** Objects by kind and name, with the name that the ConfigMap has in manifests/install.yaml. */
function byName(objects: readonly Manifest[]): Record<string, unknown> {
  const plain = JSON.stringify(objects).replaceAll(/mir-operator-config-[a-z0-9]{10}/g, 'mir-operator');
  const named = (JSON.parse(plain) as Manifest[]).map((object) => [`${object.kind}/${object.metadata.name}`, object]);
  return Object.fromEntries(named) as Record<string, unknown>;
}

describe('manifests/base', () => {
  it('is made as manifests/install.yaml is, without the Mir view', () => {
    const files = Object.entries(renderBase(manifest));
    expect(files.map(([name]) => [name, readFileSync(join(BASE, name), 'utf8')])).toEqual(files);
  });

  it('builds what that manifest holds', async () => {
    const { 'ConfigMap/mir-operator': builtConfig, ...built } = byName(await build(BASE));
    const { 'ConfigMap/mir-operator': config, ...rest } = byName(objectsIn(manifest));
    expect(built).toEqual(rest);
    expect((builtConfig as Manifest).data).toEqual((config as Manifest).data);
  });
});

describe('every overlay', () => {
  it.each(readdirSync(OVERLAYS))(
    '%s is taken by the API server, and its Deployment finds its files',
    async (overlay) => {
      const folder = join(OVERLAYS, overlay);
      const objects = await build(folder);
      const { name } = one(objects, 'Namespace').metadata;
      await run('create', 'namespace', name);
      const dryRun = ['--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '-k', folder];
      expect(await world.kubectl(['apply', ...dryRun])).toMatchObject({ code: 0, stderr: '' });

      const { spec } = (one(objects, 'Deployment') as Deployment).spec.template;
      const config = one(objects, 'ConfigMap');
      expect(spec.volumes.map(({ configMap }) => configMap?.name)).toContain(config.metadata.name);
      const options = load(config.data?.['config.yaml'] ?? '') as Record<string, unknown>;
      expect(options['leaseName']).toBe('mir-operator');
      const mounts = spec.containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ mountPath }) => mountPath));
      const files = Object.values(options).filter((value) => typeof value === 'string' && value.startsWith('/'));
      expect(files.filter((file) => !mounts.some((mount) => String(file).startsWith(`${mount}/`)))).toEqual([]);
    },
  );
});

describe('the NetworkPolicy of manifests', () => {
  it.each(['base', ...readdirSync(OVERLAYS).map((overlay) => `overlays/${overlay}`)])(
    '%s lets the operator reach its broker, with TLS and without',
    async (folder) => {
      const objects = await build(join(BASE, '..', folder));
      const { mqttUrl } = load(one(objects, 'ConfigMap').data?.['config.yaml'] ?? '') as { mqttUrl: string };
      const { egress } = (one(objects, 'NetworkPolicy') as NetworkPolicy).spec;
      const ports = egress.flatMap((rule) => rule.ports.map(({ port }) => port));
      expect(ports).toEqual(expect.arrayContaining([Number(new URL(mqttUrl).port), 1883, 8883]));
    },
  );
});

describe('two sites in one cluster', () => {
  it('have an operator each, with rights of its own, for the devices of their own namespace', async () => {
    for (const site of SITES) {
      await run('create', 'namespace', site);
      await run('apply', '--server-side', '--force-conflicts', '-k', join(OVERLAYS, site));
      const device = {
        apiVersion: 'iot.mir/v1alpha',
        kind: 'device',
        metadata: { name: 'pump', namespace: site },
        spec: { deviceId: `pump-${site}` },
        properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds: 60 } } },
      };
      await run('wait', '--for=condition=Established', 'crd/devices.iot.mir');
      // An API server serves a kind a moment after it has accepted its names.
      await eventually('devices are served', () => world.apply(device), { timeoutMs: 30_000 });
    }
    for (const site of SITES) {
      const namespace = `mir-${site}`;
      operators.push(await world.startPod({ namespace, release: `mir-operator-${site}`, name: site }));
      await run('wait', '-n', site, 'dev/pump', '--for=condition=Ready', '--timeout=60s');
      const other = SITES.filter((name) => name !== site && operators.length < SITES.length);
      for (const name of other) {
        expect(await run('get', 'dev', 'pump', '-n', name, '-o', 'jsonpath={.status.observedGeneration}')).toBe('-1');
      }
    }
    const leases = await run('get', 'leases', '-A', '--field-selector', 'metadata.name=mir-operator', '-o', 'name');
    expect(leases.trim().split('\n')).toHaveLength(SITES.length);
    const documents = await world.broker.retained('mir/v1alpha/+/desired');
    expect([...documents.keys()].toSorted()).toEqual(SITES.map((site) => `mir/v1alpha/pump-${site}/desired`));
    const complaints = operators.flatMap((operator) => operator.logs().filter(({ level }) => level !== 'info'));
    expect(complaints).toEqual([]);
  });
});
