/** A change of the whole fleet, as a roll-out makes it: 16 patches in flight, once with devices that are silent and once with ones that answer. */
import { findCondition } from '../../../src/api/conditions.ts';
import type { Device } from '../../../src/api/device.ts';
import type { OperatorProcess } from '../../world/operator-process.ts';
import { startCosts } from '../costs.ts';
import { median, percentile } from '../figures.ts';
import type { Figure } from '../figures.ts';
import { deviceIdOf } from '../load-order.ts';
import { DEVICES, RAW, SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import { within } from '../within.ts';
import { answer, statusOf } from './latency.ts';

const MESSAGE = 'bench.v1.Setting';
const PATCHES_IN_FLIGHT = 16;

/** Nobody answers: what counts is how soon the change is at the broker, and how little the operator's own writes are in its way. */
export async function benchBulk(rig: Rig, devices: number, rounds: number): Promise<Figure[]> {
  const bench = 'bulk';
  const operator = await settledFleet(rig, devices);
  const arrivals = await listenToBroker(rig);
  await patchAll(rig, RAW, devices, 1);
  const raw: Patched[] = [];
  const served: Patched[] = [];
  const latencies: number[] = [];
  const told: number[] = [];
  let [costs, rawCosts] = ['', ''];
  let writes = 0;
  for (let n = 2; n < rounds + 2; n += 1) {
    const readRawCosts = startCosts(rig, operator);
    raw.push(await patchAll(rig, RAW, devices, n));
    rawCosts = readRawCosts();
    const readCosts = startCosts(rig, operator);
    const writesBefore = await statusWrites(operator);
    const patched = await patchAll(rig, SERVED, devices, n);
    served.push(patched);
    const arrivedAt = await arrivals.all(devices, n);
    costs = readCosts();
    writes = (await statusWrites(operator)) - writesBefore;
    told.push((Math.max(...arrivedAt.values()) - patched.beganAt) / 1000);
    latencies.push(...latenciesOf(patched, arrivedAt));
    await untilIdle(operator, devices);
  }
  raw.push(await patchAll(rig, RAW, devices, rounds + 2));
  const rawToWatch = await rawLatencies(rig, devices, rounds + 3);
  const patchSeconds = median(served.map(({ seconds }) => seconds));
  const note = `${devices} devices, ${rounds} rounds, alternating; in the last, until all were told: ${writes} status writes; ${costs}; raw: ${rawCosts}`;
  return [
    {
      bench,
      what: 'patches a second',
      value: devices / patchSeconds,
      unit: '/s',
      floor: { value: devices / mean(raw), what: 'of objects that no operator serves' },
      target: { kind: 'share-of-floor', atLeast: 0.85 },
      note,
    },
    {
      bench,
      what: 'PATCH → MQTT arrival, p50',
      value: median(latencies),
      unit: 'ms',
      floor: { value: median(rawToWatch), what: 'raw PATCH → raw watch' },
      target: { kind: 'at-most', limit: 60 },
      note: `p99 ${percentile(latencies, 0.99).toFixed(0)} ms; the PATCH itself p50 ${median(served.flatMap(({ patchMs }) => patchMs)).toFixed(0)} ms, raw ${median(raw.flatMap(({ patchMs }) => patchMs)).toFixed(0)} ms`,
    },
    {
      bench,
      what: 'first PATCH → last MQTT arrival',
      value: median(told),
      unit: 's',
      floor: { value: patchSeconds, what: 'the patches themselves' },
      target: { kind: 'times-floor', atMost: 1.1 },
    },
  ];
}

/** Every device answers at once: one write each says Synced, and none says Pending before. */
export async function benchBulkAnswered(rig: Rig, devices: number): Promise<Figure[]> {
  const bench = 'bulk-answered';
  const operator = await settledFleet(rig, devices);
  await rig.load({ kind: 'birth', devices, messages: devices, perSecond: 0 });
  await untilIdle(operator, devices);
  const device = await rig.connectDevice();
  device.on('message', (topic, payload) => answer(device, topic, payload));
  await device.subscribeAsync('mir/v1alpha/+/desired', { qos: 1 });
  await untilIdle(operator, devices);
  await rig.mirrorStatus();
  await patchAll(rig, RAW, devices, 1);
  const floor = (await rawRollOut(rig, devices, 2)) / 2;
  const writesBefore = await statusWrites(operator);
  const readCosts = startCosts(rig, operator);
  const patched = await patchAll(rig, SERVED, devices, 2);
  const endedAt = await lastWriteAt(operator);
  const costs = readCosts();
  const writes = (await statusWrites(operator)) - writesBefore;
  const synced = (await rig.listDevices(SERVED)).filter(
    ({ metadata, status }) =>
      status?.observedGeneration === metadata.generation &&
      findCondition(status.conditions, 'Synced')?.status === 'True',
  );
  const floorAfter = (await rawRollOut(rig, devices, 3)) / 2;
  return [
    {
      bench,
      what: 'first PATCH → last device Synced',
      value: (endedAt - patched.beganAt) / 1000,
      unit: 's',
      floor: { value: floor + floorAfter, what: 'a raw PATCH and a raw status PATCH each, 16 in flight' },
      target: { kind: 'times-floor', atMost: 1.3 },
      note: `${devices} devices; the patches took ${patched.seconds.toFixed(1)} s; ${costs}`,
    },
    {
      bench,
      what: 'status writes a device',
      value: writes / devices,
      unit: '',
      floor: { value: 1, what: 'one says all' },
      target: { kind: 'at-most', limit: 1.02 },
    },
    {
      bench,
      what: 'devices not Synced',
      value: devices - synced.length,
      unit: '',
      target: { kind: 'at-most', limit: 0 },
    },
  ];
}

async function settledFleet(rig: Rig, devices: number): Promise<OperatorProcess> {
  rig.progress(`creating ${devices} devices twice`);
  for (const namespace of [SERVED, RAW]) await rig.createDevices(namespace, 0, devices, { [MESSAGE]: { n: 0 } });
  const operator = await rig.startOperator();
  await untilIdle(operator, devices);
  await rig.mirrorStatus();
  return operator;
}

interface Patched {
  readonly beganAt: number;
  readonly seconds: number;
  readonly startedAt: ReadonlyMap<string, number>;
  readonly patchMs: readonly number[];
}

async function patchAll(rig: Rig, namespace: string, devices: number, n: number): Promise<Patched> {
  const beganAt = performance.now();
  const startedAt = new Map<string, number>();
  const patchMs: number[] = [];
  await inFlight(devices, async (name) => {
    const at = performance.now();
    startedAt.set(name, at);
    await rig.kube.patch(`${DEVICES}/namespaces/${namespace}/devices/${name}`, 'application/merge-patch+json', {
      properties: { desired: { [MESSAGE]: { n } } },
    });
    patchMs.push(performance.now() - at);
  });
  return { beganAt, seconds: (performance.now() - beganAt) / 1000, startedAt, patchMs };
}

/** Seconds of what a roll-out cannot do without: a change of each object, and a status write of each. */
async function rawRollOut(rig: Rig, devices: number, n: number): Promise<number> {
  const { seconds } = await patchAll(rig, RAW, devices, n);
  const beganAt = performance.now();
  await inFlight(devices, (name) => rig.patchStatus(RAW, name, statusOf({ n })));
  return seconds + (performance.now() - beganAt) / 1000;
}

async function inFlight(devices: number, work: (name: string) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < devices) await work(deviceIdOf(next++));
  };
  await Promise.all(Array.from({ length: PATCHES_IN_FLIGHT }, lane));
}

