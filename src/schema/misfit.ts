import type { JsonValue } from '../api/device.ts';
import { isNumeral } from '../api/exact-json.ts';
import type { Checked } from './device-schema.ts';
import { WireError } from './wire-reader.ts';

/** Ends the check of one message where a value does not fit; collects its path on the way out. */
export class Misfit extends Error {
  isBroken = false;
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

  /** The bytes of a value are none. */
  static broken(error: WireError): Misfit {
    const misfit = Misfit.because(`is no protobuf message: ${error.message}`);
    misfit.isBroken = true;
    return misfit;
  }

  get path(): string {
    return short(this.#path.startsWith('.') ? this.#path.slice(1) : this.#path, MAX_PATH);
  }

  /** The value is at `step` of a larger one: `.field`, `[3]` or `["key"]`. */
  within(step: string): this {
    this.#path = step + this.#path;
    return this;
  }

  /** The value is at `key` of a larger one, a field as somebody spelled it. */
  at(key: string): this {
    return this.within(/^\w{1,64}$/.test(key) ? `.${key}` : keyStep(key));
  }
}

/** The step to an entry of a map, short for any key. */
export const keyStep = (key: string): string => `[${short(JSON.stringify(key), MAX_SHOWN)}]`;

/** Runs `check`, and names `step` in the path of what it throws. */
export function at<T>(step: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof Misfit ? error.within(step) : error;
  }
}

/** What was thrown while the value of `key` was read from the wire, with that in its path. */
export function located(error: unknown, key: string): unknown {
  const misfit = error instanceof WireError ? Misfit.broken(error) : error;
  return misfit instanceof Misfit ? misfit.at(key) : error;
}

/** What `check` comes to, as a value. */
export function checked<T>(check: () => T): Checked<T> {
  try {
    return { ok: true, value: check() };
  } catch (error) {
    const misfit = error instanceof WireError ? Misfit.broken(error) : error;
    if (!(misfit instanceof Misfit)) throw error;
    const { path, message, isBroken } = misfit;
    return { ok: false, path, message: short(message, MAX_MESSAGE), ...(isBroken && { isBroken }) };
  }
}

/** Characters of a value or key, of a path and of a sentence in a problem: a schema chooses its names, and a document its keys. */
const MAX_SHOWN = 40;
const MAX_PATH = 256;
const MAX_MESSAGE = 512;

function short(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1).toWellFormed()}…`;
}

/** Short enough for an event, whatever it is. */
function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null && !isNumeral(value)) return 'an object';
  return short(JSON.stringify(value), MAX_SHOWN);
}
