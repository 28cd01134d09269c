/** Four minutes in the life of 373 devices and two replicas, recorded through the dashboard's own queries. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { devicesPath } from '../../src/api/device.ts';
import { startPrometheus } from '../real/prometheus.ts';
import type { Prometheus } from '../real/prometheus.ts';
import { scratchDirectory } from '../real/reaper.ts';
import { startSubprocess } from '../real/subprocess.ts';
import type { Subprocess } from '../real/subprocess.ts';
import { findPrometheus } from '../real/system-packages.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { installView, routeView, viewFlag } from '../world/view-service.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import type { RecordedSeries, Recording } from './draw-dashboard.ts';
import { ALERTS_FILE, fillIn, readPanels } from './queries.ts';
import { RATE } from './site.ts';

const SIMULATOR = join(import.meta.dirname, '..', '..', 'src', 'simulator', 'main.ts');
const PROFILES = ['picture-fleet.yaml', 'picture-site.yaml'].map((name) => join(import.meta.dirname, name));
/** Twins of devices that nobody has built yet. */
const SPARE = 12;
const STEP_SECONDS = 2;

export async function recordStory(): Promise<Recording> {
  const { prometheus: binary } = await findPrometheus((line) => console.log(line));
  const world = await openWorld({ kind: 'real', dedicated: true });
  const directory = join(scratchDirectory('story'), 'prometheus');
  const prometheus = await startPrometheus(binary, directory, readFileSync(ALERTS_FILE, 'utf8'), STEP_SECONDS);
  const namespace = await world.namespace();
  const flags = ['--will-grace-seconds=2', viewFlag()];
  await installView(world);
  const operators = [await world.startOperator({ namespace, flags }), await world.startOperator({ namespace, flags })];
  prometheus.scrape(operators.map(({ url }, at) => ({ url, labels: labelsOf(at) })));
  await routeView(world, ...operators);
  const from = Date.now() / 1000;
  const reading = readView(world, namespace);
  await play(world, namespace, operators);
  clearInterval(reading);
  const recording = await readRecording(prometheus, from, Date.now() / 1000);
  await prometheus.close();
  await world.close();
  return recording;
}

const labelsOf = (at: number): Record<string, string> => ({
  job: 'mir-operator',
  namespace: 'mir-system',
  pod: `mir-operator-${at}`,
});

async function play(world: World, namespace: string, [leader, ...standby]: readonly OperatorProcess[]): Promise<void> {
  const startedAt = performance.now();
  /** Waits for a second of the story. */
  const until = async (second: number, what: string): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, startedAt + second * 1000 - performance.now()));
    console.log(`${second} s: ${what}`);
  };
  const simulate = (profile: string): Promise<Subprocess> =>
    startSubprocess(process.execPath, [SIMULATOR, `--profile=${profile}`, `--mqtt-url=${world.broker.url}`, '--quiet']);
  const [fleet = '', site = ''] = PROFILES;
  await until(5, 'twins are applied');
  for (const profile of PROFILES) await applyTwins(world, namespace, profile);
  for (let n = 1; n <= SPARE; n += 1) await createSpare(world, namespace, n);
  await until(20, 'the fleet comes');
  const devices = [await simulate(fleet)];
  await until(35, 'a second site comes');
  const remote = await simulate(site);
  await until(70, 'a change is rolled out');
  await rollOut(world, namespace, 30);
  await until(110, 'the broker goes');
  await world.broker.stop();
  await until(122, 'the broker is back');
  await world.broker.start();
  await until(150, 'the network of the second site goes');
  await remote.kill();
  await until(175, 'and is back');
  devices.push(await simulate(site));
  await until(195, 'the API server is overloaded');
  world.api.answer429(1);
  await until(201, 'no more');
  await world.api.restore();
  await until(210, 'a firmware goes wrong');
  const firmware = await world.broker.connect();
  for (let n = 0; n < 300; n += 1)
    await firmware.publishAsync(`mir/v1alpha/sensor-${1 + (n % 5)}/reported/${RATE}`, '{');
  await until(222, 'the leader is replaced');
  await leader?.stop();
  await routeView(world, ...standby);
  await until(240, 'the end');
  await Promise.all(devices.map((device) => device.kill()));
}

/** Somebody looks at devices in the Mir view, and at one that there is not. */
function readView({ kube }: World, namespace: string): NodeJS.Timeout {
  const path = `/apis/mir/v1alpha/namespaces/${namespace}/devices`;
  const read = (rest: string): void => void kube.get(`${path}${rest}`).catch(() => undefined);
  return setInterval(() => ['?limit=100', '/sensor-1', '/nobody'].forEach(read), 500);
}

async function applyTwins(world: World, namespace: string, profile: string): Promise<void> {
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const args = [SIMULATOR, `--profile=${profile}`, '--manifests', `--namespace=${namespace}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { code, stderr } = await world.kubectlWithInput(stdout, 'apply', '--server-side', '-f', '-');
  if (code !== 0) throw new Error(stderr);
}

function createSpare(world: World, namespace: string, n: number): Promise<unknown> {
  return world.kube.create(devicesPath(namespace), {
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name: `spare-${n}` },
    spec: { deviceId: `spare-${n}` },
    properties: { desired: { [RATE]: { intervalSeconds: 60 } } },
  });
}

async function rollOut(world: World, namespace: string, intervalSeconds: number): Promise<void> {
  const { items } = await world.kube.get<{ items: readonly { metadata: { name: string } }[] }>(devicesPath(namespace));
  const sensors = items.map(({ metadata }) => metadata.name).filter((name) => /^(sensor|remote)-/.test(name));
  for (const name of sensors) {
    await world.kube.patch(`${devicesPath(namespace)}/${name}`, 'application/merge-patch+json', {
      properties: { desired: { [RATE]: { intervalSeconds } } },
    });
  }
}

async function readRecording(prometheus: Prometheus, from: number, to: number): Promise<Recording> {
  const panels: Record<string, RecordedSeries[]> = {};
  for (const { title, targets = [] } of readPanels().filter(({ type }) => type !== 'row')) {
    const series: RecordedSeries[] = [];
    for (const { expr, legendFormat } of targets) {
      const found = await prometheus.queryRange(fillIn(expr, '15s'), { start: from, end: to, step: STEP_SECONDS });
      for (const { metric, values } of found) {
        const points = values.map(([time, value]) => [time, Number(value)] as const);
        series.push({
          legend: legendOf(legendFormat, metric),
          points: points.filter(([, value]) => !Number.isNaN(value)),
        });
      }
    }
    panels[title] = series;
  }
  return { from, to, step: STEP_SECONDS, panels };
}

function legendOf(format: string, metric: Readonly<Record<string, string>>): string {
  return format.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '').trim();
}
