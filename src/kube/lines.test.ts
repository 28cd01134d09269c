import { describe, expect, it } from '@jest/globals';
import { TransportError } from './errors.ts';
import { readLines } from './lines.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

async function* chunked(body: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield await Promise.resolve(body.subarray(at, at + size));
}

async function* repeated(chunk: Buffer, times: number): AsyncGenerator<Uint8Array> {
  for (let time = 0; time < times; time += 1) yield await Promise.resolve(chunk);
}

async function read(body: AsyncIterable<Uint8Array>): Promise<{ lines: string[]; error: unknown }> {
  const lines: string[] = [];
  try {
    for await (const line of readLines(body)) lines.push(line);
    return { lines, error: undefined };
  } catch (error) {
    return { lines, error };
  }
}

describe('the lines of a body', () => {
  const body = '{"a":1}\n\n{"grüße":"€ 🌡"}\n{"b":2}\n';

  it.each([1, 2, 3, 5, 1000])('are whole whatever the chunks, here of %i bytes', async (size) => {
    const { lines, error } = await read(chunked(bytes(body), size));
    expect(error).toBeUndefined();
    expect(lines).toEqual(['{"a":1}', '{"grüße":"€ 🌡"}', '{"b":2}']);
  });

  it.each([
    ['in a line', bytes('{"a":1}\n{"b"')],
    ['in the first line', bytes('{"a"')],
    ['after the first byte of a character that begins a line', Buffer.concat([bytes('{"a":1}\n'), Buffer.of(0xe2)])],
    ['within a character', bytes('{"a":1}\n"€').subarray(0, -1)],
  ])('that are cut %s reject, after the whole ones', async (_where, cut) => {
    for (const size of [1, 1000]) {
      const { lines, error } = await read(chunked(cut, size));
      expect(lines).toEqual(cut.includes('\n') ? ['{"a":1}'] : []);
      expect(error).toBeInstanceOf(TransportError);
    }
  });

  it('are none of an empty body', async () => {
    expect(await read(chunked(bytes(''), 1))).toEqual({ lines: [], error: undefined });
  });

  it.each([
    ['ASCII', Buffer.alloc(1024 * 1024, 'x')],
    ['characters of three bytes', Buffer.alloc(3 * 349_525, '€')],
  ])('reject when one goes on for ever, in %s', async (_kind, chunk) => {
    let served = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for await (const next of repeated(chunk, 64)) {
        served += next.length;
        yield next;
      }
    }
    const { lines, error } = await read(endless());
    expect(lines).toEqual([]);
    expect(error).toEqual(expect.objectContaining({ message: expect.stringContaining('longer than') }));
    expect(served).toBeLessThanOrEqual(18 * 1024 * 1024);
  });
});
