/** How tests look into a broker: over MQTT, as any client could. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { eventually } from './eventually.ts';

export interface RecordedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly text: string;
  readonly isRetained: boolean;
  /** `performance.now()` at arrival. */
  readonly at: number;
}

export interface Recording {
  /** Everything that came, in order. Bounded: beyond 500,000 messages the recording fails. */
  readonly messages: readonly RecordedMessage[];
  on(topic: string | RegExp): readonly RecordedMessage[];
  /** Waits for the first message that matches, come or yet to come. */
  first(claim: string, matches: (message: RecordedMessage) => boolean, timeoutMs?: number): Promise<RecordedMessage>;
  forget(): void;
  stop(): Promise<void>;
}

export interface PublishSettings {
  readonly retain?: boolean;
  readonly qos?: 0 | 1;
}

const MOST_MESSAGES = 500_000;
/** Round trips, each with a pause, in which nothing may come before all has come: a broker that is slow is slow with these too. */
const QUIET_TRIPS = 5;
const PAUSE_MS = 15;

/** A connection of a test's own. QoS 1 subscriptions get as many in flight as the protocol allows, so that nothing is dropped. */
export function connectTo(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  return connectAsync(url, {
    protocolVersion: 5,
    clientId: `test-${randomUUID()}`,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
    ...options,
    properties: { receiveMaximum: 65_535, ...options.properties },
  });
}

/** What the broker retains under `filter`: topic → payload. */
export async function readRetained(url: string, filter: string): Promise<Map<string, string>> {
  const client = await connectTo(url);
  const retained = new Map<string, string>();
  const marker = `test/marker/${randomUUID()}`;
  let received = 0;
  let echoes = 0;
  client.on('message', (topic, payload, packet) => {
    if (topic === marker) echoes += 1;
    else received += 1;
    if (packet.retain) retained.set(topic, payload.toString('utf8'));
  });
  const makeTrip = async (number: number): Promise<void> => {
    await client.publishAsync(marker, 'end', { qos: 0 });
    const isBack = (): void => {
      if (echoes < number) throw new Error(`${retained.size} so far`);
    };
    await eventually(`${url} answers while it delivers what is under ${filter}`, isBack, { intervalMs: 5 });
    await setTimeout(PAUSE_MS);
  };
  try {
    await client.subscribeAsync(marker, { qos: 0 });
    // QoS 0: brokers drop what exceeds their in-flight window at QoS 1.
    await client.subscribeAsync(filter, { qos: 0 });
    for (let trip = 1, quietTrips = 0; quietTrips < QUIET_TRIPS; trip += 1) {
      const before = received;
      await makeTrip(trip);
      quietTrips = received === before ? quietTrips + 1 : 0;
    }
    return retained;
  } finally {
    await client.endAsync();
  }
}

/** Records every message under `filters` from now on; resolves when the subscription is in place. */
export async function record(url: string, filters: string | readonly string[]): Promise<Recording> {
  // Comes back by itself, for tests that restart the broker; messages of that gap are not seen.
  const client = await connectTo(url, { reconnectPeriod: 50 });
  let messages: RecordedMessage[] = [];
  client.on('error', () => undefined);
  client.on('message', (topic, payload, packet) => {
    if (messages.length >= MOST_MESSAGES)
      throw new Error(`more than ${MOST_MESSAGES} messages under ${String(filters)}`);
    messages.push({ topic, payload, text: payload.toString('utf8'), isRetained: packet.retain, at: performance.now() });
  });
  await client.subscribeAsync(typeof filters === 'string' ? filters : [...filters], { qos: 1, rap: false });
  return {
    get messages() {
      return messages;
    },
    on: (topic) =>
      messages.filter((each) => (typeof topic === 'string' ? each.topic === topic : topic.test(each.topic))),
    first: (claim, matches, timeoutMs) =>
      eventually(
        claim,
        () => {
          const found = messages.find(matches);
          if (found === undefined) throw new Error(`${messages.length} messages, none of them it`);
          return found;
        },
        timeoutMs === undefined ? {} : { timeoutMs },
      ),
    forget() {
      messages = [];
    },
    async stop() {
      await client.endAsync(true);
    },
  };
}

/** Publishes one message over a connection of its own. */
export async function publishOnce(
  url: string,
  topic: string,
  payload: string | Buffer,
  { retain = false, qos = 1 }: PublishSettings = {},
): Promise<void> {
  const client = await connectTo(url);
  try {
    await client.publishAsync(topic, payload, { retain, qos });
  } finally {
    await client.endAsync();
  }
}
