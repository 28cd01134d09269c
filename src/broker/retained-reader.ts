import type { Clock } from '../base/clock.ts';
import type { BrokerError, RefusedFilters } from './broker.ts';
import type { PagePort } from './page-port.ts';
import type { Showing } from './showing.ts';
import { tick } from './tick.ts';

export interface PageTuning {
  /** Pages of retained state read at one time. */
  readonly pageConcurrency: number;
  /** A page is quiet after so many ticks in a row without a retained message of it… */
  readonly quietTicks: number;
  /** …each of so many milliseconds, followed by one read of the socket. */
  readonly tickMs: number;
}

export interface PageLimits extends PageTuning {
  /** What the broker surely delivers for one page. */
  readonly maxPageMessages: number;
}

/** A broker that was frozen for long is not slow for so long. */
const MAX_QUIET_MS = 1000;

interface PageResult {
  readonly granted: readonly string[];
  readonly refused: RefusedFilters;
  /** More came than the broker surely delivers: some may be missing. */
  readonly isCut: boolean;
}

interface Page {
  /** Retained messages of this page so far. */
  messages: number;
}

/**
 * Reads stored state page by page over one connection. A page is complete when its SUBACK came, a marker asked for behind it was
 * shown, it has been quiet, and the UNSUBACK came. Quiet is counted in ticks, each of which read the socket, so that a process that was frozen does not take its
 * freeze for quiet; the UNSUBACK stands behind everything a frozen broker still had to send.
 */
export class RetainedReader {
  readonly #port: PagePort;
  readonly #clock: Clock;
  readonly #tuning: PageLimits;
  readonly #showing: Showing;
  readonly #closed = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Filters that the broker was seen to grant at one time; infinite: it does not count them. */
  #mostFilters = Number.POSITIVE_INFINITY;
  /** Filters of the largest page that was asked for. */
  #largestPage = 0;
  /** Pages whose refused filters are being read again. */
  #doubts = 0;
  /** Page by filter, without the `/#` at its end. Filters with `+` are in `#wild` too, which is short. */
  readonly #pages = new Map<string, Page>();
  readonly #wild = new Map<string, Page>();

  constructor(port: PagePort, clock: Clock, tuning: PageLimits, showing: Showing) {
    this.#port = port;
    this.#clock = clock;
    this.#tuning = tuning;
    this.#showing = showing;
  }

