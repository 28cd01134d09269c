/** Very many twins, settled long ago: a restart, being idle, heartbeats, and a broker that has lost everything. */
import type { MqttClient } from 'mqtt';
import { startCosts } from '../costs.ts';
import type { Figure } from '../figures.ts';
import { TWO_MESSAGES, deviceIdOf } from '../load-order.ts';
import { residentMb } from '../process-usage.ts';
import { SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import { within } from '../within.ts';
import { eventually } from '../../world/eventually.ts';
import type { OperatorProcess } from '../../world/operator-process.ts';
import { coldStart, listBegan } from './fleet.ts';
import { COLLECT_MS, pause, shareOf } from './idle.ts';

const bench = 'scale';
/** As the operator reads them by default. */
const PAGE = 200;
const PAGES_IN_FLIGHT = 4;
const WAIT_MS = 300_000;

export async function benchScale(rig: Rig, twins: number, seconds: number): Promise<Figure[]> {
  return [...(await benchRestart(rig, twins, seconds)), ...(await benchEmptyBroker(rig, twins))];
}

/** Nothing has changed: what is read, what is sent (nothing), what it takes to hold it all. */
async function benchRestart(rig: Rig, twins: number, seconds: number): Promise<Figure[]> {
  rig.progress('raw LIST and pages');
  // An API server that has just started fills its cache meanwhile: its first LIST takes four times as long.
  await rig.listDevices(SERVED);
  const listSeconds = await secondsOf(() => rig.listDevices(SERVED));
  const pageSeconds = await rawPages(rig, twins);
  rig.progress('restart');
  const operator = await rig.startOperator();
  const readCosts = startCosts(rig, operator);
  const readAt = await allPagesRead(operator, twins);
  const costs = readCosts();
  await untilIdle(operator, twins);
  const metrics = await operator.metrics();
  const atRest = await benchRest(rig, operator, twins, seconds);
  await operator.stop();
  return [
    {
      bench,
      what: `restart, ${twins} twins: LIST begins → all of the broker's copy is read`,
      value: (readAt - listBegan(operator)) / 1000,
      unit: 's',
      floor: {
        value: listSeconds + pageSeconds,
        what: `raw LIST ${listSeconds.toFixed(1)} s, then raw pages ${pageSeconds.toFixed(1)} s`,
      },
      target: { kind: 'times-floor', atMost: 1.1 },
      note: costs,
    },
    {
      bench,
      what: 'publishes and status writes after a restart with nothing changed',
      value: metrics.value('mir_desired_published_total') + metrics.value('mir_status_writes_total'),
      unit: '',
      target: { kind: 'at-most', limit: 0 },
    },
    ...atRest,
  ];
}

/** What it costs to hold the twins while nothing changes, and while all their devices send heartbeats. */
async function benchRest(rig: Rig, operator: OperatorProcess, twins: number, seconds: number): Promise<Figure[]> {
  rig.progress('nothing happens');
  await pause(COLLECT_MS);
  const settled = residentMb(operator.pid);
  const idle = await shareOf(operator.pid, () => pause(seconds * 1000));
  rig.progress('heartbeats');
  const order = { kind: 'heartbeat', devices: twins, messages: 20_000 * seconds, perSecond: 20_000 } as const;
  const beating = await shareOf(operator.pid, () => rig.load(order));
  const beaten = residentMb(operator.pid);
  return [
    {
      bench,
      what: `RSS at ${twins} twins, settled after a restart`,
      value: settled.now,
      unit: 'MB',
      target: { kind: 'at-most', limit: 400 },
      note: `peak ${settled.peak.toFixed(0)}; after the heartbeats ${beaten.now.toFixed(0)} (peak ${beaten.peak.toFixed(0)})`,
    },
    {
      bench,
      what: `operator's CPU, ${twins} twins online, nothing happens`,
      value: idle * 100,
      unit: '% of a core',
      target: { kind: 'at-most', limit: 0.5 },
      note: `${seconds} s`,
    },
    {
      bench,
      what: `operator's CPU, 20,000 heartbeats/s over ${twins} twins`,
      value: beating * 100,
      unit: '% of a core',
      target: { kind: 'at-most', limit: 15 },
    },
  ];
}

/** The broker has lost its store: every document is published again. */
async function benchEmptyBroker(rig: Rig, twins: number): Promise<Figure[]> {
  rig.progress('raw LIST and publishes');
  const listSeconds = await secondsOf(() => rig.listDevices(SERVED));
  await rig.emptyBroker();
  const publishSeconds = await rawPublishes(rig, twins);
  await rig.emptyBroker();
  rig.progress('cold start');
  const { operator, seconds } = await coldStart(rig, twins);
  const rss = residentMb(operator.pid);
  await operator.stop();
  return [
    {
      bench,
      what: `cold start, ${twins} twins: LIST begins → last document at an empty broker`,
      value: seconds,
      unit: 's',
      floor: {
        value: listSeconds + publishSeconds,
        what: `raw LIST ${listSeconds.toFixed(1)} s, then raw publishes ${publishSeconds.toFixed(1)} s`,
      },
      target: { kind: 'times-floor', atMost: 1.2 },
      note: `two messages each; RSS ${rss.now.toFixed(0)} MB (peak ${rss.peak.toFixed(0)})`,
    },
  ];
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

/** Epoch milliseconds at which the last page of the start had been read. */
async function allPagesRead(operator: OperatorProcess, twins: number): Promise<number> {
  await eventually(
    'all pages are read',
    async () => {
      const pages = (await operator.metrics()).value('mir_retained_pages_total', { result: 'complete' });
      if (pages < twins / PAGE) throw new Error(`${pages} pages so far`);
    },
    { timeoutMs: WAIT_MS, intervalMs: 100 },
  );
  return Date.now();
}

/** Seconds in which a client that does nothing else reads the stored state of each device by an exact filter. */
async function rawPages(rig: Rig, twins: number): Promise<number> {
  const client = await rig.connectDevice();
  const missing = new Map<string, () => void>();
  client.on('message', (topic) => {
    if (topic.endsWith('/state')) missing.get(topic.split('/')[2] ?? '')?.();
  });
  const pages = Math.ceil(twins / PAGE);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let page = next++; page < pages; page = next++) await readPage(client, missing, idsOf(page, twins));
  };
  const seconds = await secondsOf(() => Promise.all(Array.from({ length: PAGES_IN_FLIGHT }, lane)));
  await client.endAsync();
  return seconds;
}

