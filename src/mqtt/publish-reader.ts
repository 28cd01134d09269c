import { Buffer } from 'node:buffer';
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import type { IStream } from 'mqtt';
import { BrokerError } from '../broker/broker.ts';
import type { IncomingMessage, OversizedMessage } from '../broker/broker.ts';

export interface PublishHandlers {
  onMessage(message: IncomingMessage): void;
  /** Its topic is known, the rest of it may take its time. */
  onOversized(message: OversizedMessage): void;
  /** PUBACKs, as bytes, of what was read or skipped. */
  acknowledge(pubacks: Buffer): void;
}

const MALFORMED =
  'the broker sent what is no MQTT packet that the operator could use; check --mqtt-url, what stands between, and the log of the broker';

const PUBLISH = 3;
/** Type and flags, and at most four bytes of length [MQTT-2.1.4]. */
const MAX_HEADER_BYTES = 5;

/**
 * Takes PUBLISH packets out of the bytes that come from a broker; everything else passes, to MQTT.js (decision 0066). MQTT.js
 * would collect each whole before anyone may look at it: one report of 200 MB would be that in memory, twice. Here what is over the
 * limit is skipped, and no more kept of it than its topic (decision 0052).
 */
export class PublishReader extends Transform {
  readonly #hasProperties: boolean;
  readonly #maxBytes: number;
  readonly #handlers: PublishHandlers;
  /** A packet that the last chunks broke off in. */
  #pieces: Buffer[] = [];
  #heldBytes = 0;
  /** Of the broken packet, as far as its header tells. */
  #wantedBytes = 0;
  /** What is left of the packet under way, which passes. */
  #passing = 0;
  /** What is left of the packet under way, which is skipped. */
  #skipping = 0;
  #skipped: Skipped | undefined;
  /** Packet ids to be acknowledged at the end of the chunk: a system call for each costs a fifth of the CPU. */
  #packetIds: number[] = [];

  constructor(protocolVersion: 4 | 5, maxBytes: number, handlers: PublishHandlers) {
    super();
    this.#hasProperties = protocolVersion === 5;
    this.#maxBytes = maxBytes;
    this.#handlers = handlers;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#pieces.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#wantedBytes) return done();
    const bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    this.#keep(undefined, 0);
    const isUsable = this.#read(bytes);
    this.#acknowledge();
    done(isUsable ? null : new BrokerError('transient', MALFORMED));
  }

  /** False for what can be no packet. */
  #read(bytes: Buffer): boolean {
    /** What lies between here and `at` passes, in one piece. */
    let from = 0;
    for (let at = 0; at < bytes.length;) {
      if (this.#skipping > 0) {
        at = from = this.#skip(bytes, at);
        continue;
      }
      if (this.#passing > 0) {
        const length = Math.min(this.#passing, bytes.length - at);
        this.#passing -= length;
        at += length;
        continue;
      }
      const header = readHeader(bytes, at);
      if (header === 'malformed' || (header !== 'broken' && this.#isHopeless(header))) return false;
      const wanted = header === 'broken' ? 0 : header.bytes + header.remaining;
      if (header === 'broken' || (wanted <= this.#maxBytes && isRead(header) && at + wanted > bytes.length)) {
        this.#pass(bytes, from, at);
        this.#keep(bytes.subarray(at), wanted);
        return true;
      }
      if (wanted > this.#maxBytes) {
        this.#pass(bytes, from, at);
        this.#skipping = header.remaining;
        this.#skipped = new Skipped(header);
        at = from = at + header.bytes;
      } else if (isRead(header) && this.#readPublish(bytes, at + header.bytes, at + wanted, header.flags)) {
        this.#pass(bytes, from, at);
        at = from = at + wanted;
      } else {
        this.#passing = header.remaining;
        at += header.bytes;
      }
    }
    this.#pass(bytes, from, bytes.length);
    return true;
  }

  /** [MQTT-3.3.2]; false for what breaks the protocol, which MQTT.js knows how to answer. */
  #readPublish(bytes: Buffer, start: number, end: number, flags: number): boolean {
    const topicStart = start + 2;
    const topicEnd = topicStart + (end >= topicStart ? bytes.readUInt16BE(start) : 0);
    const isQos1 = (flags & 0b0110) !== 0;
    let payloadStart = topicEnd + (isQos1 ? 2 : 0);
    if (this.#hasProperties && payloadStart < end) payloadStart = propertiesEnd(bytes, payloadStart);
    else if (this.#hasProperties) return false;
    if (payloadStart > end || topicEnd === topicStart) return false;
    this.#handlers.onMessage({
      topic: bytes.toString('utf8', topicStart, topicEnd),
      payload: payloadStart === end ? EMPTY : bytes.subarray(payloadStart, end),
      retained: (flags & 1) === 1,
    });
    if (isQos1) this.#packetIds.push(bytes.readUInt16BE(topicEnd));
    return true;
  }

  /** [MQTT-3.4.2.1]: without a reason code it means success. */
  #acknowledge(): void {
    const ids = this.#packetIds;
    if (ids.length === 0) return;
    const pubacks = Buffer.alloc(4 * ids.length);
    for (const [at, id] of ids.entries()) {
      pubacks.writeUInt16BE(0x4002, 4 * at);
      pubacks.writeUInt16BE(id, 4 * at + 2);
    }
    this.#packetIds = [];
    this.#handlers.acknowledge(pubacks);
  }

  #keep(broken: Buffer | undefined, wantedBytes: number): void {
    this.#pieces = broken === undefined ? [] : [broken];
    this.#heldBytes = broken?.length ?? 0;
    this.#wantedBytes = wantedBytes;
  }

