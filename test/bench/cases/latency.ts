/** How long single changes take, one after the other; each between two raw ones, so that both see the same machine. */
import type { MqttClient } from 'mqtt';
import type { Device } from '../../../src/api/device.ts';
import { median, percentile } from '../figures.ts';
import type { Figure } from '../figures.ts';
import { REPORTED_MESSAGE, deviceIdOf } from '../load-order.ts';
import { BARE, DEVICES, RAW, SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import { RawWatch } from '../raw-watch.ts';
import { within } from '../within.ts';

const DESIRED_MESSAGE = 'bench.v1.Setting';
/** Changes whose measurement is thrown away: connections open, code is compiled. */
const WARM_UP = 50;

/** Desired PATCH → MQTT arrival, minus the arrival of the same change on a raw watch. */
export async function benchDesired(rig: Rig, rounds: number): Promise<Figure[]> {
  const DEVICES_IN_TURN = 50;
  const bed = await openBed(rig, DEVICES_IN_TURN);
  const behindWatch: number[] = [];
  const toWatch: number[] = [];
  const hop: number[] = [];
  for (let round = 0; round < rounds + WARM_UP; round += 1) {
    const hopMs = await bed.mqttHop();
    const name = deviceIdOf(round % DEVICES_IN_TURN);
    const published = bed.arrival(`mir/v1alpha/${name}/desired`, (text) => text.includes(`"n":${round + 1}}`));
    const { startedAt, seen } = await bed.patchDesired(SERVED, name, round + 1);
    const settled = bed.watch.until(`${SERVED}/${name}`, isSettled);
    const arrivedAt = await published;
    await settled;
    if (round < WARM_UP) continue;
    hop.push(hopMs);
    behindWatch.push(arrivedAt - seen.at);
    toWatch.push(seen.at - startedAt);
  }
  bed.close();
  const floor = { value: median(hop), what: 'raw publish → arrival' };
  const note = `${rounds} changes; PATCH → raw watch p50 ${median(toWatch).toFixed(2)} ms`;
  return [
    {
      bench: 'desired',
      what: 'raw watch → MQTT arrival, p50',
      value: median(behindWatch),
      unit: 'ms',
      floor,
      target: { kind: 'at-most', limit: 1 },
      note,
    },
    {
      bench: 'desired',
      what: 'raw watch → MQTT arrival, p99',
      value: percentile(behindWatch, 0.99),
      unit: 'ms',
      floor: { value: percentile(hop, 0.99), what: 'raw publish → arrival, p99' },
      target: { kind: 'at-most', limit: 3 },
    },
  ];
}

/** A device's report → visible on a raw watch, against a raw status PATCH seen on the same watch. */
export async function benchReport(rig: Rig, rounds: number): Promise<Figure[]> {
  // Every device reports once: a second report within its interval would rightly wait.
  const bed = await openBed(rig, rounds + WARM_UP);
  await rig.load({ kind: 'birth', devices: rounds + WARM_UP, messages: rounds + WARM_UP, perSecond: 0 });
  await untilIdle(bed.operator, rounds + WARM_UP);
  await rig.mirrorStatus();
  const report: number[] = [];
  const patch: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds + WARM_UP; round += 1) {
    const bareMs = await bed.patchStatus(BARE, deviceIdOf(round), round + 1);
    const patchMs = await bed.patchStatus(RAW, deviceIdOf(round), round + 1);
    const name = deviceIdOf(round);
    const seen = bed.watch.until(
      `${SERVED}/${name}`,
      ({ status }) => status?.reported?.[REPORTED_MESSAGE]?.['sequence'] === round + 1,
    );
    const startedAt = performance.now();
    bed.device.publish(`mir/v1alpha/${name}/reported/${REPORTED_MESSAGE}`, `{"value":{"sequence":${round + 1}}}`, {
      qos: 1,
      retain: true,
    });
    const { at } = await seen;
    if (round < WARM_UP) continue;
    report.push(at - startedAt);
    patch.push(patchMs);
    bare.push(bareMs);
  }
  bed.close();
  return [
    {
      bench: 'report',
      what: 'report → visible on a raw watch, p50',
      value: median(report),
      unit: 'ms',
      floor: { value: median(patch), what: 'raw status PATCH → that watch' },
      target: { kind: 'times-floor', atMost: 1.3 },
      note: `p99 ${percentile(report, 0.99).toFixed(1)} ms against ${percentile(patch, 0.99).toFixed(1)} ms; ${besideBare(report, bare)}`,
    },
  ];
}

