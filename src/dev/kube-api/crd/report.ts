/** What schema checks are, and what they leave behind. */
import type { Correlation } from './correlation.ts';
import * as errors from './field-error.ts';
import type { FieldError, Json } from './types.ts';

/** Checks a value; `path` is where it stands inside the document that is checked, `''` at its root. */
export type Check = (value: Json, path: string, correlation: Correlation | undefined, report: Report) => void;

/** What checks leave behind: errors, and how many checks were made, by which the best of several failures is chosen. */
export class Report {
  readonly errors: FieldError[] = [];
  matchCount = 0;

  /** A path is prefixed with the document's own place in the object (`status`). */
  readonly #prefix: string;

  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  fork(): Report {
    return new Report(this.#prefix);
  }

  merge(other: Report): void {
    this.errors.push(...other.errors);
    this.matchCount += other.matchCount;
  }

  place(path: string): string {
    const trimmed = path.startsWith('.') ? path.slice(1) : path;
    return trimmed === '' ? this.#prefix : errors.child(this.#prefix, trimmed);
  }

  /** An error without a place of its own: shown at the document's. */
  addUnplaced(detail: string): void {
    this.errors.push(errors.invalid(this.#prefix, '', detail));
  }
}
