import { messageOf } from '../base/message-of.ts';
import type { Clock } from '../base/clock.ts';
import type { ReportedEnvelope } from '../protocol/envelopes.ts';
import type { Checked } from '../schema/device-schema.ts';
import { DEFAULT_MAX_REPORTS } from '../protocol/state-envelope.ts';
import type { ReadDocument } from './codec.ts';
import type { DeviceEvent } from './events.ts';
import { HandlerRunner } from './handler-runner.ts';
import type { Applied, DesiredHandler, WithdrawnHandler } from './handlers.ts';
import { Refusals } from './refusals.ts';
import { ReportBook } from './report-book.ts';
import type { DeviceStore, MessageValue, StoreChange, StoredEntry } from './store.ts';
import { takeDocument } from './take-document.ts';

export interface LocalTwinOptions {
  readonly store: DeviceStore;
  readonly clock: Clock;
  /** Names that are reported whether or not there is a value for them yet. */
  readonly reports: readonly string[];
  /** The value as it is kept and sent, or why it cannot be. */
  checkReport(message: string, value: MessageValue): Checked<MessageValue>;
  /** There is something new to send for `message`. */
  onReport(message: string): void;
  /** A name is gone from `names`. */
  onForgotten(): void;
  /** There is an object again, or it is enabled again: what was said meanwhile was dropped on the other side, or cleared. */
  onWelcomed(): void;
  onEvent(event: DeviceEvent): void;
}

/** What a device knows of its twin: desired entries and reported values, in a store. Knows nothing of a connection. */
export class LocalTwin {
  readonly #options: LocalTwinOptions;
  readonly #runner: HandlerRunner;
  readonly #reports: ReportBook;
  readonly #entries = new Map<string, StoredEntry>();
  readonly #refusals = new Refusals();
  /** The newest document, while it could not be stored. */
  #cancelRetry: (() => void) | undefined;
  /** The object was deleted or disabled since the last document that took effect. */
  #isCutOff = false;
  #isEnded = false;
  /** The store misses something that is in memory. */
  #isStoreBehind = false;

