export interface Cell {
  readonly text: string;
  /** Adds colour, not width. */
  readonly paint?: ((text: string) => string) | undefined;
}

const GAP = '   ';

/** Columns of text, wide enough for their header and for the first rows; a later, longer cell moves the rest of its line. */
export class Table {
  readonly #headers: readonly string[];
  readonly #widths: number[];

  constructor(headers: readonly string[], rows: readonly (readonly Cell[])[]) {
    this.#headers = headers;
    this.#widths = headers.map((header, column) =>
      rows.reduce((width, row) => Math.max(width, widthOf(row[column]?.text ?? '')), widthOf(header)),
    );
  }

  header(): string {
    return this.line(this.#headers.map((text) => ({ text })));
  }

  /** One row, without spaces at its end. */
  line(cells: readonly Cell[]): string {
    const last = cells.length - 1;
    return cells
      .map(({ text, paint }, column) => {
        const painted = paint === undefined ? text : paint(text);
        return column === last
          ? painted
          : painted + ' '.repeat(Math.max(0, (this.#widths[column] ?? 0) - widthOf(text)));
      })
      .join(GAP)
      .trimEnd();
  }
}

/** A text of one line, cut where it is too long. */
export function clip(text: string, width: number): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

function widthOf(text: string): number {
  return text.length;
}