/** Desired PATCH → the device answers at once → Synced visible. */
export async function benchLoop(rig: Rig, rounds: number): Promise<Figure[]> {
  const DEVICES_IN_TURN = 50;
  const bed = await openBed(rig, DEVICES_IN_TURN);
  await rig.load({ kind: 'birth', devices: DEVICES_IN_TURN, messages: DEVICES_IN_TURN, perSecond: 0 });
  bed.answerAtOnce();
  await untilIdle(bed.operator, DEVICES_IN_TURN);
  await rig.mirrorStatus();
  const loop: number[] = [];
  const patch: number[] = [];
  const bare: number[] = [];
  let writesBefore = 0;
  for (let round = 0; round < rounds + WARM_UP; round += 1) {
    if (round === WARM_UP) writesBefore = await writesOf(bed);
    const name = deviceIdOf(round % DEVICES_IN_TURN);
    const withoutStatus = await bed.patchDesired(BARE, name, round + 1);
    const raw = await bed.patchDesired(RAW, name, round + 1);
    const synced = bed.watch.until(`${SERVED}/${name}`, (device) => isSynced(device, round + 1));
    const { startedAt } = await bed.patchDesired(SERVED, name, round + 1);
    const { at } = await synced;
    if (round < WARM_UP) continue;
    loop.push(at - startedAt);
    patch.push(raw.seen.at - raw.startedAt);
    bare.push(withoutStatus.seen.at - withoutStatus.startedAt);
  }
  await untilIdle(bed.operator, DEVICES_IN_TURN);
  const writes = (await writesOf(bed)) - writesBefore;
  bed.close();
  return [
    {
      bench: 'loop',
      what: 'desired PATCH → device answers → Synced visible, p50',
      value: median(loop),
      unit: 'ms',
      floor: { value: median(patch), what: 'raw desired PATCH → raw watch' },
      target: { kind: 'times-floor', atMost: 2.5 },
      note: `p99 ${percentile(loop, 0.99).toFixed(1)} ms; the device lives in the bench's process; ${besideBare(loop, bare)}`,
    },
    {
      bench: 'loop',
      what: 'status writes a loop',
      value: writes / rounds,
      unit: '',
      floor: { value: 1, what: 'one says all' },
      target: { kind: 'at-most', limit: 1.3 },
    },
  ];
}

/** The same against objects that have no status: what a status of some 2 kB costs the API server on top. */
function besideBare(samples: readonly number[], bare: readonly number[]): string {
  return `${(median(samples) / median(bare)).toFixed(2)} × the PATCH of an object without a status (${median(bare).toFixed(2)} ms)`;
}

type Bed = Awaited<ReturnType<typeof openBed>>;

