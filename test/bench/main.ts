/**
 * `npm run bench`: measures the operator against a real kube-apiserver, etcd and mosquitto, every figure beside its floor of the
 * same run. `--only desired,storm` picks, `--json FILE` writes the figures, `--quick` takes fewer samples, `--entry FILE` measures
 * another build, `--node-flags` sets the operator's, `--profile DIRECTORY` has every operator write a CPU profile there,
 * `--twins 100000` sets how many `idle` knows. `--world DIRECTORY` keeps a control plane and a broker of `--twins` settled twins there,
 * which `scale` needs: made on first use, copied for every run.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchBulk, benchBulkAnswered } from './cases/bulk.ts';
import { benchDiet } from './cases/diet.ts';
import { benchFirstReports } from './cases/first-reports.ts';
import { benchFlapping } from './cases/flapping.ts';
import { benchFleet } from './cases/fleet.ts';
import { benchHistory } from './cases/history.ts';
import { benchIdle } from './cases/idle.ts';
import { benchDesired, benchLoop, benchReport } from './cases/latency.ts';
import { benchFlood, benchHeartbeats, benchStorm } from './cases/storm.ts';
import { benchPlugin } from './cases/plugin.ts';
import { benchScale } from './cases/scale.ts';
import { benchView } from './cases/view.ts';
import { benchTyped } from './cases/typed.ts';
import { copyWorld, keepWorld } from './kept-world.ts';
import { isMet, renderTable } from './figures.ts';
import type { Figure } from './figures.ts';
import { startCommand } from '../world/start-command.ts';
import { openRig } from './rig.ts';
import type { Rig, RigOptions } from './rig.ts';

type Bench = (rig: Rig, isQuick: boolean) => Promise<Figure[]>;

const BENCHES: Readonly<Record<string, Bench>> = {
  desired: (rig, isQuick) => benchDesired(rig, isQuick ? 100 : 500),
  report: (rig, isQuick) => benchReport(rig, isQuick ? 100 : 500),
  loop: (rig, isQuick) => benchLoop(rig, isQuick ? 100 : 500),
  storm: (rig) => benchStorm(rig, 20_000),
  flood: (rig, isQuick) => benchFlood(rig, isQuick ? 100_000 : 200_000),
  heartbeats: (rig, isQuick) => benchHeartbeats(rig, isQuick ? 3 : 10),
  fleet: (rig, isQuick) => benchFleet(rig, 5000, isQuick ? 10_000 : 15_000),
  bulk: (rig, isQuick) => benchBulk(rig, 2000, isQuick ? 1 : 3),
  'bulk-answered': (rig) => benchBulkAnswered(rig, 2000),
  'first-reports': (rig, isQuick) => benchFirstReports(rig, isQuick ? 5000 : 20_000),
  flapping: (rig, isQuick) => benchFlapping(rig, isQuick ? 15 : 30),
  view: (rig, isQuick) => benchView(rig, isQuick ? 2000 : 10_000, isQuick ? 100 : 500),
  typed: (rig) => benchTyped(rig, 5000),
  idle: (rig, isQuick) =>
    benchIdle(rig, values.twins === undefined ? (isQuick ? 2000 : 10_000) : twins, isQuick ? 10 : 30),
  scale: needWorld,
  history: (rig, isQuick) => benchHistory(rig, isQuick ? 50 : 150),
  plugin: (rig, isQuick) => benchPlugin(rig, isQuick ? 500 : 2000, isQuick ? 2000 : 10_000),
  diet: (rig, isQuick) => benchDiet(rig, isQuick ? 800 : 4000),
};

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    entry: { type: 'string' },
    'node-flags': { type: 'string' },
    profile: { type: 'string' },
    twins: { type: 'string' },
    world: { type: 'string' },
  },
});
const twins = Number(values.twins ?? 100_000);
const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const figures: Figure[] = [];
const start = startCommand();
const options = {
  entry: values.entry ?? buildBundle(),
  env: start.env,
  nodeFlags: [...(values['node-flags']?.split(' ').filter(Boolean) ?? start.nodeFlags), ...profiling(values.profile)],
  progress,
};
const command = [
  ...Object.entries(options.env).map(([name, value]) => `${name}=${value}`),
  'node',
  ...options.nodeFlags,
  options.entry,
];
if (values.world !== undefined) await keepWorld(values.world, twins, options);
for (const [name, bench] of selected(values.only)) figures.push(...(await run(name, bench, options)));

console.log(renderTable(figures));
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, load ${loadavg()
  .map((load) => load.toFixed(1))
  .join(' ')}`;
console.log(`\noperator: ${command.join(' ')} on Node ${process.versions.node}; ${machine}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report(machine), undefined, 2)}\n`);

/** A case of its own: filling its world takes longer than all others together. */
function needWorld(rig: Rig, isQuick: boolean): Promise<Figure[]> {
  if (values.world === undefined) throw new Error('--only scale needs --world DIRECTORY, where its twins are kept');
  return benchScale(rig, twins, isQuick ? 10 : 30);
}

async function run(name: string, bench: Bench, options: RigOptions): Promise<Figure[]> {
  progress(`${name}: opening a control plane and a broker`);
  const rig = await openRig({ ...options, ...(values.world !== undefined && { world: copyWorld(values.world) }) });
  try {
    return await bench(rig, values.quick);
  } finally {
    await rig.close();
  }
}

function selected(only: string | undefined): [string, Bench][] {
  if (only === undefined) return Object.entries(BENCHES).filter(([name]) => name !== 'scale');
  return only.split(',').map((name) => {
    const bench = BENCHES[name];
    if (bench === undefined) throw new Error(`--only ${name}: use ${Object.keys(BENCHES).join(', ')}`);
    return [name, bench];
  });
}

/** What the image runs: the bundle, made from the tree as it stands. */
function buildBundle(): string {
  const root = join(import.meta.dirname, '..', '..');
  execFileSync(process.execPath, [join(root, 'test', 'tools', 'build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
  return join(root, 'dist', 'main.js');
}

function profiling(directory: string | undefined): string[] {
  return directory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${directory}`];
}

function report(machine: string): object {
  return {
    at: new Date().toISOString(),
    node: process.versions.node,
    command,
    machine,
    figures: figures.map((figure) => ({ ...figure, isMet: isMet(figure) })),
  };
}
