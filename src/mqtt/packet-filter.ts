import { Buffer } from 'node:buffer';
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import type { IStream } from 'mqtt';
import { BrokerError } from './broker.ts';

/** A PUBLISH that is not read because of its size. */
export interface OversizedPublish {
  readonly topic: string;
  /** Of the whole packet. */
  readonly bytes: number;
  /** True for stored state. */
  readonly retained: boolean;
  /** Undefined at QoS 0. */
  readonly packetId: number | undefined;
}

export interface PacketFilterHandlers {
  /** Its topic is known, the rest of it may take its time. */
  onOversized(publish: OversizedPublish): void;
  /** All of it has been skipped, so that it can be acknowledged. */
  onSkipped(publish: OversizedPublish): void;
}

const PUBLISH = 3;
/** Type and flags, and at most four bytes of length [MQTT-2.1.4]. */
const MAX_HEADER_BYTES = 5;

/**
 * Takes PUBLISH packets over a limit out of the bytes that come from a broker, without keeping more of them than their topic. MQTT.js
 * collects a packet whole before anyone may look at it: one report of 200 MB would be that in memory, twice.
 */
export class PacketFilter extends Transform {
  readonly #maxBytes: number;
  readonly #handlers: PacketFilterHandlers;
  /** Bytes of a fixed header that the last chunk broke off in. */
  #broken: Buffer = EMPTY;
  /** What is left of the packet under way, which passes. */
  #passing = 0;
  /** What is left of the packet under way, which is skipped. */
  #skipping = 0;
  #skipped: Skipped | undefined;

  constructor(maxBytes: number, handlers: PacketFilterHandlers) {
    super();
    this.#maxBytes = maxBytes;
    this.#handlers = handlers;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = this.#broken.length === 0 ? chunk : Buffer.concat([this.#broken, chunk]);
    this.#broken = EMPTY;
    /** What lies between here and `at` passes, in one piece. */
    let from = 0;
    for (let at = 0; at < bytes.length;) {
      if (this.#skipping > 0) {
        at = from = this.#skip(bytes, at);
      } else if (this.#passing > 0) {
        const length = Math.min(this.#passing, bytes.length - at);
        this.#passing -= length;
        at += length;
      } else {
        const header = readHeader(bytes, at);
        if (header === 'malformed' || (header !== 'broken' && this.#isHopeless(header))) {
          done(new BrokerError('transient', 'the broker sent what is no MQTT packet that the operator could use'));
          return;
        }
        if (header === 'broken') {
          this.#pass(bytes, from, at);
          this.#broken = bytes.subarray(at);
          done();
          return;
        }
        if (header.bytes + header.remaining <= this.#maxBytes) {
          this.#passing = header.remaining;
          at += header.bytes;
        } else {
          this.#pass(bytes, from, at);
          this.#skipping = header.remaining;
          this.#skipped = new Skipped(header);
          at = from = at + header.bytes;
        }
      }
    }
    this.#pass(bytes, from, bytes.length);
    done();
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
      if (skipped?.publish !== undefined) this.#handlers.onSkipped(skipped.publish);
      this.#skipped = undefined;
    }
    return end;
  }
}

/** Has everything that comes over a stream go through `filter` on its way to MQTT.js, which pipes it into its parser. */
export function filterIncoming(stream: IStream, filter: Transform): void {
  const pipe = stream.pipe.bind(stream);
  stream.pipe = (destination, options) => {
    pipe(filter, options);
    return filter.pipe(destination, options);
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

/** Collects the topic and packet id of a PUBLISH, and nothing else of it. */
class Skipped {
  readonly #header: Header;
  #head = EMPTY;
  publish: OversizedPublish | undefined;

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
  #parse(): OversizedPublish | undefined {
    const { flags, bytes, remaining } = this.#header;
    const head = this.#head;
    if (head.length < 2) return undefined;
    const topicEnd = 2 + head.readUInt16BE(0);
    const hasPacketId = (flags & 0b0110) !== 0;
    if (head.length < topicEnd + (hasPacketId ? 2 : 0)) return undefined;
    return {
      topic: head.toString('utf8', 2, topicEnd),
      bytes: bytes + remaining,
      retained: (flags & 1) === 1,
      packetId: hasPacketId ? head.readUInt16BE(topicEnd) : undefined,
    };
  }
}

const MAX_HEAD_BYTES = 2 + 65_535 + 2;
