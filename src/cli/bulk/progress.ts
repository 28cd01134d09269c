/** How far a change of many devices has come, on one line of the terminal. */
import type { Io } from '../base/context.ts';
import { paletteOf } from '../render/color.ts';

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
    this.#io.err(`\r\u001b[K${this.#line(counts)}`);
  }

  /** Takes the line away again. */
  clear(): void {
    if (this.#isDrawn) this.#io.err('\r\u001b[K');
    this.#isDrawn = false;
  }

  #line({ total, patched, done, acknowledged, failed, offline }: Counts): string {
    const palette = paletteOf(this.#io.hasColor);
    const filled = total === 0 ? BAR : Math.floor((BAR * done) / total);
    const bar = palette.good('█'.repeat(filled)) + palette.dim('░'.repeat(BAR - filled));
    const parts = [
      `${done}/${total} ${this.#word}`,
      patched < total ? `${patched} changed` : '',
      acknowledged > 0 ? `${acknowledged} acknowledged` : '',
      failed > 0 ? palette.bad(`${failed} rejected`) : '',
      offline > 0 ? palette.dim(`${offline} offline`) : '',
    ];
    return `${bar} ${parts.filter((part) => part !== '').join(' · ')}`;
  }
}
