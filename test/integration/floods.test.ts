/**
 * One device floods with all it has, and a neighbour feels nothing: beside every flood a change of the neighbour is measured from the
 * API server to the device, and the memory of the operator, which serves 5,000 twins with little of it.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { devicesPath } from '../../src/api/device.ts';
import type { Device, JsonObject } from '../../src/api/device.ts';
import { compileProtoFiles } from '../../src/schema/proto-files.ts';
import { residentMb } from '../bench/process-usage.ts';
import { scratchDirectory } from '../real/reaper.ts';
import type { MqttClient } from 'mqtt';
import { eventually } from '../world/eventually.ts';
import type { OperatorProcess } from '../world/operator-process.ts';
import { startCommand } from '../world/start-command.ts';
import { openWorld } from '../world/world.ts';
import type { World } from '../world/world.ts';
import { FILL, FLOODS } from './support/flood-kinds.ts';

const isReal = process.env['MIR_WORLD'] === 'real';
if (!isReal) process.stderr.write('floods need processes of their own: npm run test:real makes them\n');
const inRealWorld = isReal ? describe : describe.skip;

const TWINS = 5000;
const FLOOD_MS = 4000;
/** Of the neighbour's change beside a flood; what the machine itself takes at that time is allowed on top. */
const MOST_MS = 100;
const MOST_GROWTH_MB = 64;
/** All that the operator may have, heap and everything else, as with a cgroup. */
const MOST_MB = 256;
const HEAP_MB = 160;
const RATE = 'sensor.v1.SampleRate';
const PROTO = join(import.meta.dirname, '../../manifests/samples/proto');

let world: World;
let operator: OperatorProcess;
let namespace = '';
let neighbour: MqttClient;
let schemaFile = '';
let changes = 0;
/** What the neighbour was told, by its number, and when. */
const arrivals = new Map<number, number>();

beforeAll(async () => {
  if (!isReal) return;
  world = await openWorld();
  namespace = await world.namespace();
  schemaFile = join(scratchDirectory('flood'), 'schema.bin');
  writeFileSync(schemaFile, await compileProtoFiles([join(PROTO, 'sensor/v1/sensor.proto')], { includeDirs: [PROTO] }));
  await createMany(TWINS);
  await create('neighbour');
  const { env, nodeFlags } = startCommand();
  operator = await world.startOperator({
    namespace,
    isDirect: true,
    flags: ['--no-leader-election'],
    nodeFlags: [...nodeFlags, `--max-old-space-size=${HEAP_MB}`],
    env,
  });
  neighbour = await world.broker.connect({ clientId: id('neighbour') });
  neighbour.on('message', (_topic, payload) => {
    const { messages } = JSON.parse(payload.toString()) as { messages: Record<string, { value: { at?: number } }> };
    const at = messages[RATE]?.value.at;
    if (at !== undefined && !arrivals.has(at)) arrivals.set(at, performance.now());
  });
  await neighbour.subscribeAsync(`mir/v1alpha/${id('neighbour')}/desired`, { qos: 1 });
  await eventually(
    'the operator is calm',
    async () => {
      const metrics = await operator.metrics();
      expect(metrics.value('workqueue_depth')).toBe(0);
      expect(metrics.value('mir_desired_published_total')).toBeGreaterThanOrEqual(TWINS);
      expect(metrics.value('mir_status_writes_total')).toBeGreaterThanOrEqual(TWINS);
    },
    { timeoutMs: 120_000 },
  );
  await measure(3000);
}, 240_000);

afterAll(async () => {
  await world?.close();
}, 120_000);

const id = (name: string): string => `${namespace}-${name}`;

async function create(name: string): Promise<void> {
  await world.kube.create<Device>(devicesPath(namespace), {
    apiVersion: 'iot.mir/v1alpha',
    kind: 'device',
    metadata: { name },
    spec: { deviceId: id(name) },
    properties: { desired: { [RATE]: { intervalSeconds: 60 } } },
  });
}

async function createMany(count: number): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) await create(`twin-${at}`);
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

interface Measured {
  readonly p95Ms: number;
  readonly worstMs: number;
  readonly peakMb: number;
}

