/** What an upgrade and a way back do to fields that only the newer CRD has: with Helm 3 and 4, devices connected. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dump, load } from 'js-yaml';
import { eventually } from '../world/eventually.ts';
import { succeed } from './helm.ts';
import { RELEASE, SYSTEM, openInstallWorld } from './install-world.ts';
import type { InstallWorld } from './install-world.ts';
import { InstalledFleet, SITE, STEADY, clear, expectCrd } from './installed-fleet.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CHART = join(ROOT, 'helm/mir-operator');
const CRDS = join(ROOT, 'crds');
const CRD_FILE = 'files/crds/devices.iot.mir.yaml';
/** An API server refuses devices for some seconds after the policy came together with the CRD (docs/history.md). */
const SETS = ['mqtt.url=mqtt://127.0.0.1:1883', 'authors.policy=false', 'view.enabled=false'].flatMap((set) => [
  '--set',
  set,
]);

let world: InstallWorld;
let nextChart: string;

beforeAll(async () => {
  world = await openInstallWorld('crd-fields');
  nextChart = layOutNextVersion(world.directory);
}, 600_000);

afterAll(() => world?.close());

type Fields = Record<string, { properties: Record<string, object> }>;
interface Crd {
  readonly spec: {
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: { properties: Fields } } }[];
  };
}

/** This chart with a CRD that knows two fields more: one that people write, one that the operator writes. */
function layOutNextVersion(directory: string): string {
  const chart = join(directory, 'next');
  cpSync(CHART, chart, { recursive: true });
  const file = join(chart, CRD_FILE);
  const crd = load(readFileSync(file, 'utf8')) as Crd;
  for (const { schema } of crd.spec.versions) {
    for (const part of ['spec', 'status']) {
      const fields = schema.openAPIV3Schema.properties[part]?.properties;
      if (fields === undefined) throw new Error(`the CRD has no ${part}`);
      fields['nextVersion'] = { type: 'string', description: 'Of the next version.' };
    }
  }
  writeFileSync(file, dump(crd));
  return chart;
}

const fieldOf = (name: string, part: 'spec' | 'status'): Promise<string> =>
  world.run('get', 'dev', name, '-n', SITE, '-o', `jsonpath={.${part}.nextVersion}`);

const untilField = (name: string, part: 'spec' | 'status', expected: string): Promise<void> =>
  eventually(`${name} shows "${expected}" in its ${part}`, async () =>
    expect(await fieldOf(name, part)).toBe(expected),
  );

/** Tried until the API server takes the new field. */
async function writeSpec(name: string, value: string): Promise<void> {
  const patch = JSON.stringify({ spec: { nextVersion: value } });
  await eventually(`${name} takes the field`, async () => {
    await world.run('patch', 'dev', name, '-n', SITE, '--type=merge', '-p', patch);
    expect(await fieldOf(name, 'spec')).toBe(value);
  });
}

/** Tried until the operator's watch is one of the newer CRD: an older one shows it neither field. */
async function lookAgain(name: string): Promise<void> {
  let look = 0;
  await eventually(`the operator has looked at ${name}`, async () => {
    await world.run('label', 'dev', name, '-n', SITE, `look=${(look += 1)}`, '--overwrite');
    expect(await fieldOf(name, 'status')).toBe('');
  });
}

describe('fields that only the newer CRD has', () => {
  it.each<readonly [3 | 4]>([[4], [3]])(
    'come with an upgrade by Helm %d; a way back hides them, and an object loses them when it is written then',
    async (major) => {
      const fleet = new InstalledFleet(world);
      const helm = await world.helm(major);
      const goTo = async (action: 'install' | 'upgrade', chart: string): Promise<void> => {
        await succeed(helm(action, RELEASE, chart, '-n', SYSTEM, '--create-namespace', ...SETS));
        await expectCrd(world, join(chart, CRD_FILE));
      };
      try {
        await goTo('install', CHART);
        await fleet.create();
        const operator = await world.startPod({ name: `helm-${major}` });
        await fleet.untilWorking();
        await fleet.expectSilence();

        await goTo('upgrade', nextChart);
        for (const name of STEADY) await writeSpec(name, 'first');
        // Of the status, which is the leader's, nothing stays that it does not know once it has looked: a newer leader writes it again.
        const patch = JSON.stringify({ status: { nextVersion: 'of another leader' } });
        await world.run('patch', 'dev', 'pump', '-n', SITE, '--subresource=status', '--type=merge', '-p', patch);
        for (const name of STEADY) await writeSpec(name, 'kept');
        await lookAgain('pump');
        await fleet.untilWorking();
        await world.run('wait', '-n', SITE, 'dev', '--all', '--for=condition=Ready', '--timeout=60s');
        for (const name of STEADY) expect(await fieldOf(name, 'spec')).toBe('kept');

        const versions = await fleet.versions();
        await succeed(helm('rollback', RELEASE, '1', '-n', SYSTEM));
        await expectCrd(world, join(CHART, CRD_FILE));
        for (const name of STEADY) await untilField(name, 'spec', '');
        await fleet.untilWorking();
        expect(await fleet.versions()).toBe(versions);
        await world.run('label', 'dev', 'valve', '-n', SITE, 'floor=1');

        await goTo('upgrade', nextChart);
        await untilField('pump', 'spec', 'kept');
        expect(await fieldOf('valve', 'spec')).toBe('');
        await fleet.untilWorking();
        fleet.assertSilence();

        await operator.stop();
        await succeed(helm('uninstall', RELEASE, '-n', SYSTEM, '--wait'));
        await world.run('delete', 'namespace', SITE, SYSTEM, '--timeout=60s');
      } finally {
        fleet.destroy();
      }
      await clear(world, CRDS);
    },
    240_000,
  );
});
