import { Buffer } from 'node:buffer';
import type { Clock } from '../../src/base/clock.ts';
import { BrokerError } from '../../src/broker/broker.ts';
import type {
  BrokerConnection,
  BrokerFindings,
  BrokerHandlers,
  BrokerLimits,
  PublishOptions,
  RefusedFilters,
} from '../../src/broker/broker.ts';
import { PROVEN } from '../../src/broker/probe.ts';
import { matchesFilter } from '../../src/broker/retained-reader.ts';

/** How a publish ends: `lost` and `unanswered` wait until the connection breaks, and only the latter is stored; `forgotten` is acknowledged and not stored. */
export type PublishResult = 'ok' | 'transient' | 'refused' | 'tooLarge' | 'unanswered' | 'lost' | 'forgotten';

/** How a page ends: `late` sends its messages only after its end; `blind` never sends them. */
export type PageResult = 'complete' | 'broken' | 'late' | 'blind';

export interface Published {
  readonly topic: string;
  readonly payload: string;
  readonly result: PublishResult;
  /** Monotonic milliseconds. */
  readonly at: number;
}

const LIMITS: BrokerLimits = {
  maximumPacketSize: 268_435_455,
  maximumQoS: 2,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
};

const NOBODY: BrokerHandlers = { onMessage: () => {}, onConnected: () => {}, onDisconnected: () => {} };

/** A broker in memory that does what its script says; nothing in it happens but by a call or by the clock. */
export class FakeBroker implements BrokerConnection {
  /** Milliseconds from a page's request, at which it sees the store, to its end. */
  pageDelayMs = 0;
  /** Milliseconds from a publish to its answer. */
  publishDelayMs = 0;
  /** Milliseconds after the end of a `late` page at which its messages come. */
  lateMs = 100;
  /** The operator hears what it publishes itself, as with MQTT 3.1.1 always and with MQTT 5 while a page is read. */
  isEchoing = false;
  /** What the next publishes and pages come to; one that no script names goes well. */
  readonly publishScript: PublishResult[] = [];
  readonly pageScript: PageResult[] = [];
  /** The same for pages of one wildcard. */
  readonly discoveryScript: PageResult[] = [];
  /** Filters that no SUBSCRIBE is granted for. */
  isRefusingFilter: (filter: string) => boolean = () => false;
  /** Topics that no PUBLISH is taken for. */
  isRefusingTopic: (topic: string) => boolean = () => false;
  /** Everything the operator has sent, whatever came of it. */
  readonly published: Published[] = [];
  /** The filters of every page that was asked for. */
  readonly pages: (readonly string[])[] = [];
  findings: BrokerFindings = PROVEN;
  /** Pages at QoS 1 show what is stored as if it were live, as with Moquette 0.17. */
  isStoredAsLive = false;
  readonly #store = new Map<string, Buffer>();
  /** Ends what waits for an answer of the connection. */
  readonly #pending = new Set<() => void>();
  limits: BrokerLimits | undefined;
  readonly #clock: Clock;
  readonly failure = undefined;
  #handlers: BrokerHandlers = NOBODY;
  /** Counts the connections. */
  #connection = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Connects when the script says so, or has said so. */
  async run(handlers: BrokerHandlers, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#handlers = handlers;
    if (this.limits !== undefined) handlers.onConnected(this.limits);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.disconnect();
    this.#handlers = NOBODY;
  }

  get connected(): boolean {
    return this.limits !== undefined;
  }

  connect(limits: Partial<BrokerLimits> = {}): void {
    this.#connection += 1;
    this.limits = { ...LIMITS, ...limits };
    this.#handlers.onConnected(this.limits);
  }

