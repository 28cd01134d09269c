/** In which order test files begin. Jest would go by the durations that it remembers, and remembers none in CI. */
import { statSync } from 'node:fs';

interface TestFile {
  readonly path: string;
}

/** Most of their time is waiting, some of it a minute; each starts a dozen processes at once. */
const FAULTS = /\/test\/integration\/faults-/;
/** They start processes too; the other files only compute. */
const WORLDS = /\/test\/(?:integration|sdk-package)\/|\/src\/(?:sdk|dev)\//;
/** As many other files begin after each file of faults, so that such files seldom run side by side. */
const BETWEEN = 3;

/** What waits comes first, so that no worker is left alone with it at the end. */
// Jest takes the default export.
// oxlint-disable-next-line import/no-default-export
export default class Sequencer {
  sort<T extends TestFile>(files: readonly T[]): readonly T[] {
    const sized = files.map((file) => ({ file, size: statSync(file.path).size }));
    const largestFirst = sized.toSorted((a, b) => b.size - a.size).map(({ file }) => file);
    const faults = largestFirst.filter(({ path }) => FAULTS.test(path));
    const worlds = largestFirst.filter(({ path }) => WORLDS.test(path) && !FAULTS.test(path));
    const others = largestFirst.filter(({ path }) => !WORLDS.test(path));
    return spread(faults, [...worlds, ...others]);
  }

  shard<T extends TestFile>(
    files: readonly T[],
    { shardIndex, shardCount }: { readonly shardIndex: number; readonly shardCount: number },
  ): readonly T[] {
    return files.filter((_, at) => at % shardCount === shardIndex - 1);
  }

  allFailedTests(): readonly TestFile[] {
    return [];
  }

  cacheResults(): void {}
}

function spread<T>(few: readonly T[], many: readonly T[]): readonly T[] {
  const mixed = few.flatMap((one, at) => [one, ...many.slice(at * BETWEEN, (at + 1) * BETWEEN)]);
  return [...mixed, ...many.slice(few.length * BETWEEN)];
}
