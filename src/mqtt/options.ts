import type { IClientOptions } from 'mqtt';
import { brokerAddress } from '../base/broker-url.ts';
import type { ProbeTopics } from '../broker/probe.ts';
import type { PageTuning } from '../broker/retained-reader.ts';

/** How to reach one broker, and how hard to use it. */
export interface BrokerOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  /** Fixed per installation: connecting cuts off whoever holds it. */
  readonly clientId: string;
  /** 5 unless the broker speaks 3.1.1 only (4). */
  readonly protocolVersion?: 4 | 5;
  /** Asked at every connect, so that rotated passwords and certificates are taken up. */
  readonly credentials?: () => BrokerCredentials | Promise<BrokerCredentials>;
  /** Subscribed on every connect, before `onConnected`. */
  readonly live: readonly { readonly filter: string; readonly qos: 0 | 1 }[];
  /** Where one message is stored and read back on every connect. Without it the broker is taken for one that does everything. */
  readonly probe?: ProbeTopics;
  readonly tuning?: Partial<BrokerTuning>;
  /** Without it nobody else ever speaks under the client id. */
  readonly fence?: BrokerFence;
}

/** Whether this process may still speak: another leads as soon as its Lease is lost. */
export interface BrokerFence {
  /**
   * Awaited before every connect but the first: a leader renews its Lease here, because losing the connection may mean that
   * another leader took the client id (mosquitto 2.0.11 closes without saying so). While it rejects, there is no reconnect.
   */
  readonly beforeReconnect: (signal: AbortSignal) => Promise<void>;
  /** Asked before every publish, which is rejected as transient when it says no. */
  readonly mayPublish: () => boolean;
}

export interface BrokerCredentials {
  readonly username?: string;
  readonly password?: string;
  /** PEM texts: the authorities to trust, and the client's own certificate and key. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface BrokerTuning extends PageTuning {
  /** Larger packets are not read: their topics are told, and nothing else of them. */
  readonly maxPacketBytes: number;
  readonly keepaliveSeconds: number;
  /** From the first byte to the last SUBACK. */
  readonly connectTimeoutMs: number;
  /** Without PUBACK, SUBACK or UNSUBACK for about so long, a connection is no good. */
  readonly answerTimeoutMs: number;
  /** QoS 1 publishes without PUBACK; the broker's receive maximum applies too. */
  readonly publishWindow: number;
  /** Publishes that wait for the window; more are rejected as transient. */
  readonly publishQueue: number;
  /** Bounds of the full-jitter back-off between connects. */
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** A connection that lasted so long was a good one: the next back-off begins small again. */
  readonly stableAfterMs: number;
}

/** What the fixed header can say, and the header itself. */
const MAX_PACKET_BYTES = 268_435_460;

export const DEFAULT_BROKER_TUNING: BrokerTuning = {
  maxPacketBytes: MAX_PACKET_BYTES,
  keepaliveSeconds: 15,
  connectTimeoutMs: 10_000,
  answerTimeoutMs: 10_000,
  publishWindow: 1000,
  publishQueue: 200_000,
  pageConcurrency: 8,
  quietTicks: 4,
  tickMs: 15,
  reconnectMinMs: 100,
  reconnectMaxMs: 5000,
  stableAfterMs: 10_000,
};

/** MQTT.js options for one network connection. It never reconnects by itself, and so never stores anything for later. */
export function clientOptions(
  { url, clientId, protocolVersion = 5 }: BrokerOptions,
  tuning: BrokerTuning,
  credentials: BrokerCredentials,
): IClientOptions {
  return {
    ...brokerAddress(url),
    ...credentials,
    protocolVersion,
    clientId,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // A table of all 65,536 packet ids as Buffers: 7 MB for what is computed in no time.
    writeCache: false,
    keepalive: tuning.keepaliveSeconds,
    connectTimeout: tuning.connectTimeoutMs,
    // Without it mosquitto keeps 20 messages in flight and silently drops what its queue of 1,000 does not hold.
    ...(protocolVersion === 5 && {
      properties: { receiveMaximum: RECEIVE_MAXIMUM, maximumPacketSize: tuning.maxPacketBytes },
    }),
    // Its stream is looked at before it is used.
    manualConnect: true,
  };
}

const RECEIVE_MAXIMUM = 65_535;
/** What a broker keeps for a 3.1.1 client, by mosquitto's defaults. */
const QUEUE_OF_3_1_1 = 1000;

/** Messages of one page that no broker drops while all pages in flight are at their fullest. */
export function maxPageMessages(options: BrokerOptions, tuning: BrokerTuning): number {
  const kept = options.protocolVersion === 4 ? QUEUE_OF_3_1_1 : RECEIVE_MAXIMUM;
  return Math.floor(kept / tuning.pageConcurrency);
}
