import { Buffer } from 'node:buffer';
import type { IConnackPacket, MqttClient } from 'mqtt';
import type { Clock } from '../base/clock.ts';
import { PublishWindow } from '../base/publish-window.ts';
import type {
  BrokerFindings,
  BrokerLimits,
  IncomingMessage,
  PublishOptions,
  RefusedFilters,
} from '../broker/broker.ts';
import { AnswerWatch } from './answer-watch.ts';
import { BrokerError } from '../broker/broker.ts';
import type { BrokerName } from './failure.ts';
import { refusal } from './failure.ts';
import type { BrokerOptions, BrokerTuning } from './options.ts';
import { maxPageMessages } from './options.ts';
import { PROVEN } from '../broker/probe.ts';
import { RetainedReader } from '../broker/retained-reader.ts';
import { AT_ONCE, ProbedShowing } from '../broker/showing.ts';
import type { PagePort } from '../broker/page-port.ts';
import { subscribe, unsubscribe } from './subscriptions.ts';

export interface SessionDeps {
  readonly clock: Clock;
  readonly tuning: BrokerTuning;
  readonly name: BrokerName;
}

/** Ends the connection, because of an error. */
type HangUp = (error: Error) => void;

/** What lives as long as one CONNACK: limits, the publish window, pages. */
export class Session {
  readonly limits: BrokerLimits;
  readonly #client: MqttClient;
  readonly #live: BrokerOptions['live'];
  readonly #mayPublish: () => boolean;
  readonly #name: BrokerName;
  readonly #window: PublishWindow;
  readonly #reader: RetainedReader;
  readonly #answers: AnswerWatch;
  readonly #answerTimeoutMs: number;
  readonly #hangUp: HangUp;
  /** Undefined: the broker is taken for one that shows everything at once. */
  readonly #showing: ProbedShowing | undefined;
  readonly #closed = new AbortController();