  constructor(options: LocalTwinOptions) {
    this.#options = options;
    this.#reports = new ReportBook(options.clock, (reports) => this.#write({ reports }));
    this.#runner = new HandlerRunner({
      clock: options.clock,
      entryOf: (message) => this.#entries.get(message),
      onApplied: (message, value, applied) => this.#decide(message, value, applied),
      onUnapplied: (message, decision, reason) => this.#conclude(message, { decision, reason }),
      onWithdrawn: (message) => this.#drop(message),
      fail: (what, reason) => this.#fail(what, reason),
    });
  }

  onDesired(message: string, apply: DesiredHandler, withdraw?: WithdrawnHandler): void {
    this.#runner.register(message, apply, withdraw);
  }

  /** Reads the store and gives every value in it to its handler, except what is done for good. */
  load(): void {
    const { entries, reports, problem } = this.#options.store.load();
    if (problem !== undefined) this.#fail('store', problem);
    this.#reports.load(reports);
    for (const [message, entry] of entries) this.#entries.set(message, entry);
    for (const [message, { withdrawn }] of entries) if (withdrawn === true) this.#tellDropped(message);
    this.#runner.start(entries);
  }

  /** Aborts the handlers and stores what waits for it. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cancelRetry?.();
    this.#runner.abortAll();
    this.#reports.flush();
    this.#options.store.close();
  }

  /** Whether the broker gets reports at once, so that the store may get them a little later. */
  set isOnline(isOnline: boolean) {
    this.#reports.isPatient = isOnline;
  }

  report(message: string, value: MessageValue): void {
    if (this.#isEnded) return;
    const checked = this.#options.checkReport(message, value);
    const refusal = checked.ok
      ? this.#reports.set(message, checked.value)
      : `${checked.path} ${checked.message}`.trim();
    if (refusal === undefined) this.#options.onReport(message);
    else this.#fail(`report of ${message}`, refusal);
  }

  desired(message: string): MessageValue | undefined {
    return this.#liveEntry(message)?.value;
  }

  reported(message: string): MessageValue | undefined {
    return this.#reports.get(message);
  }

  /** The object was deleted: the device goes on with what it has. */
  cutOff(): void {
    this.#isCutOff = true;
  }

  /** Takes what is new in `document`: stores it, and only then acknowledges. */
  take(document: ReadDocument): void {
    if (this.#isEnded) return;
    this.#cancelRetry?.();
    if (document.disabled) this.#isCutOff = true;
    const names = Object.keys(document.messages).length;
    if (names > MAX_ENTRIES) {
      this.#fail('desired document', `it has ${names} messages, this device keeps at most ${MAX_ENTRIES}`);
      return;
    }
    this.#refuse(document);
    const { changes, changed, confirmed, withdrawn } = takeDocument(this.#entries, document);
    if (changes.size > 0 && !this.#write({ entries: changes })) {
      this.#cancelRetry = this.#options.clock.after(STORE_RETRY_MS, () => this.take(document));
      return;
    }
    for (const [message, entry] of changes) this.#entries.set(message, entry);
    for (const message of withdrawn) this.#withdraw(message);
    for (const message of changed) this.#accept(message);
    for (const message of confirmed) this.#options.onReport(message);
    if (!this.#isCutOff || document.disabled) return;
    this.#isCutOff = false;
    this.#options.onWelcomed();
  }

  #refuse({ refused = {} }: ReadDocument): void {
    const { fresh, gone } = this.#refusals.take(refused, (message) => this.#liveEntry(message));
    for (const [message, { reason }] of fresh) {
      this.#fail(`desired ${message}`, reason);
      this.#options.onReport(message);
    }
    for (const message of gone) this.#reportOrForget(message);
  }

  /** What is not reported any more has to be left out of the birth. */
  #reportOrForget(message: string): void {
    if (this.names.has(message)) this.#options.onReport(message);
    else this.#options.onForgotten();
  }

  /** Undefined when there is nothing to say. Repeats the last decision, so that a later value does not erase an acknowledgement. */
  envelopeOf(message: string): ReportedEnvelope | undefined {
    const entry = this.#liveEntry(message);
    const value = this.#reports.get(message);
    const refused = this.#refusals.get(message);
    if (refused !== undefined) return { ...refused, status: 'rejected', ...(value !== undefined && { value }) };
    if (entry === undefined) return value && { value };
    const { uid, revision, decision, reason } = entry;
    return {
      uid,
      revision,
      status: decision,
      ...(reason !== undefined && { reason }),
      ...(value !== undefined && { value }),
    };
  }

  /** Everything this device reports. */
  get names(): ReadonlySet<string> {
    const names = new Set([...this.#options.reports, ...this.#reports.names, ...this.#refusals.names]);
    for (const [message, entry] of this.#entries) if (entry.withdrawn !== true) names.add(message);
    return names;
  }

  /** The entry with the greatest revision. */
  get newest(): StoredEntry | undefined {
    let newest: StoredEntry | undefined;
    for (const entry of this.#entries.values()) {
      if (newest === undefined || entry.revision > newest.revision) newest = entry;
    }
    return newest;
  }

  #liveEntry(message: string): StoredEntry | undefined {
    const entry = this.#entries.get(message);
    return entry?.withdrawn === true ? undefined : entry;
  }

  #accept(message: string): void {
    const entry = this.#entries.get(message);
    if (entry === undefined) return;
    this.#options.onEvent({ kind: 'desired', message, revision: entry.revision, value: entry.value });
    this.#options.onReport(message);
    this.#runner.apply(message, entry);
  }

  #withdraw(message: string): void {
    this.#tellDropped(message);
    this.#runner.withdraw(message);
  }

  #tellDropped(message: string): void {
    this.#options.onEvent({ kind: 'dropped', message });
    this.#reportOrForget(message);
  }

  /** What it had set is taken back. */
  #drop(message: string): void {
    this.#entries.delete(message);
    this.#write({ entries: new Map([[message, undefined]]) });
  }

  #decide(message: string, value: MessageValue, { value: inEffect, done }: Applied): void {
    const checked = this.#options.checkReport(message, inEffect ?? value);
    // A handler that says what the schema cannot is told; that it applied the value is true all the same.
    if (!checked.ok) this.#fail(`report of ${message}`, `${checked.path} ${checked.message}`.trim());
    const reports = this.#reports.prepare(message, checked.ok ? checked.value : value);
    this.#conclude(message, { decision: 'applied', ...(done === true && { done }) }, reports);
  }

  /** The entry may have a newer revision by now, with the same value: the decision holds for that as well. */
  #conclude(message: string, decided: Decided, reports?: ReadonlyMap<string, MessageValue>): void {
    const before = this.#liveEntry(message);
    if (before === undefined || this.#isEnded) return;
    const { uid, revision, value, inEffect } = before;
    const { decision: status, reason } = decided;
    const isBeside = inEffect !== undefined && status !== 'applied';
    if (!isBeside) this.#runner.forgetFormer(message);
    const entry = { uid, revision, value, ...(isBeside && { inEffect }), ...decided };
    this.#entries.set(message, entry);
    if (status !== 'accepted') this.#options.onEvent({ kind: 'decided', message, revision, status, reason });
    if (isSameDecision(before, entry) && reports === undefined) return;
    // A decision that cannot be stored is still true; after a restart the handler just runs again.
    this.#write({ entries: new Map([[message, entry]]), ...(reports !== undefined && { reports }) });
    this.#options.onReport(message);
  }

  /** False when the store failed, which was told. What it misses then is made good by the next write. */
  #write(change: StoreChange): boolean {
    try {
      this.#options.store.write(this.#isStoreBehind ? this.#everythingWith(change) : change);
      this.#isStoreBehind = false;
      return true;
    } catch (error) {
      this.#isStoreBehind = true;
      this.#fail('store', messageOf(error));
      return false;
    }
  }

  #everythingWith({ entries = new Map(), reports = new Map() }: StoreChange): StoreChange {
    return {
      isWhole: true,
      entries: new Map([...this.#entries, ...entries]),
      reports: new Map([...this.#reports.all, ...reports]),
    };
  }

  #fail(what: string, reason: string): void {
    this.#options.onEvent({ kind: 'failed', what, reason });
  }
}

type Decided = Pick<StoredEntry, 'decision' | 'reason' | 'done'>;

const isSameDecision = (a: StoredEntry, b: StoredEntry): boolean =>
  a.decision === b.decision && a.reason === b.reason && a.done === b.done;

/** As many as a birth may name. */
const MAX_ENTRIES = DEFAULT_MAX_REPORTS;
const STORE_RETRY_MS = 5000;
