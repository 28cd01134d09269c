/** A large fleet: how soon it is served, what a restart costs, and what it takes to hold it. */
import type { Figure } from '../figures.ts';
import { TWO_MESSAGES } from '../load-order.ts';
import { residentMb } from '../process-usage.ts';
import { DEVICES, SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import { within } from '../within.ts';
import { COLLECT_MS, pause } from './idle.ts';
import type { LogLine, OperatorProcess } from '../../world/operator-process.ts';

const bench = 'fleet';

/** Cold start with `devices`, a restart, and the growth of memory up to `more` devices. */
export async function benchFleet(rig: Rig, devices: number, more: number): Promise<Figure[]> {
  rig.progress(`creating ${devices} devices`);
  await rig.createDevices(SERVED, 0, devices, TWO_MESSAGES);
  const floor = await rawColdStart(rig, devices);
  rig.progress('cold start');
  const cold = await coldStart(rig, devices);
  await untilIdle(cold.operator, devices);
  const afterColdStart = residentMb(cold.operator.pid);
  await cold.operator.stop();
  rig.progress('restart');
  const few = await restart(rig, devices);
  await few.operator.stop();
  rig.progress(`creating ${more - devices} more`);
  await rig.createDevices(SERVED, devices, more, TWO_MESSAGES);
  const settling = await rig.startOperator();
  await untilIdle(settling, more);
  await settling.stop();
  const many = await restart(rig, more);
  return [
    {
      bench,
      what: `cold start, ${devices} devices: LIST begins → last document at the broker`,
      value: cold.seconds,
      unit: 's',
      floor: { value: floor, what: 'raw LIST, then raw publishes' },
      target: { kind: 'at-most', limit: 2 },
      note: 'two messages each, empty broker',
    },
    {
      bench,
      what: 'publishes after a restart with nothing changed',
      value: few.publishes,
      unit: '',
      target: { kind: 'at-most', limit: 0 },
    },
    {
      bench,
      what: 'status writes after a restart with nothing changed',
      value: few.writes,
      unit: '',
      target: { kind: 'at-most', limit: 0 },
    },
    {
      bench,
      what: `RSS at ${devices} devices`,
      value: few.rss.now,
      unit: 'MB',
      target: { kind: 'at-most', limit: 105 },
      note: `settled after a restart (peak ${few.rss.peak.toFixed(0)}); after the cold start ${afterColdStart.now.toFixed(0)} (peak ${afterColdStart.peak.toFixed(0)})`,
    },
    {
      bench,
      what: 'RSS per further device',
      value: ((many.rss.now - few.rss.now) * 1000) / (more - devices),
      unit: 'kB',
      target: { kind: 'at-most', limit: 5 },
      note: `${many.rss.now.toFixed(0)} MB at ${more} devices`,
    },
  ];
}

/** Seconds of one paged LIST and, after it, of as many retained publishes: what no operator is faster than without overlapping the two. */
async function rawColdStart(rig: Rig, devices: number): Promise<number> {
  const client = await rig.connectDevice();
  const startedAt = performance.now();
  const listed = await rig.listDevices(SERVED);
  const payload = JSON.stringify(TWO_MESSAGES).padEnd(400);
  const topics = listed.map(({ metadata }) => `floor/${metadata.name}/desired`);
  await Promise.all(topics.map((topic) => client.publishAsync(topic, payload, { qos: 1, retain: true })));
  const seconds = (performance.now() - startedAt) / 1000;
  if (listed.length !== devices) throw new Error(`LIST of ${DEVICES}: ${listed.length} instead of ${devices} devices`);
  await Promise.all(topics.map((topic) => client.publishAsync(topic, '', { qos: 1, retain: true })));
  return seconds;
}

export async function coldStart(rig: Rig, devices: number): Promise<{ operator: OperatorProcess; seconds: number }> {
  const client = await rig.connectDevice();
  const waiting = new Set<string>();
  const complete = new Promise<number>((resolve) => {
    client.on('message', (topic) => {
      waiting.add(topic);
      if (waiting.size === devices) resolve(Date.now());
    });
  });
  await client.subscribeAsync('mir/v1alpha/+/desired', { qos: 0 });
  const operator = await rig.startOperator();
  const completeAt = await within(`${devices} documents arrive`, complete, 300_000);
  await client.endAsync();
  return { operator, seconds: (completeAt - listBegan(operator)) / 1000 };
}

/** The operator says when it begins to fill its cache. */
export function listBegan(operator: OperatorProcess): number {
  const line = operator.logs().find(({ msg }: LogLine) => msg === 'filling the cache');
  const time = line?.['time'];
  if (typeof time !== 'string') throw new Error('the operator did not log that it fills its cache');
  return Date.parse(time);
}

async function restart(rig: Rig, devices: number) {
  const operator = await rig.startOperator();
  await untilIdle(operator, devices);
  // The full comparison with the broker's copy is a matter of pages; the idle check has waited for those it saw begin.
  const metrics = await operator.metrics();
  await pause(COLLECT_MS);
  return {
    operator,
    publishes: metrics.value('mir_desired_published_total'),
    writes: metrics.value('mir_status_writes_total'),
    rss: residentMb(operator.pid),
  };
}
