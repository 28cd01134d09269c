import type { JsonValue } from '../api/device.ts';
import type { Checked } from './device-schema.ts';
import { WireError } from './wire-reader.ts';

/** Ends the check of one message where a value does not fit; collects its path on the way out. */
export class Misfit extends Error {
  #path = '';

  constructor(found: JsonValue | undefined, expected: string) {
    super(`is ${describe(found)}, expected ${expected}`);
  }

  /** A misfit with a sentence of its own. */
  static because(sentence: string): Misfit {
    const misfit = new Misfit(null, '');
    misfit.message = sentence;
    return misfit;
  }

  get path(): string {
    return this.#path.startsWith('.') ? this.#path.slice(1) : this.#path;
  }

  /** The value is at `step` of a larger one: `.field`, `[3]` or `["key"]`. */
  within(step: string): this {
    this.#path = step + this.#path;
    return this;
  }
}

/** Runs `check`, and names `step` in the path of what it throws. */
export function at<T>(step: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof Misfit ? error.within(step) : error;
  }
}

/** What `check` comes to, as a value. */
export function checked<T>(check: () => T): Checked<T> {
  try {
    return { ok: true, value: check() };
  } catch (error) {
    if (error instanceof Misfit) return { ok: false, path: error.path, message: error.message };
    if (error instanceof WireError) return { ok: false, path: '', message: `is no protobuf message: ${error.message}` };
    throw error;
  }
}

const MAX_SHOWN = 40;

/** Short enough for an event, whatever it is. */
function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1).toWellFormed()}…`;
}