/** Changes the neighbour over and over for so long, one change after the other has arrived. */
async function measure(durationMs: number): Promise<Measured> {
  const end = performance.now() + durationMs;
  const took: number[] = [];
  let peakMb = 0;
  while (performance.now() < end) {
    took.push(await change());
    peakMb = Math.max(peakMb, residentMb(operator.pid).now);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  const sorted = took.toSorted((a, b) => a - b);
  const p95Ms = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.POSITIVE_INFINITY;
  return { p95Ms, worstMs: sorted.at(-1) ?? 0, peakMb };
}

/** Milliseconds from the PATCH to the device. */
async function change(): Promise<number> {
  changes += 1;
  const at = changes;
  const startedAt = performance.now();
  const patch: JsonObject = { properties: { desired: { [RATE]: { at } } } };
  await world.kube.patch(`${devicesPath(namespace)}/neighbour`, 'application/merge-patch+json', patch);
  const arrived = (): number => {
    const arrivedAt = arrivals.get(at);
    if (arrivedAt === undefined) throw new Error('not yet');
    return arrivedAt;
  };
  return (await eventually('the neighbour has its change', arrived, { intervalMs: 1, timeoutMs: 15_000 })) - startedAt;
}

async function fill(name: string): Promise<void> {
  for (const { suffix, payload } of FILL) {
    await world.broker.publish(`mir/v1alpha/${id(name)}/${suffix}`, payload, { retain: true, qos: 1 });
  }
  await eventually('its twin is full', async () => {
    const { status } = await world.kube.get<Device>(`${devicesPath(namespace)}/${name}`);
    expect(Object.keys(status?.reported ?? {}).length).toBeGreaterThanOrEqual(FILL.length);
  });
}

async function flood(name: string, kind: string): Promise<number> {
  const script = join(import.meta.dirname, 'support/flood-device.ts');
  const args = [script, String(world.broker.port), id(name), kind, String(FLOOD_MS), schemaFile];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout);
}

interface Felt extends Measured {
  readonly calmMs: number;
  readonly grownMb: number;
}

async function feel(kind: string, name: string): Promise<Felt> {
  await create(name);
  if (FLOODS[kind]?.isTwinFilled === true) await fill(name);
  const { p95Ms: calmMs } = await measure(1000);
  const before = residentMb(operator.pid).now;
  const [sent, beside] = await Promise.all([flood(name, kind), measure(FLOOD_MS)]);
  const felt = { ...beside, calmMs, grownMb: beside.peakMb - before };
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  const latency = `p95 ${ms(felt.p95Ms)}, worst ${ms(felt.worstMs)} (calm ${ms(calmMs)})`;
  const memory = `+${felt.grownMb.toFixed(0)} MB, ${felt.peakMb.toFixed(0)} MB in all`;
  process.stderr.write(`    flood of ${kind}: ${sent} messages; a neighbour's change ${latency}; ${memory}\n`);
  return felt;
}

const isTooMuch = ({ p95Ms, calmMs, grownMb }: Felt): boolean => p95Ms > MOST_MS + calmMs || grownMb > MOST_GROWTH_MB;

inRealWorld('a neighbour of a device that floods with', () => {
  it.each(Object.keys(FLOODS).map((kind, at) => [kind, `hostile-${at}`] as const))(
    '%s has its changes in time',
    async (kind, name) => {
      let felt = await feel(kind, name);
      // What else the machine does comes and goes; what a flood does comes every time.
      for (let again = 1; again <= 2 && isTooMuch(felt); again += 1) felt = await feel(kind, `${name}-${again}`);
      expect(felt.p95Ms).toBeLessThanOrEqual(MOST_MS + felt.calmMs);
      expect(felt.grownMb).toBeLessThanOrEqual(MOST_GROWTH_MB);
      expect(felt.peakMb).toBeLessThanOrEqual(MOST_MB);
      expect(await operator.isReady()).toBe(true);
    },
    90_000,
  );

  it('all of that lets the operator live, with 5,000 twins in 256 MB', async () => {
    const { peak } = residentMb(operator.pid);
    process.stderr.write(`    after all floods: the operator lives, ${peak.toFixed(0)} MB at most\n`);
    expect(await operator.isReady()).toBe(true);
    expect(readFileSync(`/proc/${operator.pid}/cmdline`, 'utf8')).toContain(`--max-old-space-size=${HEAP_MB}`);
    expect(peak).toBeLessThanOrEqual(MOST_MB);
    expect(await change()).toBeLessThan(5000);
  });
});
