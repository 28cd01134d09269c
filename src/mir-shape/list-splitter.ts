import { Buffer } from 'node:buffer';

/** Text of a list around its items, or the JSON of one item. */
export type Piece = { readonly kind: 'frame' | 'item'; readonly text: string };

/** An object is 1.5 MB at most in etcd; JSON may need somewhat more. */
const MAX_ITEM_BYTES = 16 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** The list is an object (1), its items are a list in it (2). */
const ITEM_DEPTH = 2;

/**
 * Cuts the JSON of a list (`items`) or table (`rows`) into its items while it arrives, so that never more than one of them is in memory. Reads
 * bytes, not values: what is no JSON is found by whoever parses the items, and by `end`.
 */
export class ListSplitter {
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  #isInItems = false;
  /** The last text at the first level, which names the next value there. */
  #name = '';
  /** What has arrived of a text at the first level that is not complete yet. */
  #beginning = '';
  /** What has arrived of the piece that is not complete yet. */
  #parts: Buffer[] = [];
  #size = 0;

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let start = 0;
    let textStart = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (this.#isInText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) {
          this.#isInText = false;
          if (this.#depth === 1) this.#name = this.#beginning + chunk.toString('latin1', textStart, at);
          this.#beginning = '';
        }
      } else if (byte === QUOTE) {
        this.#isInText = true;
        textStart = at + 1;
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (this.#isInItems && this.#depth === ITEM_DEPTH) {
          // What stands between items is a comma and white space, which the writer puts there itself.
          this.#parts = [];
          this.#size = 0;
          start = at;
        }
        this.#depth += 1;
        if (byte === OPEN_LIST && this.#depth === ITEM_DEPTH && isItemsName(this.#name)) {
          this.#isInItems = true;
          pieces.push({ kind: 'frame', text: this.#take(chunk, start, at + 1) });
          start = at + 1;
        }
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        this.#depth -= 1;
        if (!this.#isInItems) continue;
        if (this.#depth === ITEM_DEPTH) {
          pieces.push({ kind: 'item', text: this.#take(chunk, start, at + 1) });
          start = at + 1;
        } else if (this.#depth < ITEM_DEPTH) {
          this.#isInItems = false;
          this.#parts = [];
          this.#size = 0;
          start = at;
        }
      }
    }
    if (this.#isInText && this.#depth === 1) this.#beginning += chunk.toString('latin1', textStart);
    this.#keep(chunk, start);
    return pieces;
  }

  /** The rest of the list. Throws when it was cut. */
  end(): Piece {
    if (this.#depth !== 0 || this.#isInText) throw new SyntaxError('the list ended before its end');
    return { kind: 'frame', text: this.#take(Buffer.alloc(0), 0, 0) };
  }

  #take(chunk: Buffer, start: number, end: number): string {
    if (this.#parts.length === 0) return chunk.toString('utf8', start, end);
    const whole = Buffer.concat([...this.#parts, chunk.subarray(start, end)]);
    this.#parts = [];
    this.#size = 0;
    return whole.toString('utf8');
  }

  #keep(chunk: Buffer, start: number): void {
    if (start >= chunk.length) return;
    this.#size += chunk.length - start;
    if (this.#size > MAX_ITEM_BYTES) throw new RangeError(`an item of the list is longer than ${MAX_ITEM_BYTES} bytes`);
    this.#parts.push(chunk.subarray(start));
  }
}

function isItemsName(name: string): boolean {
  return name === 'items' || name === 'rows';
}