/** When each device was first seen with which `n`. */
class Arrivals {
  readonly #rounds = new Map<number, Map<string, number>>();
  #wanted: { readonly n: number; readonly devices: number; readonly resolve: () => void } | undefined;

  note(name: string, n: number): void {
    const round = this.#rounds.get(n) ?? new Map<string, number>();
    if (!round.has(name)) round.set(name, performance.now());
    this.#rounds.set(n, round);
    if (this.#wanted?.n === n && this.#wanted.devices === round.size) this.#wanted.resolve();
  }

  async all(devices: number, n: number): Promise<ReadonlyMap<string, number>> {
    const arrived = new Promise<void>((resolve) => (this.#wanted = { n, devices, resolve }));
    if (this.#rounds.get(n)?.size !== devices) await within(`${devices} changes arrive`, arrived);
    return this.#rounds.get(n) ?? new Map<string, number>();
  }
}

async function listenToBroker(rig: Rig): Promise<Arrivals> {
  const arrivals = new Arrivals();
  const client = await rig.connectDevice();
  client.on('message', (topic, payload) => {
    arrivals.note(topic.split('/')[2] ?? '', Number(/"n":(\d+)/.exec(payload.toString())?.[1]));
  });
  await client.subscribeAsync('mir/v1alpha/+/desired', { qos: 0, rh: 2 });
  return arrivals;
}

/** Milliseconds from each PATCH to its event on a watch that does nothing else. */
async function rawLatencies(rig: Rig, devices: number, n: number): Promise<number[]> {
  const arrivals = new Arrivals();
  const stop = new AbortController();
  const path = `${DEVICES}/namespaces/${RAW}/devices`;
  const { metadata } = await rig.kube.get<{ metadata: { resourceVersion: string } }>(path, { limit: 1 });
  const watching = (async (): Promise<void> => {
    const query = { resourceVersion: metadata.resourceVersion };
    for await (const { type, object } of rig.kube.watch<Device>(path, query, stop.signal)) {
      if (type === 'MODIFIED')
        arrivals.note(object.metadata.name, Number(object.properties?.desired?.[MESSAGE]?.['n']));
    }
  })();
  const patched = await patchAll(rig, RAW, devices, n);
  const latencies = latenciesOf(patched, await arrivals.all(devices, n));
  stop.abort();
  await watching;
  return latencies;
}

function latenciesOf({ startedAt }: Patched, arrivedAt: ReadonlyMap<string, number>): number[] {
  return [...arrivedAt].map(([name, at]) => at - (startedAt.get(name) ?? Number.NaN));
}

/** The moment of the last status write, once there has been none for two seconds. */
export async function lastWriteAt(operator: OperatorProcess): Promise<number> {
  let [writes, at] = [await statusWrites(operator), performance.now()];
  while (performance.now() - at < 2000) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = await statusWrites(operator);
    if (now !== writes) [writes, at] = [now, performance.now()];
  }
  return at;
}

export async function statusWrites(operator: OperatorProcess): Promise<number> {
  return (await operator.metrics()).value('mir_status_writes_total');
}

function mean(patched: readonly Patched[]): number {
  return patched.reduce((sum, { seconds }) => sum + seconds, 0) / patched.length;
}
