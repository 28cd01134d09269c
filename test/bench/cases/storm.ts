/** Many reports at once: nothing that stands may be missing afterwards, and the API server gets what it can take. */
import type { Device } from '../../../src/api/device.ts';
import type { Figure } from '../figures.ts';
import { REPORTED_MESSAGE, deviceIdOf, lastSequence } from '../load-order.ts';
import type { LoadOrder } from '../load-order.ts';
import { cpuSeconds, residentMb } from '../process-usage.ts';
import { RAW, SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import type { OperatorProcess } from '../../world/operator-process.ts';
import { statusOf } from './latency.ts';

const FLEET = 1000;

/** 20,000 reports as fast as the broker takes them. */
export async function benchStorm(rig: Rig, messages: number): Promise<Figure[]> {
  const operator = await settledFleet(rig);
  const order = { kind: 'report', devices: FLEET, messages, perSecond: 0 } as const;
  const writesBefore = await statusWrites(operator);
  const cpuBefore = cpuSeconds(operator.pid);
  const { seconds } = await rig.load(order);
  await untilIdle(operator, FLEET);
  const cpu = cpuSeconds(operator.pid) - cpuBefore;
  const writes = (await statusWrites(operator)) - writesBefore;
  const note = `${messages} reports over ${FLEET} devices, sent in ${seconds.toFixed(2)} s`;
  const bench = 'storm';
  return [
    {
      bench,
      what: 'devices whose last value is missing',
      value: await missing(rig, order),
      unit: '',
      target: { kind: 'at-most', limit: 0 },
      note,
    },
    {
      bench,
      what: 'status writes',
      value: writes,
      unit: '',
      floor: { value: FLEET, what: 'one a device' },
      target: { kind: 'at-most', limit: 1200 },
    },
    {
      bench,
      what: "operator's CPU",
      value: cpu,
      unit: 's',
      target: { kind: 'at-most', limit: 2.5 },
      note: 'until idle again',
    },
  ];
}

/** 200,000 reports at 10,000 a second: more changes than the API server can take, for 20 s. */
export async function benchFlood(rig: Rig, messages: number): Promise<Figure[]> {
  await rig.createDevices(RAW, 0, FLEET, {});
  const operator = await settledFleet(rig);
  await rig.mirrorStatus();
  const order = { kind: 'report', devices: FLEET, messages, perSecond: 10_000 } as const;
  const floorBefore = await rawPatchRate(rig, 4000);
  const [floorBeside] = await Promise.all([
    rawPatchRate(rig, 4000),
    rig.load({ ...order, kind: 'unread', messages: 40_000 }),
  ]);
  const flood = await pourAndSample(rig, operator, order);
  await untilIdle(operator, FLEET);
  const lost = await missing(rig, order);
  const floorAfter = await rawPatchRate(rig, 4000);
  const bench = 'flood';
  return [
    {
      bench,
      what: 'devices whose last value is missing',
      value: lost,
      unit: '',
      target: { kind: 'at-most', limit: 0 },
    },
    {
      bench,
      what: 'status writes a second while saturated',
      value: flood.writesPerSecond,
      unit: '/s',
      floor: { value: (floorBefore + floorAfter) / 2, what: 'raw status PATCH, 4 in flight' },
      target: { kind: 'share-of-floor', atLeast: 0.85 },
      note: `floor ${Math.round(floorBefore)} before, ${Math.round(floorAfter)} after, ${Math.round(floorBeside)} with such a flood into the broker beside it, unread; ${messages} reports at 10,000/s`,
    },
    {
      bench,
      what: 'RSS growth in the second half of the flood',
      value: flood.rssEndMb - flood.rssMiddleMb,
      unit: 'MB',
      target: { kind: 'at-most', limit: 15 },
      note: `${flood.rssMiddleMb.toFixed(0)} → ${flood.rssEndMb.toFixed(0)} MB`,
    },
    { bench, what: "operator's CPU", value: flood.cpuShare * 100, unit: '% of a core' },
  ];
}

async function pourAndSample(rig: Rig, operator: OperatorProcess, order: Omit<LoadOrder, 'port'>) {
  const pouring = rig.load(order);
  // The first write of each device comes at once; saturated is what comes after.
  await pause(3000);
  const [at, writes, cpu] = [performance.now(), await statusWrites(operator), cpuSeconds(operator.pid)];
  await pause((order.messages / order.perSecond) * 500 - 3000);
  const rssMiddleMb = residentMb(operator.pid).now;
  await pouring;
  const seconds = (performance.now() - at) / 1000;
  return {
    writesPerSecond: ((await statusWrites(operator)) - writes) / seconds,
    cpuShare: (cpuSeconds(operator.pid) - cpu) / seconds,
    rssMiddleMb,
    rssEndMb: residentMb(operator.pid).now,
  };
}

/** 20,000 heartbeats a second from 1,000 devices. */
export async function benchHeartbeats(rig: Rig, seconds: number): Promise<Figure[]> {
  const BUDGET = 20;
  const operator = await settledFleet(rig);
  const order = { kind: 'heartbeat', devices: FLEET, messages: 20_000 * seconds, perSecond: 20_000 } as const;
  // A second's worth of unused turns is saved up, and spent first.
  await rig.load({ ...order, messages: 40_000 });
  const before = await operator.metrics();
  const cpuBefore = cpuSeconds(operator.pid);
  const sent = await rig.load(order);
  const cpuShare = (cpuSeconds(operator.pid) - cpuBefore) / sent.seconds;
  const after = await operator.metrics();
  const delta = (name: string): number => after.value(name) - before.value(name);
  const bench = 'heartbeats';
  return [
    {
      bench,
      what: 'status writes a second',
      value: delta('mir_status_writes_total') / sent.seconds,
      unit: '/s',
      // A turn may fall on either side of the measurement.
      target: { kind: 'at-most', limit: BUDGET + 1 },
      note: `${order.messages} heartbeats in ${sent.seconds.toFixed(1)} s, budget ${BUDGET} a second`,
    },
    {
      bench,
      what: 'heartbeats taken when the last was sent',
      value: (delta('mir_heartbeats_total') / order.messages) * 100,
      unit: '%',
      target: { kind: 'at-least', limit: 99.5 },
      note: 'QoS 0: what the operator does not read in time the broker drops',
    },
    { bench, what: "operator's CPU", value: cpuShare * 100, unit: '% of a core' },
  ];
}

async function settledFleet(rig: Rig): Promise<OperatorProcess> {
  await rig.createDevices(SERVED, 0, FLEET, {});
  const operator = await rig.startOperator();
  await rig.load({ kind: 'birth', devices: FLEET, messages: FLEET, perSecond: 0 });
  await untilIdle(operator, FLEET);
  return operator;
}

async function missing(rig: Rig, order: Omit<LoadOrder, 'port'>): Promise<number> {
  const expected = new Map(
    Array.from({ length: FLEET }, (_, device) => [deviceIdOf(device), lastSequence({ ...order, port: 0 }, device)]),
  );
  const hasLast = ({ metadata, status }: Device): boolean =>
    status?.reported?.[REPORTED_MESSAGE]?.['sequence'] === expected.get(metadata.name);
  const present = (await rig.listDevices(SERVED)).filter(hasLast);
  return FLEET - present.length;
}

/** Status PATCHes a second with as many in flight as the operator has. */
export async function rawPatchRate(rig: Rig, durationMs: number): Promise<number> {
  const end = performance.now() + durationMs;
  let count = 0;
  const work = async (): Promise<void> => {
    while (performance.now() < end) {
      const name = deviceIdOf((count += 1) % FLEET);
      const body = statusOf({ sequence: performance.now(), celsius: 21.5 });
      await rig.patchStatus(RAW, name, body);
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  return (count / durationMs) * 1000;
}

async function statusWrites(operator: OperatorProcess): Promise<number> {
  return (await operator.metrics()).value('mir_status_writes_total');
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