/** Devices served and raw, an operator that has settled them, a watch, and a raw MQTT client. */
async function openBed(rig: Rig, devices: number) {
  await rig.createDevices(SERVED, 0, devices, { [DESIRED_MESSAGE]: { n: 0 } });
  for (const namespace of [RAW, BARE]) await rig.createDevices(namespace, 0, devices, { [DESIRED_MESSAGE]: { n: 0 } });
  const operator = await rig.startOperator();
  await untilIdle(operator, devices);
  const stop = new AbortController();
  const watch = await RawWatch.open(rig.kube, stop.signal);
  const device = await rig.connectDevice();
  const arrivals = new Arrivals(device);
  await device.subscribeAsync(['mir/v1alpha/+/desired', 'floor'], { qos: 1, rh: 2 });
  let hops = 0;
  return {
    operator,
    watch,
    device,
    arrival: (topic: string, matches: (text: string) => boolean) => arrivals.next(topic, matches),
    async mqttHop(): Promise<number> {
      const text = String((hops += 1));
      const arrived = arrivals.next('floor', (payload) => payload === text);
      const startedAt = performance.now();
      device.publish('floor', text, { qos: 1 });
      return (await arrived) - startedAt;
    },
    async patchDesired(namespace: string, name: string, n: number) {
      const seen = watch.until(
        `${namespace}/${name}`,
        (object) => object.properties?.desired?.[DESIRED_MESSAGE]?.['n'] === n,
      );
      const startedAt = performance.now();
      await rig.kube.patch(`${DEVICES}/namespaces/${namespace}/devices/${name}`, 'application/merge-patch+json', {
        properties: { desired: { [DESIRED_MESSAGE]: { n } } },
      });
      return { startedAt, seen: await seen };
    },
    /** Milliseconds of a status PATCH like the operator's, of an object that it does not see. */
    async patchStatus(namespace: string, name: string, sequence: number): Promise<number> {
      const seen = watch.until(
        `${namespace}/${name}`,
        ({ status }) => status?.reported?.[REPORTED_MESSAGE]?.['sequence'] === sequence,
      );
      const startedAt = performance.now();
      await rig.patchStatus(namespace, name, statusOf({ sequence }));
      return (await seen).at - startedAt;
    },
    /** From now on every device answers its document as a device does that applies in no time. */
    answerAtOnce(): void {
      device.on('message', (topic, payload) => answer(device, topic, payload));
    },
    close: () => stop.abort(),
  };
}

/** The status that the operator writes for one report. */
export function statusOf(value: Readonly<Record<string, unknown>>): object {
  const at = new Date().toISOString();
  return { reported: { [REPORTED_MESSAGE]: value }, properties: { reported: { [REPORTED_MESSAGE]: at } } };
}

export function answer(device: MqttClient, topic: string, payload: Buffer): void {
  if (!topic.endsWith('/desired') || payload.length === 0) return;
  const document = JSON.parse(payload.toString()) as {
    owner: { uid: string };
    messages: Record<string, { revision: number; value: unknown }>;
  };
  for (const [message, { revision, value }] of Object.entries(document.messages)) {
    const report = { version: 1, uid: document.owner.uid, revision, status: 'applied', value };
    const where = topic.replace(/desired$/, `reported/${message}`);
    device.publish(where, JSON.stringify(report), { qos: 1, retain: true });
  }
}

class Arrivals {
  readonly #waiters = new Map<string, { matches: (text: string) => boolean; resolve: (at: number) => void }>();

  constructor(client: MqttClient) {
    client.on('message', (topic, payload) => {
      const at = performance.now();
      const waiter = this.#waiters.get(topic);
      if (waiter?.matches(payload.toString()) !== true) return;
      this.#waiters.delete(topic);
      waiter.resolve(at);
    });
  }

  next(topic: string, matches: (text: string) => boolean): Promise<number> {
    const arrived = new Promise<number>((resolve) => {
      this.#waiters.set(topic, { matches, resolve });
    });
    return within(`a message arrives on ${topic}`, arrived);
  }
}

function isSettled({ metadata, status }: Device): boolean {
  return status?.observedGeneration === metadata.generation;
}

function isSynced(device: Device, n: number): boolean {
  const condition = device.status?.conditions?.find(({ type }) => type === 'Synced');
  return isSettled(device) && condition?.status === 'True' && device.status?.reported?.[DESIRED_MESSAGE]?.['n'] === n;
}

async function writesOf(bed: Bed): Promise<number> {
  return (await bed.operator.metrics()).value('mir_status_writes_total');
}