  /** Only what others publish can be left out; no other packet is large. */
  #isHopeless({ type, bytes, remaining }: Header): boolean {
    return type !== PUBLISH && bytes + remaining > this.#maxBytes;
  }

  #pass(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.push(bytes.subarray(from, to));
  }

  /** Returns where the skipped packet ends in `bytes`, or their end. */
  #skip(bytes: Buffer, at: number): number {
    const end = at + Math.min(this.#skipping, bytes.length - at);
    this.#skipping -= end - at;
    const skipped = this.#skipped;
    if (skipped?.read(bytes.subarray(at, end)) === true && skipped.publish !== undefined)
      this.#handlers.onOversized(skipped.publish);
    if (this.#skipping === 0) {
      if (skipped?.packetId !== undefined) this.#packetIds.push(skipped.packetId);
      this.#skipped = undefined;
    }
    return end;
  }
}

/** Has everything that comes over a stream go through `reader` on its way to MQTT.js, which pipes it into its parser. */
export function readIncoming(stream: IStream, reader: Transform): void {
  const pipe = stream.pipe.bind(stream);
  stream.pipe = (destination, options) => {
    pipe(reader, options);
    return reader.pipe(destination, options);
  };
}

const EMPTY = Buffer.alloc(0);

interface Header {
  readonly type: number;
  readonly flags: number;
  /** Of the fixed header itself. */
  readonly bytes: number;
  /** Of what follows it. */
  readonly remaining: number;
}

/** QoS 2 is never subscribed to. */
const isRead = ({ type, flags }: Header): boolean => type === PUBLISH && (flags & 0b0100) === 0;

function readHeader(bytes: Buffer, at: number): Header | 'broken' | 'malformed' {
  const first = bytes[at] ?? 0;
  let remaining = 0;
  for (let length = 1; length < MAX_HEADER_BYTES; length += 1) {
    const byte = bytes[at + length];
    if (byte === undefined) return 'broken';
    remaining += (byte & 0x7f) * 128 ** (length - 1);
    if (byte < 0x80) return { type: first >> 4, flags: first & 0x0f, bytes: length + 1, remaining };
  }
  return 'malformed';
}

/** Where the properties that begin at `at` end [MQTT-2.2.2]; infinite for a length that is none. */
function propertiesEnd(bytes: Buffer, at: number): number {
  let length = 0;
  for (let digit = 0; digit < 4; digit += 1) {
    const byte = bytes[at + digit] ?? 0x80;
    length += (byte & 0x7f) * 128 ** digit;
    if (byte < 0x80) return at + digit + 1 + length;
  }
  return Number.POSITIVE_INFINITY;
}

/** Collects the topic and packet id of a PUBLISH, and nothing else of it. */
class Skipped {
  readonly #header: Header;
  #head = EMPTY;
  publish: OversizedMessage | undefined;
  /** Undefined at QoS 0. */
  packetId: number | undefined;

  constructor(header: Header) {
    this.#header = header;
  }

  /** True when these bytes complete the topic. */
  read(bytes: Buffer): boolean {
    if (this.publish !== undefined) return false;
    // At most a topic of 65,535 bytes is kept, whatever the size of the chunk.
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, MAX_HEAD_BYTES - this.#head.length)]);
    this.publish = this.#parse();
    return this.publish !== undefined;
  }

  /** [MQTT-3.3.2] */
  #parse(): OversizedMessage | undefined {
    const { flags, bytes, remaining } = this.#header;
    const head = this.#head;
    if (head.length < 2) return undefined;
    const topicEnd = 2 + head.readUInt16BE(0);
    const hasPacketId = (flags & 0b0110) !== 0;
    if (head.length < topicEnd + (hasPacketId ? 2 : 0)) return undefined;
    if (hasPacketId) this.packetId = head.readUInt16BE(topicEnd);
    return { topic: head.toString('utf8', 2, topicEnd), bytes: bytes + remaining, retained: (flags & 1) === 1 };
  }
}

const MAX_HEAD_BYTES = 2 + 65_535 + 2;
