import { expect } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { breakUnderTraffic } from './support/fault-run.ts';
import type { Lane } from './support/fault-lane.ts';
import { describeFaults } from './support/fault-suite.ts';
import { pause } from './support/pause.ts';

async function emptyOneList({ api }: Lane): Promise<void> {
  const lists = (): number => api.log.count({ method: 'GET', path: /\/devices$/, isWatch: false });
  const before = lists();
  api.emptyLists(1);
  expect(api.expireWatches()).toBeGreaterThan(0);
  await eventually('the operator lists again', () => expect(lists()).toBeGreaterThan(before));
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
