import { Buffer } from 'node:buffer';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { Aedes } from 'aedes';

export interface StrictBroker {
  readonly url: string;
  /** Connections that sent too much at one time, and were cut. */
  readonly cut: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A broker of MQTT 5 that takes `receiveMaximum` messages at one time and cuts off who sends more [MQTT-3.3.4-9], as HiveMQ does
 * with its default of 10. All that comes in one read is counted before any of it is answered. What it sends leaves it after `answerMs`, so
 * that who does not wait for answers has much under way.
 */
export async function startStrictBroker(receiveMaximum: number, answerMs = 0): Promise<StrictBroker> {
  const aedes = await Aedes.createBroker({ receiveMaximum });
  const sockets = new Set<Socket>();
  let cut = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket.on('error', () => undefined).once('close', () => sockets.delete(socket)));
    const [outside, inside] = duplexPair();
    const [incoming, outgoing] = [new PacketHeaders(), new PacketHeaders()];
    let inFlight = 0;
    socket.on('data', (chunk) => {
      inFlight += incoming.read(chunk).filter(isAnswered).length;
      if (inFlight <= receiveMaximum) return void outside.write(chunk);
      cut += 1;
      socket.destroy();
    });
    const send = (chunk: Buffer): void => {
      inFlight -= outgoing.read(chunk).filter((first) => first >> 4 === PUBACK).length;
      socket.write(chunk);
    };
    outside.on('data', (chunk: Buffer) => void (answerMs === 0 ? send(chunk) : setTimeout(send, answerMs, chunk)));
    socket.once('close', () => inside.destroy());
    inside.once('close', () => socket.destroy());
    aedes.handle(inside);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cut() {
      return cut;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      for (const socket of sockets) socket.destroy();
      await closed;
      await new Promise<void>((resolve) => {
        aedes.close(resolve);
      });
    },
  };
}

const PUBLISH = 3;
const PUBACK = 4;
const isAnswered = (first: number): boolean => first >> 4 === PUBLISH && (first & 0b0110) !== 0;

/** Finds the packets in a stream of bytes. */
class PacketHeaders {
  #rest = Buffer.alloc(0);

  /** The first byte of every packet that is complete now. */
  read(chunk: Buffer): number[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const found: number[] = [];
    for (let end = endOfPacket(this.#rest); end <= this.#rest.length; end = endOfPacket(this.#rest)) {
      found.push(this.#rest[0] ?? 0);
      this.#rest = this.#rest.subarray(end);
    }
    return found;
  }
}

/** Infinite while that is not known. [MQTT-2.1.4] */
function endOfPacket(bytes: Buffer): number {
  let remaining = 0;
  for (let at = 1; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    remaining += (byte & 0x7f) * 128 ** (at - 1);
    if (byte < 0x80) return at + 1 + remaining;
  }
  return Number.POSITIVE_INFINITY;
}