  /** Resolves with the filters that the broker refuses also each by itself. */
  async read(filters: readonly string[], qos: 0 | 1, signal: AbortSignal): Promise<RefusedFilters> {
    const stop = AbortSignal.any([signal, this.#closed.signal]);
    this.#largestPage = Math.max(this.#largestPage, filters.length);
    const parts: RefusedFilters[] = [];
    for (let rest = filters; rest.length > 0;) {
      const part = rest.slice(0, this.#mostFilters);
      rest = rest.slice(part.length);
      parts.push(await this.#readPart(part, qos, stop));
    }
    return merged(parts);
  }

  async #readPart(filters: readonly string[], qos: 0 | 1, stop: AbortSignal): Promise<RefusedFilters> {
    const { granted, refused, isCut } = await this.#readPage(filters, qos, stop);
    const again = isCut ? await Promise.all(halves(granted).map((half) => this.read(half, qos, stop))) : [];
    if (refused.size > 0) again.push(await this.#readDoubtful([...refused.keys()], qos, stop));
    else if (filters.length >= this.#mostFilters) this.#raiseMost();
    return merged(again);
  }

  async #readDoubtful(filters: readonly string[], qos: 0 | 1, stop: AbortSignal): Promise<RefusedFilters> {
    this.#doubts += 1;
    try {
      return await this.#readRefused(filters, qos, stop);
    } finally {
      this.#doubts -= 1;
      this.#admit();
    }
  }

  /**
   * Reads filters that were refused together with others again, one by one. Some brokers grant a limited number of filters at a time
   * (NATS 31 by default) and refuse the rest with the code for "not allowed". A filter that is refused alone is not allowed (decision 0035).
   */
  async #readRefused(filters: readonly string[], qos: 0 | 1, stop: AbortSignal): Promise<RefusedFilters> {
    const { granted, refused } = await this.#readPage(filters, qos, stop);
    if (granted.length > 0) this.#mostFilters = Math.min(this.#mostFilters, granted.length);
    if (refused.size === 0 || filters.length === 1) return refused;
    const rest = [...refused.keys()];
    const alone: RefusedFilters[] = [];
    for (const part of granted.length > 0 ? chunks(rest, granted.length) : halves(rest))
      alone.push(await this.#readRefused(part, qos, stop));
    return merged(alone);
  }

  /** One refusal that passed must not keep pages small as long as the connection lasts. */
  #raiseMost(): void {
    const most = this.#mostFilters * 2;
    this.#mostFilters = most < this.#largestPage ? most : Number.POSITIVE_INFINITY;
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

  async #readPage(filters: readonly string[], qos: 0 | 1, stop: AbortSignal): Promise<PageResult> {
    await this.#enter(stop);
    try {
      return await this.#show(filters, qos, stop);
    } finally {
      this.#leave();
    }
  }

  async #show(filters: readonly string[], qos: 0 | 1, stop: AbortSignal): Promise<PageResult> {
    const page: Page = { messages: 0 };
    this.#register(filters, page);
    let granted = filters;
    let refused: RefusedFilters;
    try {
      const askedAt = this.#clock.monotonic();
      let ticks = 0;
      const asked = this.#port.subscribe(filters, qos).then((answer) => {
        ticks = this.#quietTicksAfter(this.#clock.monotonic() - askedAt);
        return answer;
      });
      // Behind a wildcard the broker's queue may be so full that it drops what is asked for: there the marker waits for quiet.
      const isHint = qos === 0;
      [refused] = await Promise.all([asked, isHint ? undefined : this.#showing.passed()]);
      if (refused.size > 0) granted = filters.filter((filter) => !refused.has(filter));
      if (granted.length > 0 && isHint) {
        await this.#quiet(page, ticks, stop);
        await this.#showing.passed();
      }
      if (granted.length > 0) await this.#quiet(page, ticks, stop);
    } finally {
      this.#unregister(filters);
      if (!this.#closed.signal.aborted && granted.length > 0) await this.#port.unsubscribe(granted, qos);
    }
    stop.throwIfAborted();
    // The broker may have dropped what its queue did not hold, and always drops the same: only smaller pages show the rest.
    const isCut = qos === 1 && page.messages > this.#tuning.maxPageMessages && granted.length > 1;
    return { granted, refused, isCut };
  }

  /** Some brokers look their store up after SUBACK; how long that took once, and how long SUBACK took now, tell how long it may take. */
  #quietTicksAfter(answeredMs: number): number {
    const { quietTicks, tickMs } = this.#tuning;
    const expectedMs = 2 * Math.max(answeredMs, this.#showing.lateTicks * tickMs);
    return Math.max(quietTicks, Math.ceil(Math.min(MAX_QUIET_MS, expectedMs) / tickMs));
  }

  async #quiet(page: Page, ticks: number, stop: AbortSignal): Promise<void> {
    let before = -1;
    for (let quiet = 0; quiet < ticks; quiet = page.messages === before ? quiet + 1 : 0) {
      stop.throwIfAborted();
      before = page.messages;
      await tick(this.#clock, this.#tuning.tickMs, stop);
    }
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

  /** Places for pages; one while it is not clear what the broker refuses, or when it grants only so many filters at one time. */
  get #places(): number {
    return this.#doubts > 0 || this.#mostFilters < Number.POSITIVE_INFINITY ? 1 : this.#tuning.pageConcurrency;
  }

  async #enter(stop: AbortSignal): Promise<void> {
    stop.throwIfAborted();
    // The place is taken by #admit, in order.
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#admit();
    });
    if (!stop.aborted) return;
    this.#leave();
    stop.throwIfAborted();
  }

  #leave(): void {
    this.#running -= 1;
    this.#admit();
  }

  #admit(): void {
    while (this.#running < this.#places) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running += 1;
      next();
    }
  }
}

function chunks(filters: readonly string[], most: number): (readonly string[])[] {
  if (filters.length <= most) return filters.length === 0 ? [] : [filters];
  return [filters.slice(0, most), ...chunks(filters.slice(most), most)];
}

const merged = (parts: readonly RefusedFilters[]): RefusedFilters => new Map(parts.flatMap((part) => [...part]));

const halves = (filters: readonly string[]): (readonly string[])[] => chunks(filters, Math.ceil(filters.length / 2));

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
