import { expect } from '@jest/globals';
import { describeFaults, seconds } from './support/fault-suite.ts';
import { Lane } from './support/fault-lane.ts';
import type { World } from '../world/world.ts';

describeFaults(
  'the cluster is restored from a backup older than the last changes',
  {
    'and the devices end with the restored values, issued above what they name; also when the broker was emptied':
      restoreBoth,
  },
  { dedicated: true },
);

/** One backup and one restore for both, because they take the whole cluster. */
async function restoreBoth(world: World): Promise<string> {
  const lanes = await Promise.all([Lane.open(world), Lane.open(world)]);
  const [, emptied] = lanes;
  try {
    await Promise.all(lanes.map((lane) => lane.startOperator()));
    await Promise.all(lanes.map((lane) => changed(lane)));
    const backup = await world.snapshot();
    const restoredValues = await Promise.all(lanes.map((lane) => desiredOf(lane)));
    await Promise.all(lanes.map((lane) => changed(lane)));
    const revisions = lanes.map((lane) => newestRevisions(lane));
    const runs = lanes.map((lane) => lane.devices.map(({ runCount }) => runCount));

    await Promise.all([world.restore(backup), emptied.broker.restart({ empty: true })]);
    const endedAt = performance.now();
    const recoveries = await Promise.all(lanes.map((lane) => lane.recovers(endedAt)));

    for (const [at, lane] of lanes.entries()) {
      expect(await desiredOf(lane)).toEqual(restoredValues[at]);
      const after = newestRevisions(lane);
      for (const [index, device] of lane.busy.entries()) {
        expect(after[index]).toBeGreaterThan(revisions[at]?.[index] ?? Number.NaN);
        expect(device.runCount).toBe((runs[at]?.[index] ?? Number.NaN) + 2);
      }
      for (const device of lane.idle) expect(device.runCount).toBe(2);
      expect(lane.repeatedRuns()).toEqual([]);
      await lane.stillWorks();
    }
    const [kept = '', none = ''] = recoveries.map(({ ms }) => seconds(ms));
    return `recovered in ${kept}; with an emptied broker in ${none}`;
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

async function changed(lane: Lane): Promise<void> {
  for (let round = 0; round < 3; round += 1) await lane.traffic.once();
  await lane.converged();
}

async function desiredOf(lane: Lane): Promise<unknown> {
  return [...(await lane.objects()).values()].map(({ metadata, properties }) => [metadata.name, properties?.desired]);
}

/** The greatest revision in each busy device's store. */
function newestRevisions(lane: Lane): readonly number[] {
  const stores = lane.busy.map((device) => device.stored());
  return stores.map((entries) => Math.max(...[...entries.values()].map(({ revision }) => revision)));
}
