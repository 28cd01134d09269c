/** Colours of a terminal; `plain` has none. */
export type Paint = (text: string) => string;

export interface Palette {
  readonly good: Paint;
  readonly waiting: Paint;
  readonly bad: Paint;
  readonly dim: Paint;
  readonly bold: Paint;
}

const wrap =
  (open: number, close: number) =>
  (text: string): string =>
    text === '' ? '' : `\u001b[${open}m${text}\u001b[${close}m`;
const same = (text: string): string => text;

/** The sixteen colours that every theme of a terminal sets for its own ground. */
const COLORED: Palette = {
  good: wrap(32, 39),
  waiting: wrap(33, 39),
  bad: wrap(31, 39),
  dim: wrap(2, 22),
  bold: wrap(1, 22),
};
const PLAIN: Palette = { good: same, waiting: same, bad: same, dim: same, bold: same };

export function paletteOf(hasColor: boolean): Palette {
  return hasColor ? COLORED : PLAIN;
}
