import { breakUnderTraffic } from './support/fault-run.ts';
import { describeFaults } from './support/fault-suite.ts';
import { pause } from './support/pause.ts';

describeFaults('nothing is lost when the broker', {
  'restarts with what it retained': (world) =>
    breakUnderTraffic(world, async ({ broker }) => {
      await broker.stop();
      await pause(2000);
      await broker.start();
    }),

  'restarts with an empty store': (world) =>
    breakUnderTraffic(
      world,
      async ({ broker }) => {
        await broker.restart({ empty: true });
      },
      { idlePublishes: 2 },
    ),

  'is away for 20 s': (world) =>
    breakUnderTraffic(world, async ({ broker }) => {
      await broker.stop();
      await pause(20_000);
      await broker.start();
    }),

  'freezes for 12 s': (world) =>
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
