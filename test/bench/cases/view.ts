/** What a request costs more through the Mir view than through the CRD's own API, and what the view's process needs for long lists. */
import { eventually } from '../../world/eventually.ts';
import { installView, routeView, viewFlag } from '../../world/view-service.ts';
import { median } from '../figures.ts';
import type { Figure } from '../figures.ts';
import { residentMb } from '../process-usage.ts';
import { deviceIdOf } from '../load-order.ts';
import { RAW } from '../rig.ts';
import type { Rig } from '../rig.ts';

const bench = 'view';
const STORED = '/apis/iot.mir/v1alpha';
const MIR = '/apis/mir/v1alpha';
const PAGE = 500;
const DESIRED = {
  'sensor.v1.SampleRate': { intervalSeconds: 60 },
  'sensor.v1.AlertThreshold': { maxTemp: 25, minTemp: 18 },
};

/** `samples` of each request, alternately; `devices` in the longest list. */
export async function benchView(rig: Rig, devices: number, samples: number): Promise<Figure[]> {
  await installView(rig);
  const operator = await rig.startOperator([viewFlag()]);
  await routeView(rig, operator);
  rig.progress(`creating ${devices} devices`);
  await rig.createDevices(RAW, 0, devices, DESIRED);
  for (let device = 0; device < PAGE; device++) await rig.patchStatus(RAW, deviceIdOf(device), statusOf(device));
  const path = (prefix: string, name = ''): string => `${prefix}/namespaces/${RAW}/devices${name}`;
  const nameOf = (round: number): string => `/${deviceIdOf(round % PAGE)}`;
  rig.progress('GET');
  const get = await pair(samples, (prefix, round) => rig.kube.get(path(prefix, nameOf(round))));
  rig.progress('PATCH');
  const patch = await pair(samples, (prefix, round) =>
    rig.kube.patch(path(prefix, nameOf(round)), 'application/merge-patch+json', {
      properties: { desired: { 'sensor.v1.SampleRate': { intervalSeconds: round + (prefix === MIR ? 0.5 : 0) } } },
    }),
  );
  rig.progress(`LIST of ${PAGE}`);
  const list = await pair(Math.ceil(samples / 10), (prefix) => rig.kube.get(path(prefix), { limit: PAGE }));
  rig.progress(`LIST of ${devices}`);
  const before = residentMb(operator.pid).peak;
  for (let round = 0; round < 5; round++) {
    const { items } = await rig.kube.get<{ items: unknown[] }>(path(MIR));
    if (items.length !== devices) throw new Error(`the list has ${items.length} of ${devices} devices`);
  }
  const after = residentMb(operator.pid).peak;
  await eventually('the view has answered all', async () => {
    const metrics = await operator.metrics();
    if (metrics.value('mir_view_requests_total', { code: '200' }) === 0) throw new Error('it counts none');
  });
  return [
    more('GET through the view, beyond the CRD', get),
    more('merge patch of desired through the view, beyond the CRD', patch),
    {
      bench,
      what: `LIST of ${PAGE} through the view`,
      value: list.mir,
      unit: 'ms',
      floor: { value: list.stored, what: 'the CRD' },
      target: { kind: 'times-floor', atMost: 1.6 },
      note: 'median',
    },
    {
      bench,
      what: `peak memory that five LISTs of ${devices} add`,
      value: after - before,
      unit: 'MB',
      target: { kind: 'at-most', limit: 20 },
      note: `peak ${after.toFixed(0)} MB`,
    },
  ];
}

interface Pair {
  readonly stored: number;
  readonly mir: number;
}

/** Median milliseconds of \`count\` requests to either API, alternately. */
async function pair(count: number, ask: (prefix: string, round: number) => Promise<unknown>): Promise<Pair> {
  const times: Record<string, number[]> = { [STORED]: [], [MIR]: [] };
  // Code that has not run often is compiled later, and slower: on both sides.
  const warmUp = Math.ceil(count / 5);
  for (let round = -warmUp; round < count; round++) {
    for (const prefix of round % 2 === 0 ? [STORED, MIR] : [MIR, STORED]) {
      const startedAt = performance.now();
      await ask(prefix, round + warmUp);
      if (round >= 0) times[prefix]?.push(performance.now() - startedAt);
    }
  }
  return { stored: median(times[STORED] ?? []), mir: median(times[MIR] ?? []) };
}

function more(what: string, { stored, mir }: Pair): Figure {
  return {
    bench,
    what,
    value: mir - stored,
    unit: 'ms',
    target: { kind: 'at-most', limit: 1.5 },
    note: `medians ${mir.toFixed(2)} and ${stored.toFixed(2)} ms`,
  };
}

/** As large as that of a device in sync. */
function statusOf(device: number): object {
  const time = '2026-01-01T00:00:00.000Z';
  const record = { state: 'InSync', revision: 1, digest: 'uCMppiGpVpo-L9eD38QQgg', since: time };
  const condition = (type: string, reason: string): object => ({
    type,
    status: 'True',
    reason,
    message: '',
    lastTransitionTime: time,
  });
  const names = Object.keys(DESIRED);
  const each = (value: unknown): object => Object.fromEntries(names.map((name) => [name, value]));
  return {
    observedGeneration: 1,
    online: true,
    lastHeartbeat: time,
    reported: DESIRED,
    properties: { desired: each(time), reported: each(time) },
    sync: each(record),
    conditions: [condition('Ready', 'Published'), condition('Synced', 'InSync'), condition('Online', 'Birth')],
    session: { id: `session-${device}`, heartbeat: 10 },
  };
}
