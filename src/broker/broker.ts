/** What the operator needs of a broker connection; `mqtt/connection.ts` implements it over MQTT.js, tests by hand. */

export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  /** True for stored state delivered because of a subscription, false for live messages. */
  readonly retained: boolean;
}

/** What is known of a message of which nothing but the topic was read. */
export interface OversizedMessage {
  readonly topic: string;
  /** Of the whole packet. */
  readonly bytes: number;
  readonly retained: boolean;
}

export interface PublishOptions {
  readonly retain: boolean;
  readonly qos: 0 | 1;
}

/** What CONNACK said, with the protocol's defaults where it said nothing. */
export interface BrokerLimits {
  readonly maximumPacketSize: number;
  readonly maximumQoS: 0 | 1 | 2;
  readonly retainAvailable: boolean;
  readonly wildcardSubscriptionAvailable: boolean;
}

/** What a broker was seen to do with a stored message; found out anew on every connection. */
export interface BrokerFindings {
  /** A page has shown what was stored. Until then a PUBACK is no proof that a document stands: only a page that shows it is. */
  readonly isStoreProven: boolean;
  /** The QoS at which a page shows stored messages as retained ones. */
  readonly pageQos: 0 | 1;
  /** Ticks from SUBACK to what is stored. */
  readonly lateTicks: number;
  /** `a/#` shows what is stored at `a` [MQTT-4.7.1.2]. */
  readonly matchesParentLevel: boolean;
  /** What it cannot do, and what to set, as one sentence. */
  readonly shortcoming: string | undefined;
}

/** The view that the operator's domain has of one connection to one broker. */
export interface Broker {
  readonly findings: BrokerFindings;
  /** Undefined while disconnected. */
  readonly limits: BrokerLimits | undefined;
  readonly connected: boolean;
  /**
   * Sends one message; QoS 1 resolves at a PUBACK that says success.
   * Never queues while offline: rejects with BrokerError (`transient` when disconnected or cut, `refused` for a PUBACK reason
   * code ≥ 0x80, `tooLarge` when over the broker's maximum packet size).
   */
  publish(topic: string, payload: string | Buffer, options: PublishOptions): Promise<void>;
  /**
   * Reads stored state: SUBSCRIBE to the filters, wait for SUBACK and quiet, UNSUBSCRIBE. The messages go to the message handler.
   * Resolves when the page is complete (absence is proven) but for the filters that the broker refuses also each by itself; rejects
   * when the connection breaks before. A few pages are read at one time, the rest waits in order. `qos: 0` for a wildcard that
   * only discovers: no bound on how much is stored, no proof.
   */
  readRetained(
    filters: readonly string[],
    signal: AbortSignal,
    options?: { readonly qos?: 0 | 1 },
  ): Promise<RefusedFilters>;
}

export interface BrokerConnection extends Broker {
  /** Why there is no connection, as a sentence with the remedy; undefined while there is one, and before the first attempt. */
  readonly failure: string | undefined;
  /**
   * Connects and stays connected, telling `handlers`, until `signal` aborts: then it says DISCONNECT, and resolves when the socket is
   * closed. To be called once.
   */
  run(handlers: BrokerHandlers, signal: AbortSignal): Promise<void>;
}

/** Filter → why the broker does not grant it; empty: all are granted. */
export type RefusedFilters = ReadonlyMap<string, BrokerError>;

export interface BrokerHandlers {
  /** Called synchronously for every message, in order; must not throw and must not block. */
  onMessage(message: IncomingMessage): void;
  /** Something was too large to be read; true: it is to be taken out of the broker's store if it stands there. */
  onOversized?(message: OversizedMessage): boolean;
  /** Live subscriptions are in place (SUBACK received). Called again after every reconnect. */
  onConnected(limits: BrokerLimits): void;
  onDisconnected(reason: string): void;
}

export type BrokerErrorKind = 'transient' | 'refused' | 'tooLarge';

export class BrokerError extends Error {
  readonly kind: BrokerErrorKind;
  /** MQTT reason code where the broker gave one. */
  readonly code: number | undefined;

  constructor(kind: BrokerErrorKind, message: string, options?: { cause?: unknown; code?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BrokerError';
    this.kind = kind;
    this.code = options?.code;
  }
}
