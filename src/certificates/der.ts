/** The few forms of ASN.1 in DER that a certificate is made of (X.690). */

export function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

export function set(...parts: readonly Buffer[]): Buffer {
  return tagged(0x31, Buffer.concat(parts));
}

/** A whole number that is not negative, its bytes with the greatest first. */
export function integer(bytes: Buffer): Buffer {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at += 1;
  const least = bytes.subarray(at);
  const isHigh = ((least[0] ?? 0) & 0x80) !== 0;
  return tagged(0x02, isHigh ? Buffer.concat([Buffer.of(0), least]) : least);
}

export const yes = tagged(0x01, Buffer.of(0xff));

export function octets(content: Buffer): Buffer {
  return tagged(0x04, content);
}

/** `unused`: bits at the end that do not count. */
export function bits(content: Buffer, unused = 0): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.of(unused), content]));
}

export function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text));
}

/** `2.5.29.17` */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const isLate = new Date(ms).getUTCFullYear() >= 2050;
  return tagged(isLate ? 0x18 : 0x17, Buffer.from(isLate ? digits : digits.slice(2)));
}

/** Context-specific: constructed by default, as `[0] EXPLICIT` is; primitive for names (`[2] IMPLICIT`). */
export function context(number: number, content: Buffer, form: 'constructed' | 'primitive' = 'constructed'): Buffer {
  return tagged((form === 'constructed' ? 0xa0 : 0x80) | number, content);
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

function base128(number: number): number[] {
  const bytes = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128));
  return bytes;
}