  constructor(
    client: MqttClient,
    connack: IConnackPacket,
    options: BrokerOptions,
    { clock, tuning, name }: SessionDeps,
    hangUp: HangUp,
  ) {
    this.#answers = new AnswerWatch(clock, tuning.answerTimeoutMs);
    this.#answerTimeoutMs = tuning.answerTimeoutMs;
    this.#hangUp = hangUp;
    this.#client = client;
    this.#live = options.live;
    this.#mayPublish = options.fence?.mayPublish ?? (() => true);
    this.#name = name;
    this.limits = readLimits(connack);
    const receiveMaximum = connack.properties?.receiveMaximum ?? 65_535;
    this.#window = new PublishWindow(
      Math.min(receiveMaximum, tuning.publishWindow),
      tuning.publishQueue,
      () => new BrokerError('transient', `more than ${tuning.publishQueue} publishes wait for the broker`),
    );
    const page = { noLocal: false, retainHandling: 0 } as const;
    const portWhere = (isHint: (qos: 0 | 1) => boolean): PagePort => ({
      subscribe: (filters, qos) =>
        this.#answered('SUBSCRIBE', isHint(qos), subscribe(client, filters, { qos, ...page }, name)),
      unsubscribe: (filters, qos) => this.#answered('UNSUBSCRIBE', isHint(qos), unsubscribe(client, filters)),
    });
    const pages = { ...tuning, maxPageMessages: maxPageMessages(options, tuning) };
    const store = (topic: string, payload: string): Promise<void> =>
      this.publish(topic, payload, { retain: true, qos: 1 });
    const own = { ...portWhere(() => true), store };
    this.#showing =
      options.probe && new ProbedShowing(options.probe, own, { clock, tickMs: tuning.tickMs }, this.#closed.signal);
    this.#reader = new RetainedReader(
      portWhere((qos) => qos === 0),
      clock,
      pages,
      this.#showing ?? AT_ONCE,
    );
  }

  get findings(): BrokerFindings {
    return this.#showing?.findings ?? PROVEN;
  }

  /** Finds out what the broker does with what it stores; reports it each time that it is known. */
  async probe(onFindings: (findings: BrokerFindings) => void): Promise<void> {
    await this.#showing?.probe(onFindings);
  }

  /** True for what the operator stores for itself, which goes nowhere else. */
  takes(message: IncomingMessage): boolean {
    return this.#showing?.takes(message) === true;
  }

  /** To be called before DISCONNECT, while the broker still listens. */
  sayGoodbye(): void {
    this.#showing?.clear();
  }

  /** Live subscriptions, all granted, or a BrokerError naming what the broker lacks or refuses. */
  async subscribeLive(): Promise<void> {
    if (!this.limits.retainAvailable) throw refusal('retained messages', 0x9a, this.#name);
    if (this.limits.maximumQoS < 1) throw refusal('QoS 1', 0x9b, this.#name);
    if (!this.limits.wildcardSubscriptionAvailable) throw refusal('wildcard subscriptions', 0xa2, this.#name);
    const most = await this.#liveQos();
    await Promise.all(
      ([0, 1] as const).map(async (qos) => {
        const filters = this.#live.filter((one) => Math.min(one.qos, most) === qos).map(({ filter }) => filter);
        if (filters.length === 0) return;
        const refused = await subscribe(this.#client, filters, { qos, noLocal: true, retainHandling: 2 }, this.#name);
        for (const error of refused.values()) throw error;
      }),
    );
  }

  /**
   * MQTT 3.1.1 has no retain handling: live subscriptions bring all that is stored too. So that old births and wills are not taken for new
   * ones, they have the QoS at which this broker marks what is stored.
   */
  async #liveQos(): Promise<0 | 1> {
    if (this.#client.options.protocolVersion === 5) return 1;
    await this.#showing?.gate;
    return this.findings.pageQos;
  }

  /** To be called for every retained message. */
  note(topic: string): void {
    this.#reader.note(topic);
  }

  publish(topic: string, payload: string | Buffer, options: PublishOptions): Promise<void> {
    const bytes = packetBytes(topic, payload);
    const most = this.limits.maximumPacketSize;
    if (bytes > most) {
      const message = `${topic} needs a packet of ${bytes} bytes, broker ${this.#name.url} takes at most ${most}`;
      return Promise.reject(new BrokerError('tooLarge', message));
    }
    const send = (done: (error?: Error) => void): void => {
      // Asked last of all: it may have waited for the window.
      if (!this.#mayPublish()) return done(fenced(topic));
      // Without an answer only a new connection may send it again [MQTT-4.4.0-1].
      const answered =
        options.qos === 0 ? () => false : this.#answers.expect(() => this.#hangUp(this.#overdue('PUBLISH')));
      this.#client.publish(topic, payload, options, (error) => {
        answered();
        done(error ? this.#publishError(topic, error) : undefined);
      });
    };
    return options.qos === 0 ? sendOnce(send) : this.#window.run(send);
  }

  async readRetained(filters: readonly string[], qos: 0 | 1 | undefined, signal: AbortSignal): Promise<RefusedFilters> {
    await this.#showing?.gate;
    return this.#reader.read(filters, qos ?? this.findings.pageQos, signal);
  }

  close(error: BrokerError): void {
    this.#closed.abort(error);
    this.#answers.stop();
    this.#window.close(error);
    this.#reader.close(error);
  }

  /** What QoS 0 asks for is a hint, as is the operator's own: a broker too busy for the answer is not left for it. */
  async #answered<T>(packet: string, isHint: boolean, answer: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = isHint ? reject : this.#hangUp;
    const answered = this.#answers.expect(() => giveUp(this.#overdue(packet)));
    try {
      return await Promise.race([answer, promise]);
    } finally {
      answered();
    }
  }

  #overdue(packet: string): BrokerError {
    const message = `broker ${this.#name.url} did not answer ${packet} within ${this.#answerTimeoutMs} ms`;
    return new BrokerError('transient', message);
  }

  #publishError(topic: string, error: Error): BrokerError {
    if ('code' in error && typeof error.code === 'number') return refusal(`to store ${topic}`, error.code, this.#name);
    return new BrokerError('transient', `publish to ${topic} was cut: ${error.message}`, { cause: error });
  }
}

const fenced = (topic: string): BrokerError =>
  new BrokerError('transient', `not published to ${topic}: the Lease is lost, or was not renewed in time`);

function sendOnce(send: (done: (error?: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    send((error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** The protocol's defaults where CONNACK says nothing [MQTT-3.2.2]. */
function readLimits({ properties }: IConnackPacket): BrokerLimits {
  return {
    maximumPacketSize: properties?.maximumPacketSize ?? 268_435_455,
    maximumQoS: qos(properties?.maximumQoS),
    retainAvailable: properties?.retainAvailable ?? true,
    wildcardSubscriptionAvailable: properties?.wildcardSubscriptionAvailable ?? true,
  };
}

function qos(maximum: number | undefined): 0 | 1 | 2 {
  return maximum === 0 || maximum === 1 ? maximum : 2;
}

/** An upper bound: fixed header 5, topic length 2, packet id 2, properties length 1. */
function packetBytes(topic: string, payload: string | Buffer): number {
  return 10 + Buffer.byteLength(topic) + (typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length);
}
