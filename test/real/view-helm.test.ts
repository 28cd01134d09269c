/** Documents of the Mir shape in a chart: Helm 4 installs, upgrades, rolls back and removes them through `mir/v1alpha`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ViewStage } from '../integration/support/view-stage.ts';
import { findHelm } from './binaries.ts';
import { helmFor, succeed } from './helm.ts';
import type { Helm } from './helm.ts';
import { scratchDirectory } from './reaper.ts';

let stage: ViewStage;
let chart: string;
let helm: Helm;

beforeAll(async () => {
  const directory = scratchDirectory('view-helm');
  stage = await ViewStage.open({ kind: 'real' });
  helm = helmFor(await findHelm((line) => void process.stderr.write(`${line}\n`)), stage.world.kubeconfig, directory);
  chart = join(directory, 'fleet');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: fleet\nversion: 0.1.0\n');
  writeFileSync(join(chart, 'values.yaml'), 'interval: 60\nsite: a\n');
  writeFileSync(
    join(chart, 'templates/twin.yaml'),
    `apiVersion: mir/v1alpha
kind: device
metadata: {name: charted}
meta: {labels: {site: "{{ .Values.site }}"}}
spec: {deviceId: ${stage.id('charted')}}
properties: {desired: {sensor.v1.SampleRate: {intervalSeconds: {{ .Values.interval }}}}}
`,
  );
}, 600_000);
afterAll(() => stage?.close(), 120_000);

it('is installed, upgraded, rolled back and uninstalled', async () => {
  const run = (...args: string[]): Promise<string> => succeed(helm(...args, '-n', stage.namespace));
  const wanted = async (): Promise<unknown> => {
    const { meta, properties } = await stage.mir('charted');
    return { meta, properties };
  };
  const twin = (site: string, intervalSeconds: number): unknown => ({
    meta: expect.objectContaining({ labels: expect.objectContaining({ site }) }),
    properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds } } },
  });
  await run('install', 'fleet', chart);
  expect(await wanted()).toEqual(twin('a', 60));
  await run('upgrade', 'fleet', chart, '--set', 'interval=30', '--set', 'site=b');
  expect(await wanted()).toEqual(twin('b', 30));
  await run('rollback', 'fleet', '1');
  expect(await wanted()).toEqual(twin('a', 60));
  await run('uninstall', 'fleet');
  await expect(stage.stored('charted')).rejects.toMatchObject({ status: 404 });
}, 120_000);
