import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { OversizedMessage } from '../broker/broker.ts';
import { PublishReader } from './publish-reader.ts';

const LIMIT = 100;

function packet(first: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>= 7)
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

interface Shape {
  readonly qos?: number;
  readonly retained?: boolean;
  /** Bytes of properties (MQTT 5), or undefined for 3.1.1. */
  readonly properties?: Buffer | undefined;
}

function publish(
  topic: string,
  payload: number | string,
  { qos = 0, retained = false, properties }: Shape = {},
): Buffer {
  const parts = [
    Buffer.from([0, topic.length, ...Buffer.from(topic), ...(qos > 0 ? [0x12, 0x34] : [])]),
    ...(properties === undefined ? [] : [packet(0, properties).subarray(1)]),
    typeof payload === 'string' ? Buffer.from(payload) : Buffer.alloc(payload, 0x33),
  ];
  return packet(0x30 | (qos << 1) | (retained ? 1 : 0), Buffer.concat(parts));
}

/** What comes out of a reader that gets `chunks`, and what it says. */
async function run(chunks: readonly Buffer[], version: 4 | 5 = 4) {
  const messages: { topic: string; payload: string; retained: boolean }[] = [];
  const told: OversizedMessage[] = [];
  const pubacks: Buffer[] = [];
  const reader = new PublishReader(version, LIMIT, {
    onMessage: ({ payload, ...message }) => void messages.push({ ...message, payload: payload.toString() }),
    onOversized: (one) => void told.push(one),
    acknowledge: (bytes) => void pubacks.push(bytes),
  });
  let failure: Error | undefined;
  reader.on('error', (error) => (failure = error));
  const out: Buffer[] = [];
  reader.on('data', (data: Buffer) => void out.push(data));
  for (const chunk of chunks) reader.write(chunk);
  await new Promise((resolve) => setImmediate(resolve));
  return { out: Buffer.concat(out), messages, told, pubacks, failure };
}

const pingresp = packet(0xd0, Buffer.alloc(0));
const puback = Buffer.from([0x40, 2, 0x12, 0x34]);

