/** What a benchmark found: figures beside their floor (decision 0015) and target, as a table and as JSON. */

export interface Figure {
  /** The benchmark, as `--only` names it. */
  readonly bench: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What the same machine did in the same run without the operator, or the least that is possible; `what` names it. */
  readonly floor?: { readonly value: number; readonly what: string };
  /** What the figure is held to; without one it is context. */
  readonly target?: Target;
  /** Circumstances worth knowing beside the number. */
  readonly note?: string;
}

export type Target =
  | { readonly kind: 'at-most'; readonly limit: number }
  | { readonly kind: 'at-least'; readonly limit: number }
  /** Value over floor. */
  | { readonly kind: 'times-floor'; readonly atMost: number }
  | { readonly kind: 'share-of-floor'; readonly atLeast: number };

/** Undefined: there is nothing to miss. */
export function isMet({ value, floor, target }: Figure): boolean | undefined {
  const ratio = value / (floor?.value ?? Number.NaN);
  switch (target?.kind) {
    case undefined:
      return undefined;
    case 'at-most':
      return value <= target.limit;
    case 'at-least':
      return value >= target.limit;
    case 'times-floor':
      return ratio <= target.atMost;
    case 'share-of-floor':
      return ratio >= target.atLeast;
  }
}

/** The value below which the given share of the samples lies; NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5);

export function renderTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.bench,
    figure.what,
    `${round(figure.value)} ${figure.unit}`.trim(),
    figure.floor === undefined ? '' : `${round(figure.floor.value)} (${figure.floor.what})`,
    describeTarget(figure),
    VERDICTS[String(isMet(figure))] ?? '',
    figure.note ?? '',
  ]);
  const table = [['bench', 'figure', 'value', 'floor', 'target', '', 'note'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const VERDICTS: Readonly<Record<string, string>> = { true: 'pass', false: 'MISS' };

function describeTarget({ value, floor, target }: Figure): string {
  const ratio = value / (floor?.value ?? Number.NaN);
  switch (target?.kind) {
    case undefined:
      return '';
    case 'at-most':
      return `≤ ${target.limit}`;
    case 'at-least':
      return `≥ ${target.limit}`;
    case 'times-floor':
      return `${ratio.toFixed(2)} × ≤ ${target.atMost} ×`;
    case 'share-of-floor':
      return `${Math.round(ratio * 100)} % ≥ ${target.atLeast * 100} %`;
  }
}

function round(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
