/** A fleet of the simulator with schemas: how soon it is in sync, and what that costs on both sides. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCondition } from '../../../src/api/conditions.ts';
import { loadSchema } from '../../../src/schema/load-schema.ts';
import { compileProtoFiles } from '../../../src/schema/proto-files.ts';
import { scratchDirectory } from '../../real/reaper.ts';
import type { OperatorProcess } from '../../world/operator-process.ts';
import type { Figure } from '../figures.ts';
import { cpuSeconds, residentMb } from '../process-usage.ts';
import { SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import { within } from '../within.ts';

const PROTO = join(import.meta.dirname, '../../../manifests/samples/proto');
const SIMULATOR = join(import.meta.dirname, '../../../src/simulator/main.ts');
const DESIRED = { 'sensor.v1.SampleRate': { intervalSeconds: 60 }, 'sensor.v1.AlertThreshold': { maxTemp: 30 } };
const bench = 'typed';

/** From the start of a simulator with `devices` devices that speak protobuf until the last one is Synced. */
export async function benchTyped(rig: Rig, devices: number): Promise<Figure[]> {
  rig.progress(`creating ${devices} devices`);
  await rig.createDevices(SERVED, 1, devices + 1, DESIRED, (n) => `typed-${n}`);
  const operator = await rig.startOperator();
  await untilIdle(operator, devices);
  const before = await usage(operator);
  rig.progress('starting the simulator');
  const fleet = await startFleet(rig, devices);
  const synced = untilSynced(rig, operator, devices, before.writes);
  const seconds = await within(`${devices} devices are in sync`, synced, 300_000);
  const after = await usage(operator);
  const fleetMb = residentMb(fleet.pid).now;
  await fleet.stop();
  return [
    {
      bench,
      what: `${devices} devices connect, bring their schema, get their configuration in protobuf: first connect → last Synced`,
      value: seconds,
      unit: 's',
      note: `devices and operator share the machine; the simulator's share is ${fleet.cpuSeconds().toFixed(1)} s of CPU`,
    },
    { bench, what: 'status writes a device', value: (after.writes - before.writes) / devices, unit: '' },
    { bench, what: 'documents published a device', value: (after.published - before.published) / devices, unit: '' },
    {
      bench,
      what: 'messages from devices, each',
      value: (after.reports - before.reports) / devices,
      unit: '',
      note: 'reports; a birth each besides',
    },
    { bench, what: "operator's CPU", value: after.cpu - before.cpu, unit: 's' },
    {
      bench,
      what: "operator's memory, typed fleet online",
      value: after.rss,
      unit: 'MB',
      note: `${before.rss.toFixed(0)} MB before`,
    },
    {
      bench,
      what: "memory of the SDK's side a device",
      value: ((fleetMb - EMPTY_PROCESS_MB) * 1000) / devices,
      unit: 'kB',
      note: `resident, sockets included; ${fleetMb.toFixed(0)} MB for all of them in one process`,
    },
    ...(await benchMessages()),
  ];
}

/** Node with the SDK loaded and no device. */
const EMPTY_PROCESS_MB = 75;

async function usage(operator: OperatorProcess) {
  const metrics = await operator.metrics();
  return {
    writes: metrics.value('mir_status_writes_total'),
    published: metrics.value('mir_desired_published_total'),
    reports: metrics.value('mir_reports_total'),
    cpu: cpuSeconds(operator.pid),
    rss: residentMb(operator.pid).now,
  };
}

async function startFleet(rig: Rig, devices: number) {
  const profile = join(scratchDirectory('bench-fleet'), 'profile.yaml');
  const group = {
    name: 'typed',
    count: devices,
    // Heartbeats are measured elsewhere, and their writes never end.
    heartbeat: '0s',
    schema: join(PROTO, 'sensor/v1/sensor.proto'),
    includes: [PROTO],
    encoding: 'protobuf',
    behaviours: Object.keys(DESIRED).map((message) => ({ kind: 'apply', message })),
  };
  writeFileSync(profile, JSON.stringify({ groups: [group] }));
  const url = `mqtt://127.0.0.1:${rig.brokerPort}`;
  const args = [SIMULATOR, '--profile', profile, '--mqtt-url', url, '--connect-rate', '0', '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const pid = child.pid ?? 0;
  const ended = once(child, 'close');
  let cpu = 0;
  return {
    pid,
    cpuSeconds: () => cpu,
    async stop() {
      cpu = cpuSeconds(pid);
      child.kill('SIGTERM');
      await ended;
      rmSync(profile, { force: true });
    },
  };
}

/** Seconds from now to the last status write after which every device is Synced. */
async function untilSynced(
  rig: Rig,
  operator: OperatorProcess,
  devices: number,
  writesBefore: number,
): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    let [writes, lastWriteAt] = [writesBefore, startedAt];
    for (let quiet = 0; quiet < QUIET_CHECKS; quiet += 1) {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
      const now = (await operator.metrics()).value('mir_status_writes_total');
      if (now === writes) continue;
      [writes, lastWriteAt, quiet] = [now, performance.now(), -1];
    }
    const listed = await rig.listDevices(SERVED);
    const synced = listed.filter(({ status }) => {
      const isTyped = findCondition(status?.conditions, 'SchemaValid')?.status === 'True';
      return isTyped && findCondition(status?.conditions, 'Synced')?.status === 'True';
    });
    if (synced.length === devices) return (lastWriteAt - startedAt) / 1000;
    rig.progress(`${synced.length} of ${devices} are in sync`);
  }
}

const CHECK_MS = 100;
const QUIET_CHECKS = 20;

/** What a typical message costs to check and to write, and to read; and a schema to load. */
async function benchMessages(): Promise<Figure[]> {
  const paths = ['sensor', 'wifi', 'firmware', 'device', 'features', 'climate'].map((name) =>
    join(PROTO, name, 'v1', `${name}.proto`),
  );
  const bytes = await compileProtoFiles(paths, { includeDirs: [PROTO] });
  const loaded = loadSchema(bytes);
  const type = loaded.ok ? loaded.schema.message('wifi.v1.Settings') : undefined;
  const value = { ssid: 'plant', security: 'WPA3_ENTERPRISE', password: 'not a good one', channel: 11, country: 'CH' };
  const encoded = type?.encode(value);
  if (type === undefined || encoded?.ok !== true) throw new Error('the sample schema cannot be used');
  return [
    {
      bench,
      what: 'a message of five fields: check, canonical form and encoding',
      value: microseconds(() => type.encode(value)),
      unit: 'µs',
      target: { kind: 'at-most', limit: 100 },
    },
    { bench, what: 'the same: decoding', value: microseconds(() => type.decode(encoded.value)), unit: 'µs' },
    {
      bench,
      what: `loading a schema of ${bytes.length} bytes`,
      value: microseconds(() => loadSchema(bytes)),
      unit: 'µs',
    },
  ];
}

/** Of one call, the first ones left out: a device that says one thing a minute finds the code compiled all the same. */
function microseconds(work: () => unknown): number {
  for (let round = 0; round < 200; round += 1) work();
  const startedAt = performance.now();
  for (let round = 0; round < 2000; round += 1) work();
  return ((performance.now() - startedAt) * 1000) / 2000;
}
