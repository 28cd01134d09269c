import type { Clock } from '../clock.ts';
import type { DesiredDocument, ReportedEnvelope } from '../protocol/envelopes.ts';
import type { DeviceEvent } from './events.ts';
import { HandlerRunner } from './handlers.ts';
import type { DesiredHandler, HandlerResult } from './handlers.ts';
import type { DeviceStore, Entries, MessageValue, StoredEntry } from './store.ts';
import { takeDocument } from './take-document.ts';

export interface LocalTwinOptions {
  readonly store: DeviceStore;
  readonly clock: Clock;
  /** Names that are reported whether or not there is a value for them yet. */
  readonly reports: readonly string[];
  /** There is something new to send for `message`. */
  onReport(message: string): void;
  /** A name is gone from `names`. */
  onForgotten(): void;
  /** There is an object again, or it is enabled again: what was said meanwhile was dropped on the other side, or cleared. */
  onWelcomed(): void;
  onEvent(event: DeviceEvent): void;
}

/** What a device knows of its twin: desired entries in a store, reported values in memory. Knows nothing of a connection. */
export class LocalTwin {
  readonly #options: LocalTwinOptions;
  readonly #handlers = new HandlerRunner();
  readonly #dropped = new Map<string, () => void>();
  readonly #values = new Map<string, MessageValue>();
  #entries: Entries = new Map();
  /** The newest document that nobody has looked at yet. */
  #waiting: DesiredDocument | undefined;
  /** The object was deleted or disabled since the last document that took effect. */
  #isCutOff = false;
  #isEnded = false;
  /** Changes of entries, one after the other: documents and handlers' results. None of them rejects. */
  #changes: Promise<void> = Promise.resolve();

  constructor(options: LocalTwinOptions) {
    this.#options = options;
  }

  onDesired(message: string, handler: DesiredHandler, dropped?: () => void): void {
    this.#handlers.set(message, handler);
    if (dropped !== undefined) this.#dropped.set(message, dropped);
  }

  /** Reads the store and gives every value in it to its handler, except what is done for good. */
  async load(): Promise<void> {
    this.#entries = await this.#options.store.load();
    for (const [message, entry] of this.#entries) {
      if (entry.reported !== undefined && !this.#values.has(message)) this.#values.set(message, entry.reported);
      if (entry.isDone !== true) this.#run(message, entry);
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#handlers.abortAll();
  }

  report(message: string, value: MessageValue): void {
    this.#values.set(message, value);
    this.#options.onReport(message);
  }

  /** The object was deleted: the device goes on with what it has. */
  cutOff(): void {
    this.#isCutOff = true;
  }

  /** Takes what is new in `document`; of several that wait, only the newest is looked at. */
  take(document: DesiredDocument): void {
    if (document.disabled) this.#isCutOff = true;
    const isScheduled = this.#waiting !== undefined;
    this.#waiting = document;
    if (!isScheduled) void this.#change(() => this.#takeWaiting());
  }

  /** Undefined when there is nothing to say. Repeats the last decision, so that a later value does not erase an acknowledgement. */
  envelopeOf(message: string): ReportedEnvelope | undefined {
    const entry = this.#entries.get(message);
    const value = this.#values.get(message);
    if (entry === undefined) return value && { value };
    const { uid, revision, status, reason } = entry;
    return { uid, revision, status, ...(reason !== undefined && { reason }), ...(value !== undefined && { value }) };
  }

  /** Everything this device reports. */
  get names(): ReadonlySet<string> {
    return new Set([...this.#options.reports, ...this.#values.keys(), ...this.#entries.keys()]);
  }

  /** The entry with the greatest revision. */
  get newest(): StoredEntry | undefined {
    let newest: StoredEntry | undefined;
    for (const entry of this.#entries.values()) {
      if (newest === undefined || entry.revision > newest.revision) newest = entry;
    }
    return newest;
  }

  async #takeWaiting(): Promise<void> {
    const document = this.#waiting;
    this.#waiting = undefined;
    if (document === undefined || this.#isEnded) return;
    const taken = takeDocument(this.#entries, document);
    if (taken.entries !== this.#entries && !(await this.#save(taken.entries))) {
      this.#takeLater(document);
      return;
    }
    this.#entries = taken.entries;
    for (const message of taken.dropped) this.#drop(message);
    for (const message of taken.changed) this.#accept(message);
    for (const message of taken.confirmed) this.#options.onReport(message);
    if (!this.#isCutOff || document.disabled) return;
    this.#isCutOff = false;
    this.#options.onWelcomed();
  }

  /** Not stored, so not acknowledged: tried again unless a newer document comes first. */
  #takeLater(document: DesiredDocument): void {
    this.#options.clock.after(STORE_RETRY_MS, () => {
      if (this.#waiting === undefined) this.take(document);
    });
  }

  #accept(message: string): void {
    const entry = this.#entries.get(message);
    if (entry === undefined) return;
    this.#options.onEvent({ kind: 'desired', message, revision: entry.revision, value: entry.value });
    this.#options.onReport(message);
    this.#run(message, entry);
  }

  #run(message: string, { value, revision }: StoredEntry): void {
    this.#handlers.run(message, value, revision, (result) => this.#change(() => this.#decide(message, value, result)));
  }

  /** The entry may have a newer revision by now, with the same value: the result holds for that as well. */
  async #decide(message: string, value: MessageValue, result: HandlerResult): Promise<void> {
    const entry = this.#entries.get(message);
    if (entry === undefined || entry.value !== value || this.#isEnded) return;
    const { uid, revision } = entry;
    const decided = { uid, revision, value, ...decisionOf(result, value, this.#values.get(message)) };
    const entries = new Map(this.#entries).set(message, decided);
    // A decision that cannot be stored is still true; after a restart the handler just runs again.
    await this.#save(entries);
    this.#entries = entries;
    if (decided.reported !== undefined) this.#values.set(message, decided.reported);
    this.#options.onEvent({ kind: 'decided', message, revision, status: decided.status, reason: decided.reason });
    this.#options.onReport(message);
  }

  #drop(message: string): void {
    this.#handlers.abort(message);
    this.#dropped.get(message)?.();
    this.#options.onEvent({ kind: 'dropped', message });
    if (this.names.has(message)) this.#options.onReport(message);
    else this.#options.onForgotten();
  }

  /** False when the store failed, which was told. */
  async #save(entries: Entries): Promise<boolean> {
    try {
      await this.#options.store.save(entries);
      return true;
    } catch (error) {
      this.#options.onEvent({
        kind: 'failed',
        what: 'store',
        reason: error instanceof Error ? error.message : String(error),
      });
      return false;
    }
  }

  #change(step: () => Promise<void>): Promise<void> {
    this.#changes = this.#changes.then(step);
    return this.#changes;
  }
}

type Decided = Pick<StoredEntry, 'status' | 'reason' | 'reported' | 'isDone'>;

function decisionOf(result: HandlerResult, value: MessageValue, reportedBefore: MessageValue | undefined): Decided {
  if (result.status === 'rejected') {
    const kept = reportedBefore === undefined ? {} : { reported: reportedBefore };
    return { status: 'rejected', reason: result.reason, ...kept };
  }
  const done = result.isDone === true ? { isDone: true } : {};
  return { status: 'applied', reported: result.value ?? value, ...done };
}

const STORE_RETRY_MS = 5000;
