/** Runs several faults side by side in one world, each in a lane of its own, and reports each as a test. */
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { openWorld } from '../../world/world.ts';
import type { World, WorldOptions } from '../../world/world.ts';
import { sideBySide } from './side-by-side.ts';

/** Breaks something, checks the recovery, and says in a few words how it went (`recovered in 1.2 s`). */
export type Fault = (world: World) => Promise<string>;

const DEADLINE_MS = 170_000;

/** One test for each fault; they all run at the same time, because most of their time is waiting. */
export function describeFaults(
  title: string,
  faults: Readonly<Record<string, Fault>>,
  options: WorldOptions = {},
): void {
  const names = Object.keys(faults);
  describe(title, () => {
    let world: World | undefined;
    let outcomeOf: ((name: string) => Promise<string>) | undefined;

    beforeAll(async () => {
      const opened = await openWorld(options);
      world = opened;
      outcomeOf = sideBySide(
        Object.fromEntries(Object.entries(faults).map(([name, fault]) => [name, () => fault(opened)])),
      );
    }, DEADLINE_MS);

    afterAll(async () => {
      const told = outcomeOf;
      if (told !== undefined) await Promise.allSettled(names.map((name) => told(name)));
      await world?.close();
    }, DEADLINE_MS);

    it.each(names)(
      '%s',
      async (name) => {
        const summary = await outcomeOf?.(name);
        process.stderr.write(`    ${world?.kind}: ${name}: ${summary}\n`);
      },
      DEADLINE_MS,
    );
  });
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
