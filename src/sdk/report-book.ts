import { isJsonObject } from '../api/exact-json.ts';
import { Buffer } from 'node:buffer';
import type { Clock } from '../base/clock.ts';
import { DEFAULT_PROTOCOL_LIMITS } from '../protocol/envelopes.ts';
import { DEFAULT_MAX_REPORTS } from '../protocol/state-envelope.ts';
import { isMessageName } from '../protocol/topics.ts';
import type { MessageValue, Reports } from './store.ts';

/** The newest reported value of each message, and when it is stored. */
export class ReportBook {
  /**
   * True while the broker gets reports at once: a chatty sensor is then stored twice a second at most, which spares the flash. What is
   * reported while this is false is stored before `set` returns.
   */
  #isPatient = false;
  readonly #clock: Clock;
  readonly #store: (reports: Reports) => boolean;
  readonly #values = new Map<string, MessageValue>();
  readonly #unstored = new Set<string>();
  /** On the monotonic clock. */
  readonly #storedAt = new Map<string, number>();
  #cancelFlush: (() => void) | undefined;
  #isLoaded = false;

  constructor(clock: Clock, store: (reports: Reports) => boolean) {
    this.#clock = clock;
    this.#store = store;
  }

  load(reports: Reports): void {
    // What was reported before the start is newer than what was stored.
    for (const [message, value] of reports) if (!this.#values.has(message)) this.#values.set(message, value);
    this.#isLoaded = true;
    this.flush();
  }

  get(message: string): MessageValue | undefined {
    return this.#values.get(message);
  }

  get names(): Iterable<string> {
    return this.#values.keys();
  }

  get all(): Reports {
    return this.#values;
  }

  set isPatient(isPatient: boolean) {
    this.#isPatient = isPatient;
    if (!isPatient) this.flush();
  }

  /** Undefined, or why the value is not taken. */
  set(message: string, value: MessageValue): string | undefined {
    const text = textOf(value);
    const refusal = this.#refusalOf(message, text);
    if (refusal !== undefined || text === undefined) return refusal;
    const before = this.#values.get(message);
    if (before !== undefined && JSON.stringify(before) === text) return undefined;
    // A copy: the caller may go on to change the object.
    this.#values.set(message, JSON.parse(text) as MessageValue);
    this.#unstored.add(message);
    if (!this.#isLoaded) return undefined;
    const waitMs = this.#isPatient ? this.#waitOf(message) : 0;
    if (waitMs <= 0) this.flush();
    else this.#cancelFlush ??= this.#clock.after(waitMs, () => this.flush());
    return undefined;
  }

  /** Sets a value that the caller stores together with something else; undefined when it is stored already. */
  prepare(message: string, value: MessageValue): Reports | undefined {
    const before = this.#values.get(message);
    const isStored = before !== undefined && !this.#unstored.has(message);
    if (isStored && JSON.stringify(before) === JSON.stringify(value)) return undefined;
    this.#values.set(message, value);
    this.#unstored.delete(message);
    return new Map([[message, value]]);
  }

  flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (this.#unstored.size === 0) return;
    const reports = new Map([...this.#values].filter(([message]) => this.#unstored.has(message)));
    for (const message of this.#unstored) this.#storedAt.set(message, this.#clock.monotonic());
    this.#unstored.clear();
    this.#store(reports);
  }

  #waitOf(message: string): number {
    const storedAt = this.#storedAt.get(message);
    return storedAt === undefined ? 0 : storedAt + STORE_INTERVAL_MS - this.#clock.monotonic();
  }

  #refusalOf(message: string, text: string | undefined): string | undefined {
    if (!isMessageName(message)) return 'this is not a message name; use one as in sensor.v1.SampleRate';
    if (text === undefined || !isJsonObject(JSON.parse(text))) return 'its value is not an object of JSON';
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_VALUE_BYTES) return `it has ${bytes} bytes, at most ${MAX_VALUE_BYTES} are taken`;
    if (this.#values.size < DEFAULT_MAX_REPORTS || this.#values.has(message)) return undefined;
    return `this device reports ${DEFAULT_MAX_REPORTS} messages already, which is the most a twin takes`;
  }
}

/** Undefined for what is no JSON: nothing, a function, a circle. */
function textOf(value: MessageValue): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

const STORE_INTERVAL_MS = 500;
/** The envelope around it, with a reason, must fit into one payload. */
const MAX_VALUE_BYTES = DEFAULT_PROTOCOL_LIMITS.maxPayloadBytes - 2048;
