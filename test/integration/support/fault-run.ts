/** The course of one fault: everything in sync, traffic, the fault, recovery, and the proof that nothing was lost or repeated. */
import { expect } from '@jest/globals';
import type { OperatorProcess } from '../../world/operator-process.ts';
import type { World } from '../../world/world.ts';
import { Lane } from './fault-lane.ts';
import type { LaneOptions } from './fault-lane.ts';
import { seconds } from './fault-suite.ts';
import { pause } from './pause.ts';

export interface FaultRunOptions extends LaneOptions {
  /** Command-line flags of the operator. */
  readonly flags?: readonly string[];
  /** How often the document of a device that nobody changes is published at most: once, and once more for a broker that lost it. */
  readonly idlePublishes?: number;
}

/**
 * Breaks something while changes and reports flow. Soon after `breakIt` has ended everything holds the newest value;
 * no handler gets a value twice, no document is published twice. Resolves with the time that it took.
 */
export async function breakUnderTraffic(
  world: World,
  breakIt: (lane: Lane, operator: OperatorProcess) => Promise<void>,
  options: FaultRunOptions = {},
): Promise<string> {
  const lane = await Lane.open(world, options);
  try {
    const operator = await lane.startOperator({ flags: options.flags ?? [] });
    await lane.converged();
    lane.traffic.start();
    await pause(1000);
    await breakIt(lane, operator);
    const { ms } = await lane.recovers();
    await lane.stillWorks();
    await expectNothingLostOrRepeated(lane, options.idlePublishes);
    return `recovered in ${seconds(ms)}`;
  } finally {
    await lane.close();
  }
}

/** Of the idle devices each message was handled once, when it was new, and the document published as often as it had to be. */
export async function expectNothingLostOrRepeated(lane: Lane, idlePublishes = 1): Promise<void> {
  expect(await lane.lostWrites()).toEqual([]);
  expect(lane.repeatedRuns()).toEqual([]);
  if (idlePublishes === 1) expect(lane.unchangedPublishes()).toEqual([]);
  for (const device of lane.idle) {
    expect({ name: device.name, runs: device.runCount }).toEqual({ name: device.name, runs: 2 });
    // A publish in the moment before the recording is connected again is not seen.
    expect(lane.publishes(device)).toBeGreaterThanOrEqual(1);
    expect(lane.publishes(device)).toBeLessThanOrEqual(idlePublishes);
  }
}