  /** Cuts the operator off: every publish and page under way rejects. */
  disconnect(): void {
    this.limits = undefined;
    for (const fail of this.#pending) fail();
    this.#handlers.onDisconnected('scripted');
  }

  /** What a device, or anyone else, sends: stored when it is to be retained, and heard by the operator when it is connected. */
  hear(topic: string, payload: string | Buffer, retain = true): void {
    const bytes = Buffer.from(payload);
    if (retain) this.keep(topic, bytes);
    if (this.connected) this.#handlers.onMessage({ topic, payload: bytes, retained: false });
  }

  /** Puts a payload into the store, or takes it out when it is empty, without telling anyone. */
  keep(topic: string, payload: string | Buffer): void {
    if (payload.length === 0) this.#store.delete(topic);
    else this.#store.set(topic, Buffer.from(payload));
  }

  /** Publishes and pages under way. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** What stands retained on `topic`. */
  kept(topic: string): string | undefined {
    return this.#store.get(topic)?.toString();
  }

  keptBytes(topic: string): Buffer | undefined {
    return this.#store.get(topic);
  }

  get keptTopics(): string[] {
    return [...this.#store.keys()];
  }

  /** Power was lost, and with it everything that was retained. */
  empty(): void {
    this.#store.clear();
  }

  /** A stored message as a subscription brings it, at a moment of the test's choosing. */
  deliverStored(topic: string, payload: string): void {
    this.#handlers.onMessage({ topic, payload: Buffer.from(payload), retained: true });
  }

  async publish(topic: string, payload: string | Buffer, { retain }: PublishOptions): Promise<void> {
    if (!this.connected) throw new BrokerError('transient', 'not connected');
    const text = payload.toString();
    const result = this.publishScript.shift() ?? (this.isRefusingTopic(topic) ? 'refused' : 'ok');
    this.published.push({ topic, payload: text, result, at: this.#clock.monotonic() });
    if (result === 'refused' || result === 'tooLarge') throw new BrokerError(result, `scripted: ${result}`);
    if (result === 'transient') throw new BrokerError('transient', 'scripted: timed out');
    const isTaken = result === 'ok' || result === 'unanswered';
    if (retain && isTaken) this.keep(topic, text);
    if (this.isEchoing && isTaken) this.#handlers.onMessage({ topic, payload: Buffer.from(text), retained: false });
    await this.#wait(result === 'ok' || result === 'forgotten' ? this.publishDelayMs : Number.POSITIVE_INFINITY);
  }

  async readRetained(
    filters: readonly string[],
    signal: AbortSignal,
    { qos = this.findings.pageQos }: { readonly qos?: 0 | 1 } = {},
  ): Promise<RefusedFilters> {
    signal.throwIfAborted();
    if (!this.connected) throw new BrokerError('transient', 'not connected');
    this.pages.push(filters);
    const script = filters.some((filter) => filter.includes('+')) ? this.discoveryScript : this.pageScript;
    const result = script.shift() ?? 'complete';
    const granted = filters.filter((filter) => !this.isRefusingFilter(filter));
    const seen = [...this.#store].filter(([topic]) => granted.some((filter) => matchesFilter(topic, filter)));
    await this.#wait(this.pageDelayMs, signal);
    if (result === 'broken') throw new BrokerError('transient', 'scripted: the page broke off');
    const retained = qos === 0 || !this.isStoredAsLive;
    if (result === 'complete') this.#deliver(seen, retained);
    if (result === 'late') this.#deliverLate(seen, retained);
    const refused = filters.filter((filter) => this.isRefusingFilter(filter));
    return new Map(refused.map((filter) => [filter, new BrokerError('refused', `scripted: refused ${filter}`)]));
  }

  #deliver(messages: readonly (readonly [string, Buffer])[], retained: boolean): void {
    for (const [topic, payload] of messages) this.#handlers.onMessage({ topic, payload, retained });
  }

  #deliverLate(messages: readonly (readonly [string, Buffer])[], retained: boolean): void {
    const connection = this.#connection;
    this.#clock.after(this.lateMs, () => {
      if (this.connected && connection === this.#connection) this.#deliver(messages, retained);
    });
  }

  /** Rejects when the connection breaks, or `signal` aborts, before. */
  #wait(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (finish: () => void) => (): void => {
        cancel();
        this.#pending.delete(fail);
        signal?.removeEventListener('abort', fail);
        finish();
      };
      const fail = end(() => reject(new BrokerError('transient', 'the connection is gone')));
      const cancel = delayMs === Number.POSITIVE_INFINITY ? () => undefined : this.#clock.after(delayMs, end(resolve));
      this.#pending.add(fail);
      signal?.addEventListener('abort', fail);
    });
  }
}
