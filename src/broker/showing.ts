import { randomUUID } from 'node:crypto';
import type { BrokerFindings, IncomingMessage } from './broker.ts';
import { Marker, NotShown } from './marker.ts';
import { OwnMessage } from './own-message.ts';
import type { OwnMessagePort, Ticks } from './own-message.ts';
import { Probe } from './probe.ts';
import type { ProbeTopics } from './probe.ts';

/** When the broker shows what it stores. */
export interface Showing {
  /** How long after SUBACK it was seen to do so. */
  readonly lateTicks: number;
  /** Resolves when it has come to what was asked for before this call; rejects when it does not come to it. */
  passed(): Promise<void>;
}

export const AT_ONCE: Showing = { lateTicks: 0, passed: () => Promise.resolve() };

/** Found out on one connection, by messages that the operator stores for itself: the probe first, then a marker for every page. */
export class ProbedShowing implements Showing {
  readonly #prefix: string;
  readonly #messages: readonly OwnMessage[];
  readonly #probe: Probe;
  readonly #marker: Marker;
  readonly #signal: AbortSignal;
  #onFindings: (findings: BrokerFindings) => void = () => undefined;

  /** `signal`: the end of the connection. */
  constructor(topics: ProbeTopics, port: OwnMessagePort, { clock, tickMs }: Ticks, signal: AbortSignal) {
    const own = (topic: string): OwnMessage => new OwnMessage(topic, port, { clock, tickMs }, randomUUID);
    const [probed, marker] = [own(topics.topic), own(topics.marker)];
    this.#prefix = topics.prefix;
    this.#messages = [probed, marker];
    this.#probe = new Probe(topics, probed, clock);
    this.#marker = new Marker(marker, topics.markerPage, () => this.findings.pageQos, signal);
    this.#signal = signal;
  }

  get findings(): BrokerFindings {
    return this.#probe.findings;
  }

  get lateTicks(): number {
    return this.findings.lateTicks;
  }

  /** Resolves when pages may begin. */
  get gate(): Promise<void> {
    return this.#probe.gate;
  }

  /** Finds out what the broker does with what it stores; reports it each time that it is known. */
  async probe(onFindings: (findings: BrokerFindings) => void): Promise<void> {
    this.#onFindings = onFindings;
    await this.#probe.run(this.#signal, onFindings);
  }

  /** True for the operator's own. */
  takes({ topic, payload, retained }: IncomingMessage): boolean {
    if (!topic.startsWith(this.#prefix)) return false;
    const text = payload.toString();
    for (const message of this.#messages) message.see(topic, text, retained);
    return true;
  }

  async passed(): Promise<void> {
    // One that is slow to be judged is slow to show pages.
    await this.#probe.judged;
    if (!this.findings.isStoreProven) return;
    try {
      await this.#marker.passed();
    } catch (error) {
      if (error instanceof NotShown && this.findings.isStoreProven) this.#doubt();
      throw error;
    }
  }

  /** Pages are read by quiet alone from now on, and prove nothing, until the broker shows again what it stores. */
  #doubt(): void {
    this.#onFindings(this.#probe.doubt());
    void this.#probe.run(this.#signal, this.#onFindings);
  }

  clear(): void {
    this.#marker.clear();
  }
}
