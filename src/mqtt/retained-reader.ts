import type { Clock } from '../clock.ts';
import type { BrokerError } from './broker.ts';
import type { BrokerTuning } from './options.ts';

/** The two packets of a page. */
export interface PagePort {
  subscribe(filters: readonly string[], qos: 0 | 1): Promise<void>;
  unsubscribe(filters: readonly string[], qos: 0 | 1): Promise<void>;
}

/** How pages are read; `maxPageMessages` is what the broker surely delivers for one page. */
export type PageTuning = Pick<BrokerTuning, 'pageConcurrency' | 'quietTicks' | 'tickMs'> & {
  readonly maxPageMessages: number;
};

/** A broker that was frozen for long is not slow for so long. */
const MAX_QUIET_MS = 1000;

interface Page {
  /** Retained messages of this page so far. */
  messages: number;
}

/**
 * Reads stored state page by page over one connection. A page is complete when its SUBACK came, it has been quiet, and the
 * UNSUBACK came. Quiet is counted in ticks, each of which read the socket, so that a process that was frozen does not take its
 * freeze for quiet; the UNSUBACK stands behind everything a frozen broker still had to send.
 */
export class RetainedReader {
  readonly #port: PagePort;
  readonly #clock: Clock;
  readonly #tuning: PageTuning;
  readonly #closed = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Page by filter, without the `/#` at its end. Filters with `+` are in `#wild` too, which is short. */
  readonly #pages = new Map<string, Page>();
  readonly #wild = new Map<string, Page>();

  constructor(port: PagePort, clock: Clock, tuning: PageTuning) {
    this.#port = port;
    this.#clock = clock;
    this.#tuning = tuning;
  }

  async read(filters: readonly string[], qos: 0 | 1, signal: AbortSignal): Promise<void> {
    if (filters.length === 0) return;
    const stop = AbortSignal.any([signal, this.#closed.signal]);
    await this.#enter(stop);
    let messages: number;
    try {
      messages = await this.#readPage(filters, qos, stop);
    } finally {
      this.#leave();
    }
    if (qos === 0 || messages <= this.#tuning.maxPageMessages || filters.length === 1) return;
    // The broker may have dropped what its queue did not hold, and always drops the same: only smaller pages show the rest.
    const half = Math.ceil(filters.length / 2);
    await Promise.all([this.read(filters.slice(0, half), qos, signal), this.read(filters.slice(half), qos, signal)]);
  }

  /** Told of every retained message, before the handler. */
  note(topic: string): void {
    if (this.#pages.size === 0 && this.#wild.size === 0) return;
    for (let end = topic.length; end > 0; end = topic.lastIndexOf('/', end - 1)) {
      const page = this.#pages.get(topic.slice(0, end));
      if (page !== undefined) {
        page.messages += 1;
        return;
      }
    }
    for (const [filter, page] of this.#wild) if (matchesFilter(topic, filter)) page.messages += 1;
  }

  /** The connection is gone: every page rejects. */
  close(reason: BrokerError): void {
    this.#closed.abort(reason);
  }

  /** Returns how many messages came. */
  async #readPage(filters: readonly string[], qos: 0 | 1, stop: AbortSignal): Promise<number> {
    const page: Page = { messages: 0 };
    this.#register(filters, page);
    try {
      const askedAt = this.#clock.monotonic();
      await this.#port.subscribe(filters, qos);
      await this.#quiet(page, this.#quietTicksAfter(this.#clock.monotonic() - askedAt), stop);
    } finally {
      this.#unregister(filters);
      if (!this.#closed.signal.aborted) await this.#port.unsubscribe(filters, qos);
    }
    stop.throwIfAborted();
    return page.messages;
  }

  /** Some brokers look their store up after SUBACK; how long SUBACK took tells how busy they are. */
  #quietTicksAfter(answeredMs: number): number {
    const { quietTicks, tickMs } = this.#tuning;
    return Math.max(quietTicks, Math.ceil(Math.min(MAX_QUIET_MS, 2 * answeredMs) / tickMs));
  }

  async #quiet(page: Page, ticks: number, stop: AbortSignal): Promise<void> {
    let before = -1;
    for (let quiet = 0; quiet < ticks; quiet = page.messages === before ? quiet + 1 : 0) {
      stop.throwIfAborted();
      before = page.messages;
      await this.#tick(stop);
    }
  }

  /** A timer, then one turn of the event loop: between the two lies the poll phase, in which sockets are read. */
  #tick(stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        stop.removeEventListener('abort', finish);
        cancel();
        resolve();
      };
      const cancel = this.#clock.after(this.#tuning.tickMs, () => setImmediate(finish));
      stop.addEventListener('abort', finish, { once: true });
    });
  }

  #register(filters: readonly string[], page: Page): void {
    for (const filter of filters) {
      if (filter.includes('+')) this.#wild.set(filter, page);
      else this.#pages.set(subtree(filter), page);
    }
  }

  #unregister(filters: readonly string[]): void {
    for (const filter of filters) {
      this.#wild.delete(filter);
      this.#pages.delete(subtree(filter));
    }
  }

  async #enter(stop: AbortSignal): Promise<void> {
    stop.throwIfAborted();
    if (this.#running < this.#tuning.pageConcurrency) {
      this.#running += 1;
      return;
    }
    // The place is handed over by #leave, so #running stays as it is.
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
    if (!stop.aborted) return;
    this.#leave();
    stop.throwIfAborted();
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

const subtree = (filter: string): string => (filter.endsWith('/#') ? filter.slice(0, -2) : filter);

/** MQTT's own matching, for the few filters with `+`. */
export function matchesFilter(topic: string, filter: string): boolean {
  const levels = topic.split('/');
  const wanted = filter.split('/');
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true;
    if (at >= levels.length || (level !== '+' && level !== levels[at])) return false;
  }
  return levels.length === wanted.length;
}