/** Every twin here has a birth stored, behind its document. */
async function readPage(client: MqttClient, missing: Map<string, () => void>, ids: readonly string[]): Promise<void> {
  const filters = ids.map((id) => `mir/v1alpha/${id}/#`);
  const shown = Promise.withResolvers<void>();
  let left = ids.length;
  for (const id of ids) {
    missing.set(id, () => {
      if (missing.delete(id)) left -= 1;
      if (left === 0) shown.resolve();
    });
  }
  // At QoS 1 a client of MQTT.js with its defaults loses what is more than the broker's queue.
  await client.subscribeAsync(filters, { qos: 0 });
  await within('a page is shown', shown.promise);
  await client.unsubscribeAsync(filters);
}

function idsOf(page: number, twins: number): string[] {
  const from = page * PAGE;
  return Array.from({ length: Math.min(PAGE, twins - from) }, (_, at) => deviceIdOf(from + at));
}

async function rawPublishes(rig: Rig, twins: number): Promise<number> {
  const client = await rig.connectDevice();
  const payload = JSON.stringify(TWO_MESSAGES).padEnd(400);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < twins)
      await client.publishAsync(`floor/${deviceIdOf(next++)}/desired`, payload, { qos: 1, retain: true });
  };
  const seconds = await secondsOf(() => Promise.all(Array.from({ length: PUBLISHES_IN_FLIGHT }, lane)));
  await client.endAsync();
  return seconds;
}

/** Below the receive maximum of any broker that is tested here. */
const PUBLISHES_IN_FLIGHT = 1000;
