import type { Io } from '../base/context.ts';

export interface Cell {
  readonly text: string;
  /** Adds colour, not width. */
  readonly paint?: ((text: string) => string) | undefined;
}

/** Spaces between columns: as many as the terminal has room for. */
const GAPS = [3, 2, 1] as const;

/**
 * Columns of text, wide enough for their header and for the first rows; a later, longer cell moves the rest of its line. On a terminal
 * that is too narrow the last columns are left out.
 */
export class Table {
  readonly #headers: readonly string[];
  readonly #widths: readonly number[];
  readonly #gap: string;

  /** `columns`: of the terminal; without it there is room for all. */
  constructor(headers: readonly string[], rows: readonly (readonly Cell[])[], columns = Number.POSITIVE_INFINITY) {
    const widths = headers.map((header, column) =>
      rows.reduce((width, row) => Math.max(width, lengthOf(row[column]?.text ?? '')), lengthOf(header)),
    );
    const { shown, gap } = fit(widths, columns);
    this.#headers = headers;
    this.#widths = widths.slice(0, shown);
    this.#gap = ' '.repeat(gap);
  }

  header(): string {
    return this.line(this.#headers.map((text) => ({ text })));
  }

  /** One row, without spaces at its end. */
  line(cells: readonly Cell[]): string {
    const shown = cells.slice(0, this.#widths.length);
    const last = shown.length - 1;
    return shown
      .map(({ text, paint }, column) => {
        const painted = paint === undefined ? text : paint(text);
        return column === last
          ? painted
          : painted + ' '.repeat(Math.max(0, (this.#widths[column] ?? 0) - lengthOf(text)));
      })
      .join(this.#gap)
      .trimEnd();
  }
}

/** How many columns, and how far apart; at least two are shown. */
function fit(widths: readonly number[], columns: number): { readonly shown: number; readonly gap: number } {
  for (let shown = widths.length; shown > 2; shown -= 1) {
    const width = widths.slice(0, shown).reduce((sum, one) => sum + one, 0);
    const gap = GAPS.find((one) => width + one * (shown - 1) <= columns);
    if (gap !== undefined) return { shown, gap };
  }
  return { shown: Math.min(2, widths.length), gap: GAPS[0] };
}

/** A text of one line, cut where it is too long. */
export function clip(text: string, width: number): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

function lengthOf(text: string): number {
  return text.length;
}

/** What a table on standard output has room for: in a file or a pipe, all. */
export const widthOf = ({ isTerminal, columns }: Pick<Io, 'isTerminal' | 'columns'>): number =>
  isTerminal ? columns : Number.POSITIVE_INFINITY;
