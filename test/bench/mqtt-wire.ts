/**
 * The few MQTT 3.1.1 packets that a load generator sends, encoded once and written in bulk: a generator must not take the
 * processor from what it loads.
 */
import { Buffer } from 'node:buffer';

export function connectPacket(clientId: string): Buffer {
  const CLEAN_SESSION = 0x02;
  return packet(0x10, [text('MQTT'), Buffer.from([4, CLEAN_SESSION, 0, 0]), text(clientId)]);
}

export interface Publish {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** 1 to 65,535; of no meaning at QoS 0. */
  readonly packetId: number;
}

export function publishPacket({ topic, payload, qos, retain, packetId }: Publish): Buffer {
  const id = qos === 0 ? [] : [Buffer.from([packetId >> 8, packetId & 0xff])];
  return packet(0x30 | (qos << 1) | Number(retain), [text(topic), ...id, payload]);
}

/** Answered behind everything that was sent before it. */
export const PING = Buffer.from([0xc0, 0]);

/** How many acknowledgements of each kind a stream of whole or cut answers holds. All answers awaited here are short. */
export class AnswerCounter {
  pubacks = 0;
  pings = 0;
  #rest: Buffer = Buffer.alloc(0);

  feed(chunk: Buffer): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let end = endOfPacket(data, at); end !== undefined && end <= data.length; end = endOfPacket(data, at)) {
      const type = (data[at] ?? 0) >> 4;
      if (type === 4) this.pubacks += 1;
      if (type === 13) this.pings += 1;
      at = end;
    }
    this.#rest = data.subarray(at);
  }
}

function endOfPacket(data: Buffer, at: number): number | undefined {
  const length = data[at + 1];
  return length === undefined ? undefined : at + 2 + length;
}

function packet(firstByte: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([firstByte, ...variableLength(length)]), ...parts]);
}

function variableLength(length: number): number[] {
  return length < 128 ? [length] : [(length % 128) | 0x80, ...variableLength(Math.floor(length / 128))];
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
