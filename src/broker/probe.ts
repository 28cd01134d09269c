import { messageOf } from '../base/message-of.ts';
import type { Clock } from '../base/clock.ts';
import { delay } from '../base/clock.ts';
import type { BrokerFindings } from './broker.ts';
import type { OwnMessage, Shown } from './own-message.ts';

/** Topics of the operator's own, below one device id that no device has. */
export interface ProbeTopics {
  /** Everything that is the operator's own ends on more than this. */
  readonly prefix: string;
  /** What is stored, and cleared again: with dots in its name. */
  readonly topic: string;
  /** Shows it as a page shows the state of a device. */
  readonly page: string;
  /** Shows it as the discovery shows documents: a wildcard level, and `#` for nothing more. */
  readonly parent: string;
  /** What stays stored as long as the connection lasts. */
  readonly marker: string;
  /** Shows it as a page shows the state of a device. */
  readonly markerPage: string;
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
  /** Resolves when the broker has been judged once, or the connection has ended. */
  readonly judged: Promise<void>;
  readonly #topics: ProbeTopics;
  readonly #message: OwnMessage;
  readonly #clock: Clock;
  readonly #openGate: () => void;
  readonly #noteJudged: () => void;

  /** `message` is at the topic of `topics`. */
  constructor(topics: ProbeTopics, message: OwnMessage, clock: Clock) {
    this.#topics = topics;
    this.#message = message;
    this.#clock = clock;
    const [gate, judged] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    [this.gate, this.judged] = [gate.promise, judged.promise];
    [this.#openGate, this.#noteJudged] = [gate.resolve, judged.resolve];
  }

  /** Probes until the broker is proven, or `signal` aborts. To be called again when it is in doubt. */
  async run(signal: AbortSignal, onFindings: (findings: BrokerFindings) => void): Promise<void> {
    const stopTimer = this.#clock.after(GATE_MS, this.#openGate);
    signal.addEventListener('abort', this.#letPagesGo, { once: true });
    while (!signal.aborted) {
      try {
        this.findings = await this.#probe(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.findings = { ...UNPROVEN, shortcoming: messageOf(error) };
      }
      stopTimer();
      this.#letPagesGo();
      onFindings(this.findings);
      if (this.findings.isStoreProven) break;
      await delay(this.#clock, AGAIN_MS, signal);
    }
    stopTimer();
  }

  /** What was proven is so no more. */
  doubt(): BrokerFindings {
    this.findings = { ...UNPROVEN, shortcoming: NOTHING_SHOWN };
    return this.findings;
  }

  readonly #letPagesGo = (): void => {
    this.#openGate();
    this.#noteJudged();
  };

  async #probe(signal: AbortSignal): Promise<BrokerFindings> {
    const { topic, page, parent } = this.#topics;
    await this.#message.store();
    try {
      const seen = await this.#message.show(page, 1, SHOW_MS, signal);
      if (seen?.topic !== topic) return { ...UNPROVEN, shortcoming: await this.#explain(seen, signal) };
      const { retained, lateTicks } = seen;
      const found = { ...PROVEN, pageQos: retained ? 1 : 0, lateTicks, matchesParentLevel: false } as const;
      this.findings = found;
      // Pages need not wait for what only the discovery is about.
      this.#letPagesGo();
      return { ...found, matchesParentLevel: (await this.#message.show(parent, 0, HINT_MS, signal)) !== undefined };
    } finally {
      if (!signal.aborted) this.#message.clear();
    }
  }

  async #explain(seen: Shown | undefined, signal: AbortSignal): Promise<string> {
    const { topic } = this.#topics;
    const exact = seen ?? (await this.#message.show(topic, 1, HINT_MS, signal));
    if (exact === undefined) return NOTHING_SHOWN;
    return exact.topic === topic ? NO_WILDCARDS : DOTS_CHANGED;
  }
}

const NOTHING_SHOWN =
  'the broker acknowledges retained messages and shows none; enable retained messages, and let the operator read what it writes';
const NO_WILDCARDS =
  'the broker shows retained messages to no filter with wildcards; use a broker that does (RabbitMQ does from 4.0 on, if enabled)';
const DOTS_CHANGED =
  'the broker changes the dots in topics to slashes; set its delimiter to / (Artemis: wildcard-addresses), or use another broker';
