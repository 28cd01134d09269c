import { afterEach, describe, expect } from '@jest/globals';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { createTopics } from '../../protocol/topics.ts';
import type { BrokerConnection, BrokerHandlers, IncomingMessage } from '../../broker/broker.ts';
import { createBroker } from '../connection.ts';
import { hasMosquitto } from '../../../test/world/mosquitto.ts';
import type { BrokerOptions } from '../options.ts';

export const topics = createTopics();
export const never = new AbortController().signal;
export const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

export function opened<T extends { close(): Promise<void> }>(what: T): T {
  cleanups.push(() => what.close());
  return what;
}

/** A connection whose happenings can be awaited. */
export class Client {
  readonly broker: BrokerConnection;
  readonly messages: IncomingMessage[] = [];
  readonly #events: string[] = [];
  readonly #waiters = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(url: string, options: Partial<BrokerOptions> = {}, onOversized?: BrokerHandlers['onOversized']) {
    const tuning = { reconnectMinMs: 5, reconnectMaxMs: 20, ...options.tuning };
    this.broker = createBroker(
      { url, clientId: 'operator', live: topics.live, ...options, tuning },
      { clock: systemClock, log: silentLogger },
    );
    const handlers: BrokerHandlers = {
      onMessage: (message) => this.#happened(() => this.messages.push(message)),
      onConnected: () => this.#happened(() => this.#events.push('connected')),
      onDisconnected: (reason) => this.#happened(() => this.#events.push(reason)),
      ...(onOversized === undefined ? {} : { onOversized }),
    };
    this.#running = this.broker.run(handlers, this.#stop.signal);
    opened(this);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Takes the oldest event: `connected`, or why the connection ended. */
  async event(): Promise<string> {
    await this.until(() => this.#events.length > 0);
    return this.#events.shift() ?? '';
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
    }
  }

  async failure(): Promise<string> {
    while (this.broker.failure === undefined) await systemTick();
    return this.broker.failure;
  }

  texts(): string[] {
    return this.messages.splice(0).map(({ topic, payload, retained }) => {
      return `${retained ? 'stored' : 'live'} ${topic.slice('mir/v1alpha/'.length)} ${payload.toString()}`;
    });
  }

  #happened(note: () => void): void {
    note();
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}

export const systemTick = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export async function connected(
  url: string,
  options: Partial<BrokerOptions> = {},
  onOversized?: BrokerHandlers['onOversized'],
): Promise<Client> {
  const client = new Client(url, options, onOversized);
  expect(await client.event()).toBe('connected');
  return client;
}

export const stored = { retain: true, qos: 1 } as const;
export const live = { retain: false, qos: 1 } as const;

export const withMosquitto = hasMosquitto() ? describe : describe.skip;
if (!hasMosquitto()) process.stderr.write('mosquitto is not installed: tests against it are skipped\n');
