/** How far a change of many devices has come, on one line of the terminal. */
import type { Io } from '../base/context.ts';
import { paletteOf } from '../render/color.ts';
import type { Palette } from '../render/color.ts';

export interface Counts {
  readonly total: number;
  readonly patched: number;
  readonly done: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly offline: number;
}

const BAR = 20;
const REDRAW_MS = 100;
const GAP = ' · ';

export class Progress {
  readonly #io: Io;
  readonly #word: string;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  /** `word`: what `done` means, `in sync`. */
  constructor(io: Io, word: string) {
    this.#io = io;
    this.#word = word;
  }

  show(counts: Counts): void {
    const now = this.#io.now();
    if (!this.#io.isTerminal || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    this.#io.err(`\r\u001b[K${progressLine(counts, this.#word, paletteOf(this.#io.hasColor), this.#io.columns)}`);
  }

  /** Takes the line away again. */
  clear(): void {
    if (this.#isDrawn) this.#io.err('\r\u001b[K');
    this.#isDrawn = false;
  }
}

/** What is left out first on a terminal that has no room for it: a line that wraps cannot be taken back. */
const LEAST_FIRST = ['bar', 'patched', 'acknowledged', 'offline', 'failed'] as const;
type Part = (typeof LEAST_FIRST)[number] | 'done';

/** One line of less than `columns` characters. */
export function progressLine(counts: Counts, word: string, palette: Palette, columns: number): string {
  const parts = partsOf(counts, word, palette);
  for (const part of LEAST_FIRST) {
    if (widthOf(parts) < columns) break;
    parts.delete(part);
  }
  const shown = [...parts].filter(([part]) => part !== 'bar').map(([, { text, paint }]) => paint(text));
  const bar = parts.get('bar');
  return `${bar === undefined ? '' : `${bar.paint(bar.text)} `}${shown.join(GAP)}`;
}

interface Painted {
  readonly text: string;
  readonly paint: (text: string) => string;
}

function partsOf({ total, patched, done, acknowledged, failed, offline }: Counts, word: string, palette: Palette) {
  const filled = total === 0 ? BAR : Math.floor((BAR * done) / total);
  const parts = new Map<Part, Painted>([
    [
      'bar',
      {
        text: '█'.repeat(filled) + '░'.repeat(BAR - filled),
        paint: (bar) => palette.good(bar.slice(0, filled)) + palette.dim(bar.slice(filled)),
      },
    ],
    ['done', { text: `${done}/${total} ${word}`, paint: plain }],
  ]);
  const add = (part: Part, isShown: boolean, text: string, paint = plain): unknown =>
    isShown && parts.set(part, { text, paint });
  add('patched', patched < total, `${patched} changed`);
  add('acknowledged', acknowledged > 0, `${acknowledged} acknowledged`);
  add('failed', failed > 0, `${failed} rejected`, palette.bad);
  add('offline', offline > 0, `${offline} offline`, palette.dim);
  return parts;
}

const plain = (text: string): string => text;

function widthOf(parts: ReadonlyMap<Part, Painted>): number {
  const texts = [...parts.values()].map(({ text }) => text.length);
  return texts.reduce((sum, length) => sum + length, 0) + GAP.length * (texts.length - 1);
}
