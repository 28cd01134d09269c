/** The broker of a world: one port for life, and a proxied port whose network can be cut. */
import type { MqttClient } from 'mqtt';
import { connectTo, publishOnce, readRetained, record } from './broker-client.ts';
import type { PublishSettings, Recording } from './broker-client.ts';
import { startTcpProxy } from './tcp-proxy.ts';

export interface TestBroker {
  /** `mqtt://127.0.0.1:port`, straight to the broker. */
  readonly url: string;
  readonly port: number;
  /** The same broker through a TCP proxy: `cut`, `hang` and `restore` act on clients that came this way. */
  readonly proxyUrl: string;
  cut(): void;
  hang(): void;
  restore(): Promise<void>;
  stop(): Promise<void>;
  /** Starts it again on the same port with what it retained. */
  start(): Promise<void>;
  /** Stop and start; `empty` forgets everything that was retained. */
  restart(options?: { readonly empty?: boolean }): Promise<void>;
  /** What is retained under `filter` now: topic → payload as text. */
  retained(filter: string): Promise<Map<string, string>>;
  /** Records every message under the filters from now on; ends with the world. */
  watch(filters: string | readonly string[]): Promise<Recording>;
  publish(topic: string, payload: string | Buffer, settings?: PublishSettings): Promise<void>;
  /** A plain MQTT 5 connection of a test's own; ends with the world. */
  connect(options?: Parameters<typeof connectTo>[1]): Promise<MqttClient>;
  close(): Promise<void>;
}

/** What a kind of world has to bring. */
export interface BrokerProcess {
  readonly port: number;
  stop(): Promise<void>;
  start(options?: { readonly empty?: boolean }): Promise<void>;
}

export async function createTestBroker(broker: BrokerProcess): Promise<TestBroker> {
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const proxy = await startTcpProxy(broker.port);
  const endings: (() => Promise<unknown>)[] = [];
  return {
    url,
    port: broker.port,
    proxyUrl: `mqtt://127.0.0.1:${proxy.port}`,
    cut: () => proxy.cut(),
    hang: () => proxy.hang(),
    restore: () => proxy.restore(),
    stop: () => broker.stop(),
    start: () => broker.start(),
    async restart(options) {
      await broker.stop();
      await broker.start(options);
    },
    retained: (filter) => readRetained(url, filter),
    async watch(filters) {
      const recording = await record(url, filters);
      endings.push(() => recording.stop());
      return recording;
    },
    publish: (topic, payload, settings) => publishOnce(url, topic, payload, settings),
    async connect(options) {
      const client = await connectTo(url, options);
      client.on('error', () => undefined);
      endings.push(() => client.endAsync(true));
      return client;
    },
    async close() {
      await Promise.all(endings.map((end) => end()));
      await proxy.close();
      await broker.stop();
    },
  };
}
