import { Buffer } from 'node:buffer';
import { shorthand } from '../base/shorthand.ts';

/** What JSON documents have in common, in the order in which `encodeDocument` writes it: two fifths of one with two messages. */
const { shorten, lengthen } = shorthand([
  '{"version":1,"owner":{"cluster":"',
  '","namespace":"',
  '","name":"',
  '","uid":"',
  '"},"disabled":false,"messages":{"',
  '":{"revision":',
  ',"time":"',
  'Z","value":{',
]);

/** A document of this size is nobody's valid one; it is remembered as different, not kept. */
const MAX_COPY_BYTES = 2_000_000;
const OVERSIZED = 'oversized';

/** Marks a text that is kept as it is; a text in shorthand never contains this character. */
const VERBATIM = '\0';
// oxlint-disable-next-line no-control-regex -- they are what shorthand consists of
const CONTROL = /[\0-\x1f]/;

/** A retained payload as it is remembered: the same bytes give the same text, and other bytes another. */
export function copyText(payload: Buffer): string {
  if (payload.length > MAX_COPY_BYTES) return OVERSIZED;
  // One character a byte.
  const text = payload.toString('latin1');
  return CONTROL.test(text) ? VERBATIM + text : shorten(text);
}

/** The payload that `text` was made of. */
export function copyBytes(text: string): Buffer {
  return Buffer.from(text.startsWith(VERBATIM) ? text.slice(VERBATIM.length) : lengthen(text), 'latin1');
}
