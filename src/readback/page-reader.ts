import type { Runtime } from '../base/runtime.ts';
import type { BrokerError, RefusedFilters } from '../broker/broker.ts';
import type { DeviceLine } from '../broker/device-line.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Fleet } from '../twin/fleet.ts';
import type { TwinObserver } from '../twin/observer.ts';

export interface PageRules {
  /** Devices in a page. */
  readonly pageSize: number;
  /** Pages at one time. */
  readonly concurrency: number;
  /** Messages a device may have. */
  readonly maxMessages: number;
}

export interface PageReaderDeps {
  readonly line: DeviceLine;
  readonly fleet: Fleet;
  readonly rules: PageRules;
  readonly runtime: Runtime;
  readonly observer: TwinObserver;
}

export interface PageHandler {
  /** The device's page has been asked for at the broker. */
  onBegan(memory: DeviceMemory): void;
  /** All retained messages of this device have been routed. */
  onRead(memory: DeviceMemory): void;
  /** The broker does not let the operator read this device's topics. */
  onRefused(memory: DeviceMemory, error: BrokerError): void;
}

const RETRY_MS = 1000;
const LATE_MS = 10_000;
/** Number of retained topics of a device that are no reports. */
const STATE = 1;

/**
 * Reads the retained state of devices, page by page of exact filters, because one wildcard loses messages and proves nothing
 * absent. Ids that are asked for while pages are under way gather into the next ones.
 */
export class PageReader {
  readonly #deps: PageReaderDeps;
  /** Insertion order. Bounded by the number of devices. */
  readonly #waiting = new Set<string>();
  #handler: PageHandler | undefined;
  #signal: AbortSignal = AbortSignal.abort();
  /** Ids of the pages under way: asked for again, an id waits for the end of its page, because two would share one subscription. */
  readonly #reading = new Set<string>();
  /** What cancels the timers of this connection. Bounded by the pages of the last seconds. */
  readonly #timers = new Set<() => void>();
  /** Device id → why its page was refused last on this connection. Bounded by the number of devices. */
  readonly #refused = new Map<string, string>();
  #inFlight = 0;
  #isScheduled = false;
  /** Counts the connections: a page of a former one has no say any more. */
  #connection = 0;

  constructor(deps: PageReaderDeps) {
    this.#deps = deps;
  }

  /** Begins to read what was asked for and what is asked for until `signal` aborts, and tells `handler` of each device. */
  start(handler: PageHandler, signal: AbortSignal): void {
    this.#handler = handler;
    this.#signal = signal;
    this.#schedule();
    signal.addEventListener('abort', () => this.clear(), { once: true });
  }

  get waiting(): number {
    return this.#waiting.size + this.#inFlight;
  }

  /** How many devices the broker does not let the operator read, and why, as a sentence; undefined: none. */
  get refusal(): string | undefined {
    const [first, ...others] = [...this.#refused].filter(([deviceId]) => this.#deps.fleet.get(deviceId) !== undefined);
    if (first === undefined) return undefined;
    const [deviceId, reason] = first;
    const who = others.length === 0 ? 'device' : `${others.length + 1} devices, one of them`;
    return `nothing can be sent to ${who} ${deviceId}: ${reason}`;
  }

  request(deviceId: string): void {
    this.#waiting.add(deviceId);
    const memory = this.#deps.fleet.get(deviceId);
    if (memory !== undefined) {
      memory.retained.openWindow(this.#deps.rules.maxMessages + STATE);
    }
    this.#schedule();
  }

  /** The connection is gone, and with it every page; what is to be read is asked for again after the next one. */
  clear(): void {
    this.#connection += 1;
    this.#waiting.clear();
    this.#refused.clear();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const memory of this.#deps.fleet.all()) memory.retained.closeWindow();
  }

  /** After the current turn of the event loop, so that a burst of requests becomes full pages. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    const { line, rules } = this.#deps;
    while (this.#inFlight < rules.concurrency && line.broker.connected && !this.#signal.aborted) {
      const page = this.#takePage(rules.pageSize);
      if (page.length === 0) return;
      this.#inFlight += 1;
      for (const { deviceId } of page) this.#reading.add(deviceId);
      void this.#read(page).finally(() => {
        this.#inFlight -= 1;
        for (const { deviceId } of page) this.#reading.delete(deviceId);
        this.#pump();
      });
    }
  }

  #takePage(size: number): DeviceMemory[] {
    const page: DeviceMemory[] = [];
    for (const deviceId of this.#waiting) {
      if (page.length >= size) break;
      if (this.#reading.has(deviceId)) continue;
      this.#waiting.delete(deviceId);
      const memory = this.#deps.fleet.get(deviceId);
      if (memory !== undefined) page.push(memory);
    }
    return page;
  }

  async #read(page: readonly DeviceMemory[]): Promise<void> {
    const { line, observer } = this.#deps;
    const { broker, topics } = line;
    const connection = this.#connection;
    for (const memory of page) this.#handler?.onBegan(memory);
    let refused: RefusedFilters;
    try {
      refused = await broker.readRetained(
        page.map(({ deviceId }) => topics.retained(deviceId)),
        this.#signal,
      );
    } catch (error) {
      observer.pageRead('broken');
      // After a reconnect everything is asked for anyway.
      if (connection === this.#connection) this.#retry(page, error);
      return;
    }
    observer.pageRead('complete');
    // What was read on a connection that is gone may have been replaced before the next one.
    if (connection !== this.#connection) return;
    this.#closeLater(page);
    for (const memory of page) {
      const refusal = refused.get(topics.retained(memory.deviceId));
      if (refusal === undefined) this.#refused.delete(memory.deviceId);
      else this.#refused.set(memory.deviceId, refusal.message);
      if (refusal !== undefined) this.#handler?.onRefused(memory, refusal);
      // Some of it was routed for another owner, or for none; the device waits for its next page.
      else if (memory.copy.page !== 'none') this.#handler?.onRead(memory);
    }
  }

  /** A connection that survived gets the page again, but not at once. */
  #retry(page: readonly DeviceMemory[], error: unknown): void {
    this.#deps.runtime.log.debug({ err: error, devices: page.length }, 'page of retained state broke off');
    this.#after(RETRY_MS, () => {
      for (const { deviceId } of page) this.request(deviceId);
    });
  }

  /** A broker under load sends some of a page after its end. */
  #closeLater(page: readonly DeviceMemory[]): void {
    const { clock } = this.#deps.runtime;
    for (const { deviceId, retained } of page) {
      if (!this.#waiting.has(deviceId)) retained.closeWindowAt(clock.monotonic() + LATE_MS);
    }
    this.#after(LATE_MS, () => {
      for (const { retained } of page) retained.closeDueWindow(clock.monotonic());
    });
  }

  #after(delayMs: number, callback: () => void): void {
    const cancel = this.#deps.runtime.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }
}
