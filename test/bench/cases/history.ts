/** What it costs to keep who changed what: for a change on its way nothing, for the API server a read and a write. */
import { historyPath } from '../../../src/api/history.ts';
import type { DeviceHistory } from '../../../src/api/history.ts';
import { eventually } from '../../world/eventually.ts';
import { median } from '../figures.ts';
import type { Figure } from '../figures.ts';
import { deviceIdOf } from '../load-order.ts';
import { cpuSeconds } from '../process-usage.ts';
import { DEVICES, SERVED, untilIdle } from '../rig.ts';
import type { Rig } from '../rig.ts';
import { within } from '../within.ts';

const bench = 'history';
const MESSAGE = 'bench.v1.Setting';
const DEVICES_IN_TURN = 50;
const WARM_UP = 50;
/** Operators in turn, without and with histories, so that both see the same machine. */
const TURNS = 4;
const REQUESTS = 400;

export async function benchHistory(rig: Rig, rounds: number): Promise<Figure[]> {
  await rig.createDevices(SERVED, 0, DEVICES_IN_TURN, { [MESSAGE]: { n: 0 } });
  const device = await rig.connectDevice();
  await device.subscribeAsync('mir/v1alpha/+/desired', { qos: 1, rh: 2 });
  const [without, kept]: [number[], number[]] = [[], []];
  let n = 0;
  for (let turn = 0; turn < TURNS; turn += 1) {
    const isKept = turn % 2 === 1;
    rig.progress(`changes ${isKept ? 'with' : 'without'} histories`);
    const operator = await rig.startOperator(isKept ? [] : ['--history-limit=0']);
    await untilIdle(operator, DEVICES_IN_TURN);
    for (let round = 0; round < rounds + WARM_UP; round += 1) {
      const tookMs = await changeOne((n += 1));
      if (round >= WARM_UP) (isKept ? kept : without).push(tookMs);
    }
    if (isKept) await untilRecorded(rig, n);
    await operator.stop();
  }
  return [
    {
      bench,
      what: 'desired PATCH → MQTT arrival with histories, p50',
      value: median(kept),
      unit: 'ms',
      floor: { value: median(without), what: 'the same without' },
      target: { kind: 'times-floor', atMost: 1.1 },
      note: `${kept.length} changes each, operators in turn`,
    },
    ...(await requestCosts(rig)),
  ];

  async function changeOne(value: number): Promise<number> {
    const name = deviceIdOf(value % DEVICES_IN_TURN);
    const arrived = new Promise<number>((resolve) => {
      const hear = (topic: string, payload: Buffer): void => {
        if (topic !== `mir/v1alpha/${name}/desired` || !payload.toString().includes(`"n":${value}}`)) return;
        device.off('message', hear);
        resolve(performance.now());
      };
      device.on('message', hear);
    });
    const startedAt = performance.now();
    await rig.kube.patch(pathOf(name), 'application/merge-patch+json', {
      properties: { desired: { [MESSAGE]: { n: value } } },
    });
    return (await within(`change ${value} arrives`, arrived)) - startedAt;
  }
}

const pathOf = (name: string): string => `${DEVICES}/namespaces/${SERVED}/devices/${name}`;
const keyOf = (name: string): string => `${SERVED}/${name}`;

/** The newest change is in the history of its device. */
async function untilRecorded(rig: Rig, n: number): Promise<void> {
  await eventually(`change ${n} is recorded`, async () => {
    const { recorded } = await rig.kube.get<DeviceHistory>(historyPath(keyOf(deviceIdOf(n % DEVICES_IN_TURN))));
    if (recorded.desired?.[MESSAGE]?.['n'] !== n) throw new Error(JSON.stringify(recorded));
  });
}

/** CPU of the API server for what a recorded change asks of it, beside a status write. */
async function requestCosts(rig: Rig): Promise<Figure[]> {
  const names = Array.from({ length: DEVICES_IN_TURN }, (_, at) => deviceIdOf(at));
  const full = await Promise.all(names.map((name) => fill(rig, name)));
  const bytes = JSON.stringify(full[0]).length;
  const status = await costOf(rig, (name, at) =>
    rig.kube.patch(`${pathOf(name)}/status`, 'application/merge-patch+json', {
      status: { lastHeartbeat: new Date(1.7e12 + at * 1000).toISOString() },
    }),
  );
  const read = await costOf(rig, (name) => rig.kube.get(historyPath(keyOf(name))));
  const write = await costOf(rig, async (name, at) => {
    const history = full[at % DEVICES_IN_TURN];
    if (history === undefined) throw new Error(`${name} has no history`);
    const device = { ...history.device, generation: 1000 + at };
    full[at % DEVICES_IN_TURN] = await rig.kube.replace(historyPath(keyOf(name)), { ...history, device });
  });
  const floor = { value: status, what: 'a status write' };
  const one = (what: string, value: number, note: string): Figure => ({ bench, what, value, unit: 'ms', floor, note });
  return [
    one('CPU of the API server to read a history', read, `20 changes, ${bytes} bytes`),
    one('CPU of the API server to write one', write, '4 in flight'),
  ];
}

/** The history of `name` with 20 changes. */
async function fill(rig: Rig, name: string): Promise<DeviceHistory> {
  const path = historyPath(keyOf(name));
  const history = await rig.kube.get<DeviceHistory>(path);
  const changes = Array.from({ length: 20 }, () => history.changes[0]).filter((change) => change !== undefined);
  return rig.kube.replace<DeviceHistory>(path, { ...history, changes });
}

/** Milliseconds of CPU a request, 4 in flight. */
async function costOf(rig: Rig, request: (name: string, at: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const before = cpuSeconds(rig.apiServerPid);
  const work = async (): Promise<void> => {
    for (let at = next++; at < REQUESTS; at = next++) await request(deviceIdOf(at % DEVICES_IN_TURN), at);
  };
  await Promise.all([work(), work(), work(), work()]);
  return ((cpuSeconds(rig.apiServerPid) - before) * 1000) / REQUESTS;
}
