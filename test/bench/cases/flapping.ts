/** Devices that come and go all the time, and quiet ones among them, which must not notice. */
import { setTimeout as pause } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { findCondition } from '../../../src/api/conditions.ts';
import { startCosts } from '../costs.ts';
import { median, percentile } from '../figures.ts';
import type { Figure } from '../figures.ts';
import { REPORTED_MESSAGE, deviceIdOf } from '../load-order.ts';
import { residentMb } from '../process-usage.ts';
import { RawWatch } from '../raw-watch.ts';
import type { OperatorProcess } from '../../world/operator-process.ts';
import { SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import { statusWrites } from './bulk.ts';

const FLAPPING = 200;
const QUIET = 20;
/** Comings and goings of each device that flaps, a second. */
const TIMES_A_SECOND = 10;

/** `FLAPPING` devices flap for `seconds`, while `QUIET` others report in turn, four a second. */
export async function benchFlapping(rig: Rig, seconds: number): Promise<Figure[]> {
  const bench = 'flapping';
  const devices = FLAPPING + QUIET;
  await rig.createDevices(SERVED, 0, devices, {});
  const operator = await rig.startOperator();
  await rig.load({ kind: 'birth', devices, messages: devices, perSecond: 0 });
  await untilIdle(operator, devices);
  const stop = new AbortController();
  const watch = await RawWatch.open(rig.kube, stop.signal);
  const device = await rig.connectDevice();
  const calm = await reportInTurn(watch, device, 5);
  const before = await stateOf(operator);
  const readCosts = startCosts(rig, operator);
  const messages = FLAPPING * TIMES_A_SECOND * 2 * seconds;
  const flapping = rig.load({ kind: 'flap', devices: FLAPPING, messages, perSecond: messages / seconds });
  const meanwhile = await reportInTurn(watch, device, seconds - 1);
  const rss = residentMb(operator.pid).now;
  await flapping;
  const costs = readCosts();
  const after = await stateOf(operator);
  const named = (await rig.listDevices(SERVED)).filter(
    ({ status }) => findCondition(status?.conditions, 'Online')?.reason === 'Flapping',
  );
  stop.abort();
  return [
    {
      bench,
      what: 'report of a quiet device → visible on a raw watch, slowest',
      value: Math.max(...meanwhile),
      unit: 'ms',
      floor: { value: median(calm), what: 'p50 while nobody flaps' },
      target: { kind: 'at-most', limit: 2000 },
      note: `${meanwhile.length} reports, p50 ${median(meanwhile).toFixed(0)}, p95 ${percentile(meanwhile, 0.95).toFixed(0)} ms; ${FLAPPING} devices flap ${TIMES_A_SECOND} times a second for ${seconds} s`,
    },
    {
      bench,
      what: 'status writes a second, those reports left out',
      value: (after.writes - before.writes - meanwhile.length) / seconds,
      unit: '/s',
      floor: { value: FLAPPING / 10, what: 'one in 10 s for each device that flaps' },
      target: { kind: 'times-floor', atMost: 2 },
      note: costs,
    },
    {
      bench,
      what: 'devices that are said to flap',
      value: named.length,
      unit: '',
      floor: { value: FLAPPING, what: 'those that do' },
    },
    { bench, what: 'events dropped', value: after.dropped - before.dropped, unit: '' },
    {
      bench,
      what: 'RSS growth',
      value: rss - before.rss,
      unit: 'MB',
      target: { kind: 'at-most', limit: 25 },
      note: `${before.rss.toFixed(0)} → ${rss.toFixed(0)} MB`,
    },
  ];
}

/** What is compared before and after, of the operator. */
async function stateOf(operator: OperatorProcess) {
  return {
    writes: await statusWrites(operator),
    dropped: (await operator.metrics()).value('mir_events_dropped_total'),
    rss: residentMb(operator.pid).now,
  };
}

/** Quiet devices report, one after the other; resolves with the milliseconds until each report was seen. */
async function reportInTurn(watch: RawWatch, device: MqttClient, forSeconds: number): Promise<number[]> {
  const latencies: Promise<number>[] = [];
  for (let turn = 0; turn < forSeconds * 4; turn += 1) {
    latencies.push(report(watch, device, deviceIdOf(FLAPPING + (turn % QUIET))));
    await pause(250);
  }
  return Promise.all(latencies);
}

async function report(watch: RawWatch, device: MqttClient, name: string): Promise<number> {
  const startedAt = performance.now();
  const seen = watch.until(
    `${SERVED}/${name}`,
    ({ status }) => status?.reported?.[REPORTED_MESSAGE]?.['sequence'] === startedAt,
  );
  const value = JSON.stringify({ value: { sequence: startedAt } });
  device.publish(`mir/v1alpha/${name}/reported/${REPORTED_MESSAGE}`, value, { qos: 1, retain: true });
  return (await seen).at - startedAt;
}
