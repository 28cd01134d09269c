import { messageOf } from '../base/message-of.ts';
import type { Clock } from '../base/clock.ts';
import { delay } from '../base/clock.ts';
import type { BrokerFindings } from './broker.ts';
import type { PagePort } from './retained-reader.ts';
import { tick } from './tick.ts';

/** Topics of the operator's own for one stored message with dots in its name. */
export interface ProbeTopics {
  /** What is stored, and cleared again. */
  readonly topic: string;
  /** Shows it as a page shows the state of a device. */
  readonly page: string;
  /** Shows it as the discovery shows documents: a wildcard level, and `#` for nothing more. */
  readonly parent: string;
}

export interface ProbePort extends PagePort {
  store(topic: string, payload: string): Promise<void>;
}

/** What a broker is taken for until it has shown otherwise: pages that begin at once may be wrong, so nothing counts as proven. */
export const UNPROVEN: BrokerFindings = {
  isStoreProven: false,
  pageQos: 1,
  lateTicks: 0,
  matchesParentLevel: false,
  shortcoming: undefined,
};
/** Taken for granted where nobody probes. */
export const PROVEN: BrokerFindings = { ...UNPROVEN, isStoreProven: true, matchesParentLevel: true };

/** Pages wait so long for the first answer of the probe: a broker that takes longer is read all the same. */
const GATE_MS = 1000;
/** Some brokers show what they stored hundreds of milliseconds after SUBACK. */
const SHOW_MS = 5000;
const HINT_MS = 2000;
const AGAIN_MS = 30_000;

/**
 * Finds out what a broker does with one stored message before thousands depend on it: brokers that store nothing for wildcards,
 * that change dots in names, or that send stored messages like live ones all acknowledge the PUBLISH and grant the SUBSCRIBE (decision 0054).
 */
export class Probe {
  findings: BrokerFindings = UNPROVEN;
  /** Resolves when pages may begin. */
  readonly gate: Promise<void>;
  readonly #topics: ProbeTopics;
  readonly #port: ProbePort;
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #nonce: string;
  readonly #openGate: () => void;
  #onSeen: ((topic: string, retained: boolean) => void) | undefined;

  constructor(topics: ProbeTopics, port: ProbePort, clock: Clock, tickMs: number, nonce: string) {
    this.#topics = topics;
    this.#port = port;
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#nonce = nonce;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gate = promise;
    this.#openGate = resolve;
  }

  /** Everything below is the probe's own. */
  get prefix(): string {
    return this.#topics.page.slice(0, -1);
  }

  see(topic: string, payload: string, retained: boolean): void {
    if (payload === this.#nonce) this.#onSeen?.(topic, retained);
  }

  /** Probes until the broker is proven, or `signal` aborts. */
  async run(signal: AbortSignal, onFindings: (findings: BrokerFindings) => void): Promise<void> {
    const stopTimer = this.#clock.after(GATE_MS, this.#openGate);
    signal.addEventListener('abort', this.#openGate, { once: true });
    while (!signal.aborted) {
      try {
        this.findings = await this.#probe(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.findings = { ...UNPROVEN, shortcoming: messageOf(error) };
      }
      stopTimer();
      this.#openGate();
      onFindings(this.findings);
      if (this.findings.isStoreProven) break;
      await delay(this.#clock, AGAIN_MS, signal);
    }
    stopTimer();
  }

  async #probe(signal: AbortSignal): Promise<BrokerFindings> {
    const { topic, page, parent } = this.#topics;
    await this.#port.store(topic, this.#nonce);
    try {
      const seen = await this.#show(page, 1, SHOW_MS, signal);
      if (seen?.topic !== topic) return { ...UNPROVEN, shortcoming: await this.#explain(seen, signal) };
      const { retained, lateTicks } = seen;
      const found = { ...PROVEN, pageQos: retained ? 1 : 0, lateTicks, matchesParentLevel: false } as const;
      this.findings = found;
      // Pages need not wait for what only the discovery is about.
      this.#openGate();
      return { ...found, matchesParentLevel: (await this.#show(parent, 0, HINT_MS, signal)) !== undefined };
    } finally {
      if (!signal.aborted) this.#port.store(topic, '').catch(() => undefined);
    }
  }

  async #explain(seen: Seen | undefined, signal: AbortSignal): Promise<string> {
    const { topic } = this.#topics;
    const exact = seen ?? (await this.#show(topic, 1, HINT_MS, signal));
    if (exact === undefined) return NOTHING_SHOWN;
    return exact.topic === topic ? NO_WILDCARDS : DOTS_CHANGED;
  }

  /** Undefined: not shown in time. Rejects when the broker refuses the filter. */
  async #show(filter: string, qos: 0 | 1, waitMs: number, signal: AbortSignal): Promise<Seen | undefined> {
    signal.throwIfAborted();
    const done = new AbortController();
    const stop = AbortSignal.any([signal, done.signal]);
    let lateTicks = 0;
    let seen: Seen | undefined;
    this.#onSeen = (topic, retained) => {
      seen ??= { topic, retained, lateTicks };
      done.abort();
    };
    const refused = await this.#port.subscribe([filter], qos);
    for (const error of refused.values()) throw error;
    for (; lateTicks * this.#tickMs < waitMs && !stop.aborted; lateTicks += 1)
      await tick(this.#clock, this.#tickMs, stop);
    this.#onSeen = undefined;
    if (!signal.aborted) await this.#port.unsubscribe([filter], qos);
    return seen;
  }
}

interface Seen {
  readonly topic: string;
  readonly retained: boolean;
  /** Since SUBACK. */
  readonly lateTicks: number;
}

const NOTHING_SHOWN =
  'the broker acknowledges retained messages and shows none; enable retained messages, and let the operator read what it writes';
const NO_WILDCARDS =
  'the broker shows retained messages to no filter with wildcards; use a broker that does (RabbitMQ does from 4.0 on, if enabled)';
const DOTS_CHANGED =
  'the broker changes the dots in topics to slashes; set its delimiter to / (Artemis: wildcard-addresses), or use another broker';