describe('the publish reader', () => {
  it.each<[string, 4 | 5, Shape]>([
    ['3.1.1 at QoS 0', 4, {}],
    ['3.1.1 at QoS 1, stored', 4, { qos: 1, retained: true }],
    ['5 without properties', 5, { properties: Buffer.alloc(0) }],
    ['5 at QoS 1 with properties', 5, { qos: 1, properties: Buffer.from([0x01, 1]) }],
    ['5 with a length of properties of two bytes', 5, { properties: Buffer.alloc(60, 0x26) }],
  ])('reads what is published: MQTT %s', async (_what, version, shape) => {
    const { messages, out, pubacks } = await run(
      [Buffer.concat([pingresp, publish('a/b', 'hi', shape), publish('c', '', shape), pingresp])],
      version,
    );
    const retained = shape.retained === true;
    expect(messages).toEqual([
      { topic: 'a/b', payload: 'hi', retained },
      { topic: 'c', payload: '', retained },
    ]);
    expect(out).toEqual(Buffer.concat([pingresp, pingresp]));
    expect(Buffer.concat(pubacks)).toEqual(shape.qos === 1 ? Buffer.concat([puback, puback]) : Buffer.alloc(0));
    expect(pubacks.length).toBeLessThan(2);
  });

  it.each<[string, 4 | 5, Buffer]>([
    ['QoS 2', 4, publish('a', 'x', { qos: 2 })],
    ['an empty topic, as with an alias', 5, publish('', 'x', { properties: Buffer.from([0x23, 0, 1]) })],
    ['a topic longer than the packet', 4, packet(0x30, Buffer.from([0, 9, 0x61]))],
    ['no room for a topic', 4, packet(0x30, Buffer.from([0]))],
    ['no room for a packet id', 4, packet(0x32, Buffer.from([0, 1, 0x61, 0]))],
    ['properties longer than the packet', 5, packet(0x30, Buffer.from([0, 1, 0x61, 9, 0]))],
    ['no properties where there must be some', 5, packet(0x30, Buffer.from([0, 1, 0x61]))],
    ['a length of properties that is none', 5, packet(0x30, Buffer.from([0, 1, 0x61, 0xff, 0xff, 0xff, 0xff, 1]))],
  ])('leaves to MQTT.js what it must refuse: %s', async (_what, version, bytes) => {
    const { out, messages, pubacks } = await run([bytes, pingresp], version);
    expect(out).toEqual(Buffer.concat([bytes, pingresp]));
    expect([messages, pubacks]).toEqual([[], []]);
  });

  it('leaves out what is over the limit, and tells its topic', async () => {
    const large = publish('a/b', 5000, { qos: 1, retained: true });
    const { out, messages, told, pubacks } = await run([Buffer.concat([publish('x', 1), large, pingresp])]);
    expect(out).toEqual(pingresp);
    expect(messages).toEqual([{ topic: 'x', payload: '3', retained: false }]);
    expect(told).toEqual([{ topic: 'a/b', bytes: large.length, retained: true }]);
    expect(pubacks).toEqual([puback]);
  });

  it('tells the topic as soon as it is known, and holds nothing of the rest', async () => {
    const { told, pubacks, out } = await run([publish('a/b', 50_000_000, { qos: 1 }).subarray(0, 20)]);
    expect(told).toMatchObject([{ topic: 'a/b', retained: false }]);
    expect(pubacks).toEqual([]);
    expect(out).toHaveLength(0);
  });

  it('reads what has exactly the limit', async () => {
    const body = LIMIT - 2 - 3;
    const { messages, told } = await run([publish('x', body), publish('x', body + 1)]);
    expect(messages).toEqual([{ topic: 'x', payload: '3'.repeat(body), retained: false }]);
    expect(told).toHaveLength(1);
  });

  it.each([
    ['a length of five bytes', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])],
    ['a large packet that nobody publishes', packet(0x90, Buffer.alloc(1000))],
  ])('ends the connection at %s', async (_what, bytes) => {
    expect((await run([bytes])).failure?.message).toContain('no MQTT packet');
  });

  it('does the same wherever the network cuts the bytes', async () => {
    const packets = fc.array(
      fc.record({
        bytes: fc.nat(300),
        qos: fc.nat(2),
        retained: fc.boolean(),
        topic: fc.stringMatching(/^[a-z]{1,20}$/),
      }),
      { maxLength: 12 },
    );
    const versions = fc.constantFrom<4 | 5>(4, 5);
    await fc.assert(
      fc.asyncProperty(
        versions,
        packets,
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }),
        async (version, list, sizes) => {
          const properties = version === 5 ? Buffer.alloc(0) : undefined;
          const all = list.map(({ topic, bytes, ...more }) => ({
            ...more,
            topic,
            bytes: publish(topic, bytes, { ...more, properties }),
          }));
          const isLarge = (one: { readonly bytes: Buffer }): boolean => one.bytes.length > LIMIT;
          const { out, messages, told, pubacks } = await run(
            cut(Buffer.concat([...all.map(({ bytes }) => bytes), pingresp]), sizes),
            version,
          );
          const passed = all.filter((one) => one.qos === 2 && !isLarge(one));
          const read = all.filter((one) => one.qos < 2 && !isLarge(one));
          expect(out).toEqual(Buffer.concat([...passed.map(({ bytes }) => bytes), pingresp]));
          expect(messages.map(({ topic, retained }) => ({ topic, retained }))).toEqual(
            read.map(({ topic, retained }) => ({ topic, retained })),
          );
          expect(told.map(({ topic }) => topic)).toEqual(all.filter(isLarge).map(({ topic }) => topic));
          const acknowledged = all.filter((one) => one.qos === 1 || (one.qos === 2 && isLarge(one)));
          expect(Buffer.concat(pubacks)).toHaveLength(4 * acknowledged.length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let rest = bytes;
  for (let at = 0; rest.length > 0; at += 1) {
    const size = sizes[at % sizes.length] ?? 1;
    chunks.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return chunks;
}
