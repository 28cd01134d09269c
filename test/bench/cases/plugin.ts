/** `kubectl mir` as a person feels it: a list of a large fleet, and a change of many devices by label. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { findCondition } from '../../../src/api/conditions.ts';
import type { Device } from '../../../src/api/device.ts';
import { median } from '../figures.ts';
import type { Figure } from '../figures.ts';
import { deviceIdOf } from '../load-order.ts';
import { DEVICES, RAW, SERVED, untilIdle } from '../rig.ts';
import { endedChildrenCpuSeconds } from '../process-usage.ts';
import type { Rig } from '../rig.ts';
import { within } from '../within.ts';
import { answer, statusOf } from './latency.ts';

const BENCH = 'plugin';
const MESSAGE = 'bench.v1.Setting';
const IN_FLIGHT = 16;
const RUN_MS = 120_000;

/** `changed` devices answer; `listed` are there in all. */
export async function benchPlugin(rig: Rig, changed: number, listed: number): Promise<Figure[]> {
  const start = await startFigures(rig);
  rig.progress(`creating ${changed} devices twice`);
  for (const namespace of [SERVED, RAW]) {
    await rig.createDevices(namespace, 0, changed, { [MESSAGE]: { n: 0 } });
    await patchAll(rig, namespace, changed, { metadata: { labels: { type: 'sensor' } } });
  }
  const operator = await rig.startOperator();
  await rig.load({ kind: 'birth', devices: changed, messages: changed, perSecond: 0 });
  const device = await rig.connectDevice();
  device.on('message', (topic, payload) => answer(device, topic, payload));
  await device.subscribeAsync('mir/v1alpha/+/desired', { qos: 1 });
  await untilIdle(operator, changed);
  await rig.mirrorStatus();
  rig.progress('changing them');
  const changes = await changeFigures(rig, changed);
  rig.progress('changing them with an interruption');
  const interrupted = await interruptedFigures(rig, changed);
  rig.progress(`creating ${listed - changed} more devices`);
  await rig.createDevices(RAW, changed, listed, { [MESSAGE]: { n: 0 } });
  await inFlight(changed, listed, (name) => rig.patchStatus(RAW, name, statusOf({ n: 0 })));
  return [...start, ...changes, ...interrupted, ...(await listFigures(rig, listed))];
}

const STARTS = 5;

/** A command that asks no server anything. */
async function startFigures(rig: Rig): Promise<Figure[]> {
  const before = endedChildrenCpuSeconds();
  const runs: Run[] = [];
  for (let at = 0; at < STARTS; at += 1) runs.push(await mir(rig, ['--help']).done);
  const cpuMs = ((endedChildrenCpuSeconds() - before) * 1000) / STARTS;
  return [
    {
      bench: BENCH,
      what: 'start: --help',
      value: median(runs.map(({ seconds }) => seconds * 1000)),
      unit: 'ms',
      target: { kind: 'at-most', limit: 150 },
      note: `median of ${STARTS} runs; ${cpuMs.toFixed(0)} ms of processor time each`,
    },
  ];
}

async function changeFigures(rig: Rig, devices: number): Promise<Figure[]> {
  const raw = [await patchAll(rig, RAW, devices, desired(1))];
  const plain = await set(rig, 1).done;
  raw.push(await patchAll(rig, RAW, devices, desired(2)));
  const waited = await set(rig, 2, '--wait').done;
  const late = await notSynced(rig, 2);
  const rawRate = devices / (raw.reduce((sum, seconds) => sum + seconds, 0) / raw.length);
  return [
    {
      bench: BENCH,
      what: 'set -l: patches a second',
      value: devices / secondsSaid(plain),
      unit: '/s',
      floor: { value: rawRate, what: 'raw PATCHes of objects that no operator serves' },
      target: { kind: 'share-of-floor', atLeast: 0.8 },
      note: `${devices} devices, which answer; with start and list ${plain.seconds.toFixed(1)} s; it said: ${plain.stdout.trim()}`,
    },
    {
      bench: BENCH,
      what: 'set -l --wait: until the last is Synced',
      value: secondsSaid(waited),
      unit: 's',
      floor: { value: devices / rawRate, what: 'the raw PATCHes' },
      note: `exit code ${waited.code}; it said: ${waited.stdout.trim()}`,
    },
    {
      bench: BENCH,
      what: 'set -l --wait: devices not Synced at its end',
      value: late,
      unit: '',
      target: { kind: 'at-most', limit: 0 },
    },
  ];
}

