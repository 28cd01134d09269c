import { Buffer } from 'node:buffer';

/** Characters that Go's encoder writes as six, `\u003c`, where JSON.stringify leaves them alone or needs two. */
const WIDENED = /[<>&\u2028\u2029]|\\[bf]/g;
const WIDENED_BYTES = 6;

/**
 * Bytes of JSON `text` as the API server keeps it in etcd: what counts for its limits. It may be six times as long as what was sent.
 */
export function storedBytes(text: string): number {
  let bytes = Buffer.byteLength(text);
  for (const [found] of text.matchAll(WIDENED)) bytes += WIDENED_BYTES - Buffer.byteLength(found);
  return bytes;
}
