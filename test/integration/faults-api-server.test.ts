import { expect } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { breakUnderTraffic } from './support/fault-run.ts';
import type { Lane } from './support/fault-lane.ts';
import { describeFaults } from './support/fault-suite.ts';
import { pause } from './support/pause.ts';

async function breakOneList({ api }: Lane, breakIt: (api: Lane['api']) => void): Promise<void> {
  const lists = (): number => api.log.count({ method: 'GET', path: /\/devices$/, isWatch: false });
  const before = lists();
  breakIt(api);
  expect(api.expireWatches()).toBeGreaterThan(0);
  await eventually('the operator lists again', () => expect(lists()).toBeGreaterThan(before));
}

const emptyOneList = (lane: Lane): Promise<void> => breakOneList(lane, (api) => api.emptyLists(1));
const shortenOneList = (lane: Lane, isTold: boolean): Promise<void> =>
  breakOneList(lane, (api) => api.shortenList(isTold));

/** Reports that the broker does not store: what the operator loses of them nobody brings back. */
async function answerListLate(lane: Lane): Promise<void> {
  const { api, broker } = lane;
  const [device] = lane.idle;
  const report = async (message: string): Promise<void> => {
    const payload = JSON.stringify({ value: { n: 1 } });
    await broker.publish(`mir/v1alpha/${device?.deviceId}/reported/${message}`, payload, { qos: 1, retain: false });
    await eventually(`${message} is in the status`, async () => {
      const { status } = (await lane.objects()).get(device?.name ?? '') ?? {};
      expect(status?.reported?.[message]).toEqual({ n: 1 });
    });
  };
  const asked = (isWatch: boolean): number => api.log.count({ method: 'GET', path: /\/devices$/, isWatch });
  const [lists, watches] = [asked(false), asked(true)];
  const release = api.holdLists();
  expect(api.expireWatches()).toBeGreaterThan(0);
  // The watch that is told of its end comes first.
  await eventually('the operator lists again', () => expect(asked(false)).toBeGreaterThan(lists + 1));
  await report('sensor.v1.First');
  release();
  await eventually('the operator watches again', () => expect(asked(true)).toBeGreaterThan(watches + 1));
  await report('sensor.v1.Second');
  const { status } = (await lane.objects()).get(device?.name ?? '') ?? {};
  expect(Object.keys(status?.reported ?? {})).toEqual(expect.arrayContaining(['sensor.v1.First', 'sensor.v1.Second']));
}

async function overload({ api }: Lane, retryAfterSeconds: number): Promise<void> {
  const since = performance.now();
  api.answer429(retryAfterSeconds);
  await pause(6000);
  await api.restore();
  expect(api.log.count({ status: 429, since })).toBeGreaterThan(0);
}

describeFaults('nothing is lost when the API server', {
  'is cut off for 30 s': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      api.cut();
      await pause(30_000);
      await api.restore();
    }),

  'is cut off for 30 s, without leader election': (world) =>
    breakUnderTraffic(
      world,
      async ({ api }) => {
        api.cut();
        await pause(30_000);
        await api.restore();
      },
      { flags: ['--leader-election=false'] },
    ),

  'takes requests and answers none for 12 s': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      api.hang();
      await pause(12_000);
      await api.restore();
    }),

  'expires the watch (410)': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      const lists = (): number => api.log.count({ method: 'GET', path: /\/devices$/, isWatch: false });
      const before = lists();
      expect(api.expireWatches()).toBeGreaterThan(0);
      await eventually('the operator lists again', () => expect(lists()).toBeGreaterThan(before));
    }),

  'expires the watch and answers one LIST with no items': (world) => breakUnderTraffic(world, emptyOneList),

  'expires the watch and answers one LIST with no items, in a fleet where that is too many': (world) =>
    breakUnderTraffic(world, emptyOneList, { flags: ['--sweep-minimum=2', '--sweep-max-fraction=0'] }),

  'expires the watch and answers one LIST with its first object': (world) =>
    breakUnderTraffic(world, (lane) => shortenOneList(lane, false)),

  'expires the watch and answers one LIST with its first object, in a fleet where that is too many': (world) =>
    breakUnderTraffic(world, (lane) => shortenOneList(lane, false), {
      flags: ['--sweep-minimum=2', '--sweep-max-fraction=0'],
    }),

  'expires the watch and answers one LIST with its first object, telling of the others': (world) =>
    breakUnderTraffic(world, (lane) => shortenOneList(lane, true)),

  'answers the LIST with what was before the statuses that were written meanwhile': (world) =>
    breakUnderTraffic(world, answerListLate),

  'answers 429 with Retry-After for 6 s': (world) => breakUnderTraffic(world, (lane) => overload(lane, 1)),

  'answers 429 for 6 s and asks for five minutes': (world) => breakUnderTraffic(world, (lane) => overload(lane, 300)),

  'drops the watch in the middle of a line': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      for (let time = 0; time < 3; time += 1) {
        await eventually('a watch is open and cut', () => expect(api.dropMidLine()).toBeGreaterThan(0));
        await pause(1000);
      }
    }),
});
