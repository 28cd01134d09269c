/** The frames of MQTT 3.1.1 and 5, as far as a bad line has to know them [MQTT-2.1]. */
import { Buffer } from 'node:buffer';

export const CONNECT = 1;
export const PUBLISH = 3;

export const typeOf = (packet: Buffer): number => (packet[0] ?? 0) >> 4;

/** Cuts a stream of bytes into packets. */
export class Framer {
  #rest: Buffer = Buffer.alloc(0);

  /** The packets that are complete now. Throws a RangeError for what is no MQTT, or larger than any device sends. */
  feed(chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const packets: Buffer[] = [];
    for (;;) {
      const length = lengthAt(this.#rest);
      if (length === undefined || this.#rest.length < length) return packets;
      packets.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
    }
  }
}

/** Bytes of the packet that begins here; undefined while its length is not there yet. */
function lengthAt(bytes: Buffer): number | undefined {
  const remaining = variableInteger(bytes, 1);
  if (remaining === undefined) return undefined;
  const length = remaining.end + remaining.value;
  if (length > MAX_PACKET_BYTES) throw new RangeError(`a packet of ${length} bytes crossed a line`);
  return length;
}

const MAX_PACKET_BYTES = 1 << 20;

function variableInteger(bytes: Buffer, start: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 4; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return { value, end: start + index + 1 };
  }
  throw new RangeError('what crossed a line is not MQTT');
}

export interface Publish {
  readonly topic: string;
  readonly payload: Buffer;
  readonly isRetained: boolean;
  /** 0 with QoS 0. */
  readonly packetId: number;
}

/** Reads a whole PUBLISH; `level` is that of the connection's CONNECT. */
export function readPublish(packet: Buffer, level: number): Publish {
  const flags = packet[0] ?? 0;
  const start = variableInteger(packet, 1)?.end ?? packet.length;
  const topicEnd = start + 2 + packet.readUInt16BE(start);
  const hasId = (flags & 0b110) !== 0;
  let at = hasId ? topicEnd + 2 : topicEnd;
  if (level === 5) {
    const properties = variableInteger(packet, at);
    if (properties !== undefined) at = properties.end + properties.value;
  }
  return {
    topic: packet.toString('utf8', start + 2, topicEnd),
    payload: packet.subarray(at),
    isRetained: (flags & 1) !== 0,
    packetId: hasId ? packet.readUInt16BE(topicEnd) : 0,
  };
}

/** Level 4 is MQTT 3.1.1, 5 is MQTT 5. */
export function readLevel(connect: Buffer): number {
  const start = variableInteger(connect, 1)?.end ?? connect.length;
  return connect[start + 2 + connect.readUInt16BE(start)] ?? 4;
}

/** Success, in both versions. */
export function puback(packetId: number): Buffer {
  return Buffer.from([0x40, 2, packetId >> 8, packetId & 0xff]);
}