/** `kill -9` in the middle, and the same command again. */
async function interruptedFigures(rig: Rig, devices: number): Promise<Figure[]> {
  const run = set(rig, 3, '--wait');
  await within(`a third of the devices are changed`, untilChanged(rig, 3, devices / 3), RUN_MS);
  run.child.kill('SIGKILL');
  await run.done;
  const before = await changedTo(rig, 3);
  const again = await set(rig, 3, '--wait').done;
  return [
    {
      bench: BENCH,
      what: 'set killed in the middle, repeated: devices not Synced',
      value: again.code === 0 ? await notSynced(rig, 3) : devices,
      unit: '',
      target: { kind: 'at-most', limit: 0 },
      note: `${before} of ${devices} were changed when it was killed; then it said: ${again.stdout.trim()}`,
    },
  ];
}

async function listFigures(rig: Rig, devices: number): Promise<Figure[]> {
  const runs: Run[] = [];
  for (let at = 0; at < 3; at += 1) runs.push(await mir(rig, ['list', '-n', RAW]).done);
  const rows = Math.min(...runs.map(({ stdout }) => stdout.split('\n').length - 2));
  return [
    {
      bench: BENCH,
      what: 'list: first rows',
      value: median(runs.map(({ firstMs }) => firstMs)),
      unit: 'ms',
      target: { kind: 'at-most', limit: 500 },
      note: 'from the start of the process',
    },
    {
      bench: BENCH,
      what: 'list: all rows',
      value: median(runs.map(({ seconds }) => seconds)),
      unit: 's',
      target: { kind: 'at-most', limit: 3 },
      note: `${rows} rows`,
    },
    {
      bench: BENCH,
      what: 'list: rows that lack',
      value: devices - rows,
      unit: '',
      target: { kind: 'at-most', limit: 0 },
    },
  ];
}

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly seconds: number;
  /** Until the first line but the header. */
  readonly firstMs: number;
}

function set(rig: Rig, n: number, ...more: readonly string[]): { child: ChildProcess; done: Promise<Run> } {
  return mir(rig, ['set', '-n', SERVED, '-l', 'type=sensor', MESSAGE, `n=${n}`, '--yes', ...more]);
}

function mir(rig: Rig, args: readonly string[]): { child: ChildProcess; done: Promise<Run> } {
  const beganAt = performance.now();
  const child = spawn(process.execPath, [rig.plugin, ...args], {
    env: { ...process.env, KUBECONFIG: rig.kubeconfig },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  let firstMs = Number.NaN;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (Number.isNaN(firstMs) && /\n.*\n/.test(stdout)) firstMs = performance.now() - beganAt;
  });
  const done = within(`kubectl mir ${args[0]} ends`, once(child, 'close'), RUN_MS).then((): Run => {
    const seconds = (performance.now() - beganAt) / 1000;
    return { code: child.exitCode ?? -1, stdout, seconds, firstMs };
  });
  return { child, done };
}

const secondsSaid = ({ stdout }: Run): number => Number(/ in ([\d.]+) s\n$/.exec(stdout)?.[1] ?? Number.NaN);

const desired = (n: number): object => ({ properties: { desired: { [MESSAGE]: { n } } } });

/** Seconds. */
async function patchAll(rig: Rig, namespace: string, devices: number, patch: object): Promise<number> {
  const beganAt = performance.now();
  await inFlight(0, devices, async (name) => {
    await rig.kube.patch(`${DEVICES}/namespaces/${namespace}/devices/${name}`, 'application/merge-patch+json', patch);
  });
  return (performance.now() - beganAt) / 1000;
}

async function inFlight(from: number, to: number, work: (name: string) => Promise<void>): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) await work(deviceIdOf(next++));
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function sensors(rig: Rig): Promise<readonly Device[]> {
  return (await rig.listDevices(SERVED)).filter(({ metadata }) => metadata.labels?.['type'] === 'sensor');
}

const has = ({ properties }: Device, n: number): boolean => properties?.desired?.[MESSAGE]?.['n'] === n;

async function changedTo(rig: Rig, n: number): Promise<number> {
  return (await sensors(rig)).filter((device) => has(device, n)).length;
}

async function untilChanged(rig: Rig, n: number, devices: number): Promise<void> {
  while ((await changedTo(rig, n)) < devices);
}

async function notSynced(rig: Rig, n: number): Promise<number> {
  return (await sensors(rig)).filter((device) => {
    const { metadata, status } = device;
    const isSynced = findCondition(status?.conditions, 'Synced')?.status === 'True';
    return !has(device, n) || status?.observedGeneration !== metadata.generation || !isSynced;
  }).length;
}
