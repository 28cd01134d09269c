import { Buffer } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PacketFilter } from './packet-filter.ts';
import type { OversizedPublish } from './packet-filter.ts';

const LIMIT = 100;

function packet(first: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>= 7)
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

function publish(topic: string, payloadBytes: number, { qos = 0, retained = false } = {}): Buffer {
  const head = Buffer.from([0, topic.length, ...Buffer.from(topic), ...(qos > 0 ? [0x12, 0x34] : [])]);
  return packet(0x30 | (qos << 1) | (retained ? 1 : 0), Buffer.concat([head, Buffer.alloc(payloadBytes, 0x33)]));
}

/** What comes out of a filter that gets `chunks`, and what it says. */
function run(chunks: readonly Buffer[]) {
  const told: OversizedPublish[] = [];
  const skipped: OversizedPublish[] = [];
  const filter = new PacketFilter(LIMIT, {
    onOversized: (one) => void told.push(one),
    onSkipped: (one) => void skipped.push(one),
  });
  let failure: Error | undefined;
  filter.on('error', (error) => (failure = error));
  const out: Buffer[] = [];
  filter.on('data', (data: Buffer) => void out.push(data));
  for (const chunk of chunks) filter.write(chunk);
  return new Promise<{
    out: Buffer;
    told: OversizedPublish[];
    skipped: OversizedPublish[];
    failure: Error | undefined;
  }>((resolve) => setImmediate(() => resolve({ out: Buffer.concat(out), told, skipped, failure })));
}

const pingresp = packet(0xd0, Buffer.alloc(0));

describe('the packet filter', () => {
  it('leaves out what is over the limit, and tells its topic', async () => {
    const large = publish('a/b', 5000, { qos: 1, retained: true });
    const { out, told, skipped } = await run([Buffer.concat([publish('x', 1), large, pingresp])]);
    expect(out).toEqual(Buffer.concat([publish('x', 1), pingresp]));
    expect(told).toEqual([{ topic: 'a/b', bytes: large.length, retained: true, packetId: 0x1234 }]);
    expect(skipped).toEqual(told);
  });

  it('tells the topic as soon as it is known, and holds nothing of the rest', async () => {
    const { told, skipped, out } = await run([publish('a/b', 50_000_000).subarray(0, 20)]);
    expect(told).toMatchObject([{ topic: 'a/b', retained: false, packetId: undefined }]);
    expect(skipped).toEqual([]);
    expect(out).toHaveLength(0);
  });

  it('passes what has exactly the limit', async () => {
    const body = LIMIT - 2 - 3;
    const { out, told } = await run([publish('x', body), publish('x', body + 1)]);
    expect(out).toEqual(publish('x', body));
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
        qos: fc.nat(1),
        retained: fc.boolean(),
        topic: fc.stringMatching(/^[a-z]{1,20}$/),
      }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(packets, fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }), async (list, sizes) => {
        const all = list.map(({ topic, bytes, ...more }) => publish(topic, bytes, more));
        const chunks: Buffer[] = [];
        let rest = Buffer.concat([...all, pingresp]);
        for (let at = 0; rest.length > 0; at += 1) {
          const size = sizes[at % sizes.length] ?? 1;
          chunks.push(rest.subarray(0, size));
          rest = rest.subarray(size);
        }
        const { out, told, skipped } = await run(chunks);
        expect(out).toEqual(Buffer.concat([...all.filter(({ length }) => length <= LIMIT), pingresp]));
        const large = list.filter((_, at) => (all[at]?.length ?? 0) > LIMIT);
        expect(told.map(({ topic }) => topic)).toEqual(large.map(({ topic }) => topic));
        expect(skipped).toEqual(told);
      }),
      { numRuns: 300 },
    );
  });
});
