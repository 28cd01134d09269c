import { expect } from '@jest/globals';
import { eventually } from '../world/eventually.ts';
import { breakUnderTraffic } from './support/fault-run.ts';
import { describeFaults } from './support/fault-suite.ts';
import { pause } from './support/pause.ts';

describeFaults('nothing is lost when', {
  'the API server is cut off for 30 s': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      api.cut();
      await pause(30_000);
      await api.restore();
    }),

  'the API server is cut off for 30 s, without leader election': (world) =>
    breakUnderTraffic(
      world,
      async ({ api }) => {
        api.cut();
        await pause(30_000);
        await api.restore();
      },
      { flags: ['--leader-election=false'] },
    ),

  'the API server takes requests and answers none for 12 s': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      api.hang();
      await pause(12_000);
      await api.restore();
    }),

  'the API server expires the watch (410)': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      const lists = (): number => api.log.count({ method: 'GET', path: /\/devices$/, isWatch: false });
      const before = lists();
      expect(api.expireWatches()).toBeGreaterThan(0);
      await eventually('the operator lists again', () => expect(lists()).toBeGreaterThan(before));
    }),

  'the API server answers 429 with Retry-After for 6 s': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      const since = performance.now();
      api.answer429(1);
      await pause(6000);
      await api.restore();
      expect(api.log.count({ status: 429, since })).toBeGreaterThan(0);
    }),

  'the API server drops the watch in the middle of a line': (world) =>
    breakUnderTraffic(world, async ({ api }) => {
      for (let time = 0; time < 3; time += 1) {
        await eventually('a watch is open', () => expect(api.dropMidLine()).toBeGreaterThan(0));
      }
    }),

  'the broker restarts with what it retained': (world) =>
    breakUnderTraffic(world, async ({ broker }) => {
      await broker.stop();
      await pause(2000);
      await broker.start();
    }),

  'the broker restarts with an empty store': (world) =>
    breakUnderTraffic(
      world,
      async ({ broker }) => {
        await broker.restart({ empty: true });
      },
      { idlePublishes: 2 },
    ),

  'the broker is away for 20 s': (world) =>
    breakUnderTraffic(world, async ({ broker }) => {
      await broker.stop();
      await pause(20_000);
      await broker.start();
    }),

  'the broker freezes for 12 s': (world) =>
    breakUnderTraffic(
      world,
      async ({ broker }) => {
        broker.hang();
        await pause(12_000);
        await broker.restore();
      },
      { isBrokerProxied: true },
    ),
});
