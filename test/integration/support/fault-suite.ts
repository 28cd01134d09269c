/** Runs several faults side by side in one world, each in a lane of its own, and reports each as a test. */
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { openWorld } from '../../world/world.ts';
import type { World, WorldOptions } from '../../world/world.ts';

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
    const outcomes = new Map<string, Promise<Outcome>>();
    let world: World | undefined;

    beforeAll(async () => {
      const opened = await openWorld(options);
      world = opened;
      for (const [name, fault] of Object.entries(faults))
        outcomes.set(
          name,
          settle(() => fault(opened)),
        );
    }, DEADLINE_MS);

    afterAll(async () => {
      await Promise.all(outcomes.values());
      await world?.close();
    }, DEADLINE_MS);

    it.each(names)(
      '%s',
      async (name) => {
        const outcome = await outcomes.get(name);
        if (outcome?.kind !== 'passed') throw outcome?.error ?? new Error(`${name} did not run`);
        process.stderr.write(`    ${world?.kind}: ${name}: ${outcome.summary}\n`);
      },
      DEADLINE_MS,
    );
  });
}

type Outcome =
  | { readonly kind: 'passed'; readonly summary: string }
  | { readonly kind: 'failed'; readonly error: unknown };

async function settle(fault: () => Promise<string>): Promise<Outcome> {
  try {
    return { kind: 'passed', summary: await fault() };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
