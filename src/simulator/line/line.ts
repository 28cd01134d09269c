import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, connect as connectTcp } from 'node:net';
import type { Server, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { brokerAddress } from '../../base/broker-url.ts';
import { pemOptions } from '../../sdk/connection.ts';
import type { BrokerOptions } from '../../sdk/index.ts';
import { CONNECT, Framer, readLevel, typeOf } from './packets.ts';

/** What a line does to the packets that cross it; by default they go on as they are. */
export interface LineRules {
  /** A packet of the device: what goes on to the broker, or undefined. */
  up?(packet: Buffer, crossing: Crossing): Buffer | undefined;
  /** A packet of the broker: what goes on to the device, or undefined. */
  down?(packet: Buffer, crossing: Crossing): Buffer | undefined;
}

export interface Crossing {
  /** Protocol level of the connection. */
  readonly level: number;
  /** Sends the device a packet that the broker did not send. */
  readonly answer: (packet: Buffer) => void;
}

/** The way of one device to its broker, beneath its SDK (decision 0029). */
export interface Line {
  /** Where the device connects to, without TLS. */
  readonly url: string;
  /** From now on nothing crosses the connections that are there, and neither side is told: a half-open TCP connection. */
  freeze(): void;
  close(): Promise<void>;
}

/** Opens a relay on a port of its own, which does the TLS towards the broker. For `mqtt://` and `mqtts://` only. */
export async function openLine(broker: BrokerOptions, rules: LineRules = {}): Promise<Line> {
  const dial = dialer(broker);
  const crossings = new Set<Pair>();
  const server = createServer({ noDelay: true }, (device) => {
    const pair = new Pair(device, dial(), rules);
    crossings.add(pair);
    pair.onGone = () => crossings.delete(pair);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${portOf(server)}`,
    freeze() {
      for (const pair of crossings) pair.freeze();
    },
    async close() {
      server.close();
      for (const pair of crossings) pair.destroy();
      await once(server, 'close');
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a line has no port');
  return address.port;
}

function dialer({ url, tls }: BrokerOptions): () => Socket {
  const { protocol, host = '', port } = brokerAddress(url);
  if (protocol === 'mqtt') return () => connectTcp({ host, port: port ?? 1883, noDelay: true });
  if (protocol !== 'mqtts') {
    throw new Error(
      `a fault of the line needs mqtt:// or mqtts://, not ${protocol}://; use another broker URL or profile`,
    );
  }
  const pem = pemOptions(tls);
  return () => connectTls({ host, port: port ?? 8883, servername: host, ...pem }).setNoDelay(true);
}

/** The two sockets of one connection. A side that is slow holds the other one up, so that nothing piles up here. */
class Pair {
  readonly #device: Socket;
  readonly #broker: Socket;
  #level = 4;
  #isFrozen = false;
  onGone: () => void = () => {};

  constructor(device: Socket, broker: Socket, rules: LineRules) {
    this.#device = device;
    this.#broker = broker;
    this.#relay(device, broker, (packet) => {
      if (typeOf(packet) === CONNECT) this.#level = readLevel(packet);
      return rules.up === undefined ? packet : rules.up(packet, this.#crossing());
    });
    this.#relay(broker, device, (packet) => (rules.down === undefined ? packet : rules.down(packet, this.#crossing())));
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  destroy(): void {
    this.#device.destroy();
    this.#broker.destroy();
  }

  #relay(from: Socket, to: Socket, rule: (packet: Buffer) => Buffer | undefined): void {
    const framer = new Framer();
    from.on('data', (chunk: Buffer) => {
      try {
        if (this.#isFrozen) return;
        for (const packet of framer.feed(chunk)) {
          const passed = rule(packet);
          if (passed !== undefined && !to.write(passed)) from.pause();
        }
      } catch {
        // What is no MQTT never gets further.
        this.destroy();
      }
    });
    to.on('drain', () => from.resume());
    from.on('error', () => {});
    from.on('close', () => this.#lose(to));
  }

  /** Of a frozen connection the other side hears nothing, also not its end: it finds out by itself, or never. */
  #lose(to: Socket): void {
    if (!this.#isFrozen) to.destroy();
    if (to.destroyed) this.onGone();
  }

  #crossing(): Crossing {
    return { level: this.#level, answer: (packet) => void this.#device.write(packet) };
  }
}
