/** How much of the source the tests of one process run; what they start as a process of its own is not seen. */
import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const SRC = join(import.meta.dirname, '..', '..', 'src');

/** Arguments for jest, which leaves its summary in `directory`. */
export function coverageArguments(directory: string): readonly string[] {
  return [
    '--coverage',
    '--coverageProvider=v8',
    '--coverageReporters=json-summary',
    `--coverageDirectory=${directory}`,
    '--collectCoverageFrom=src/**/*.ts',
    '--collectCoverageFrom=!**/*.test.ts',
    '--collectCoverageFrom=!**/testing/**',
  ];
}

interface Counted {
  readonly lines: { readonly total: number; readonly covered: number };
}

/** Prints the lines covered in all, and in each room that is below it. */
export function printCoverage(directory: string): void {
  const text = readFileSync(join(directory, 'coverage-summary.json'), 'utf8');
  const { total, ...files } = JSON.parse(text) as { readonly total: Counted } & Readonly<Record<string, Counted>>;
  const rooms = Map.groupBy(Object.entries(files), ([path]) => relative(SRC, path).split(sep)[0] ?? '');
  const shares = [...rooms].map(([room, entries]) => [room, shareOf(entries.map(([, counted]) => counted))] as const);
  const low = shares.filter(([, share]) => share < shareOf([total])).toSorted(([, a], [, b]) => a - b);
  const named = low.map(([room, share]) => `${room} ${share.toFixed(0)}`).join(', ');
  console.log(`coverage: ${shareOf([total]).toFixed(1)} % of ${total.lines.total} lines of src; below that: ${named}`);
}

/** In per cent. */
function shareOf(counted: readonly Counted[]): number {
  const sum = (of: (one: Counted) => number): number => counted.reduce((all, one) => all + of(one), 0);
  return (
    (100 * sum(({ lines }) => lines.covered)) /
    Math.max(
      1,
      sum(({ lines }) => lines.total),
    )
  );
}
