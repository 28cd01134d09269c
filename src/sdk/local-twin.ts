import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { ReportedEnvelope } from '../protocol/envelopes.ts';
import type { Checked } from '../schema/device-schema.ts';
import { DEFAULT_MAX_REPORTS } from '../protocol/state-envelope.ts';
import type { ReadDocument, RefusedEntry } from './codec.ts';
import type { DeviceEvent } from './events.ts';
import { Rejected, TaskRunner } from './handlers.ts';
import type { Applied, DesiredHandler, WithdrawnHandler } from './handlers.ts';
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
  readonly #handlers = new Map<string, { readonly apply: DesiredHandler; readonly withdraw?: WithdrawnHandler }>();
  readonly #tasks = new TaskRunner();
  readonly #reports: ReportBook;
  readonly #entries = new Map<string, StoredEntry>();
  /** What the newest document has that this device's schema cannot read; read again with the document after a restart. */
  #refused: ReadonlyMap<string, RefusedEntry> = new Map();
  /** The newest document, while it could not be stored. */
  #cancelRetry: (() => void) | undefined;
  /** Messages with a value in effect beside their entry that no handler of this process has been given yet. */
  readonly #unresumed = new Set<string>();
  /** The object was deleted or disabled since the last document that took effect. */
  #isCutOff = false;
  #isEnded = false;
  /** The store misses something that is in memory. */
  #isStoreBehind = false;

  constructor(options: LocalTwinOptions) {
    this.#options = options;
    this.#reports = new ReportBook(options.clock, (reports) => this.#write({ reports }));
  }

  onDesired(message: string, apply: DesiredHandler, withdraw?: WithdrawnHandler): void {
    this.#handlers.set(message, { apply, ...(withdraw !== undefined && { withdraw }) });
  }

  /** Reads the store and gives every value in it to its handler, except what is done for good. */
  load(): void {
    const { entries, reports, problem } = this.#options.store.load();
    if (problem !== undefined) this.#fail('store', problem);
    this.#reports.load(reports);
    for (const [message, entry] of entries) this.#entries.set(message, entry);
    for (const [message, { inEffect }] of entries) if (inEffect !== undefined) this.#unresumed.add(message);
    for (const [message, entry] of entries) {
      if (entry.withdrawn === true) this.#runWithdraw(message);
      else if (entry.done !== true) this.#runApply(message, entry);
    }
  }

  /** Aborts the handlers and stores what waits for it. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cancelRetry?.();
    this.#tasks.abortAll();
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
    for (const message of withdrawn) this.#runWithdraw(message);
    for (const message of changed) this.#accept(message);
    for (const message of confirmed) this.#options.onReport(message);
    if (!this.#isCutOff || document.disabled) return;
    this.#isCutOff = false;
    this.#options.onWelcomed();
  }

  /** Like entries, refusals only go forward: an older document that comes again takes nothing back. */
  #refuse({ refused = {} }: ReadDocument): void {
    const before = this.#refused;
    const now = Object.entries(refused).filter(([message, entry]) => !isOvertaken(entry, this.#liveEntry(message)));
    this.#refused = new Map(now.map(([message, entry]) => [message, newerOf(entry, before.get(message))]));
    for (const [message, entry] of this.#refused) {
      const told = before.get(message);
      if (told?.uid === entry.uid && told.revision === entry.revision) continue;
      this.#fail(`desired ${message}`, entry.reason);
      this.#options.onReport(message);
    }
    for (const message of before.keys()) {
      if (this.#refused.has(message)) continue;
      if (this.names.has(message)) this.#options.onReport(message);
      else this.#options.onForgotten();
    }
  }

  /** Undefined when there is nothing to say. Repeats the last decision, so that a later value does not erase an acknowledgement. */
  envelopeOf(message: string): ReportedEnvelope | undefined {
    const entry = this.#liveEntry(message);
    const value = this.#reports.get(message);
    const refused = this.#refused.get(message);
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
    const names = new Set([...this.#options.reports, ...this.#reports.names, ...this.#refused.keys()]);
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
    this.#runApply(message, entry);
  }

  #runApply(message: string, { value, revision }: StoredEntry): void {
    const apply = this.#handlers.get(message)?.apply ?? unhandled(message);
    this.#tasks.run(message, async (signal) => {
      // Once, so that a value that cannot be applied any more does not stand in the way of the next one.
      await this.#resume(message, signal).catch((error: unknown) => this.#tellUnresumed(message, error));
      await this.#persist(message, signal, async () => {
        const applied = await apply(value, { revision, signal });
        if (!signal.aborted) this.#decide(message, value, applied ?? {});
      });
      if (!signal.aborted && this.#unresumed.has(message)) await this.#resumePatiently(message, signal);
    });
  }

  /** Gives the handler what was in effect when the process ended; throws what the handler does. */
  async #resume(message: string, signal: AbortSignal): Promise<void> {
    const entry = this.#entries.get(message);
    if (!this.#unresumed.has(message) || entry?.inEffect === undefined || signal.aborted) return;
    await this.#handlers.get(message)?.apply(entry.inEffect, { revision: entry.revision, signal });
    if (!signal.aborted) this.#unresumed.delete(message);
  }

  /** The entry was rejected again: what was in effect is what the device has to be. */
  async #resumePatiently(message: string, signal: AbortSignal): Promise<void> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      await delay(this.#options.clock, retryDelayMs(failures), signal);
      try {
        return await this.#resume(message, signal);
      } catch (error) {
        if (error instanceof Rejected) return;
        if (!signal.aborted) this.#tellUnresumed(message, error);
      }
    }
  }

  #tellUnresumed(message: string, error: unknown): void {
    this.#fail(`handler of ${message}`, `the value in effect could not be applied: ${messageOf(error)}`);
  }

  #runWithdraw(message: string): void {
    this.#options.onEvent({ kind: 'dropped', message });
    if (this.names.has(message)) this.#options.onReport(message);
    else this.#options.onForgotten();
    const withdraw = this.#handlers.get(message)?.withdraw;
    this.#tasks.run(message, (signal) =>
      this.#persist(message, signal, async () => {
        await withdraw?.({ signal });
        if (signal.aborted) return;
        this.#entries.delete(message);
        this.#write({ entries: new Map([[message, undefined]]) });
      }),
    );
  }

  /** Tries `step` until it succeeds, says no or is overtaken. What it throws is a fault of this device, not of the value. */
  async #persist(message: string, signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        return await step();
      } catch (error) {
        if (signal.aborted) return;
        const reason = messageOf(error);
        if (error instanceof Rejected) return this.#conclude(message, { decision: 'rejected', reason });
        const retryInMs = retryDelayMs(failures);
        this.#fail(`handler of ${message}`, `${reason}; tried again in ${retryInMs} ms`);
        this.#conclude(message, { decision: 'accepted', reason: `not applied yet, handler failed: ${reason}` });
        await delay(this.#options.clock, retryInMs, signal);
      }
    }
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
    if (!isBeside) this.#unresumed.delete(message);
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

/** What the device has is of the same object, and as new. */
function isOvertaken({ uid, revision }: RefusedEntry, entry: StoredEntry | undefined): boolean {
  return entry?.uid === uid && entry.revision >= revision;
}

function newerOf(entry: RefusedEntry, told: RefusedEntry | undefined): RefusedEntry {
  return told?.uid === entry.uid && told.revision > entry.revision ? told : entry;
}

type Decided = Pick<StoredEntry, 'decision' | 'reason' | 'done'>;

const isSameDecision = (a: StoredEntry, b: StoredEntry): boolean =>
  a.decision === b.decision && a.reason === b.reason && a.done === b.done;

function retryDelayMs(failures: number): number {
  return Math.round(Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures) * (0.5 + Math.random() / 2));
}

function unhandled(message: string): DesiredHandler {
  return () => {
    throw new Rejected(`this device has no handler for ${message}`);
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** As many as a birth may name. */
const MAX_ENTRIES = DEFAULT_MAX_REPORTS;
const STORE_RETRY_MS = 5000;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 5 * 60_000;
