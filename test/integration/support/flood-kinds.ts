/** Every flood that one device can make with nothing but its own credentials: what it sends, and how fast. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

export interface FloodMessage {
  /** Below the device's own part of the tree. */
  readonly suffix: string;
  readonly payload: Buffer | string;
  readonly retain?: boolean;
}

export interface FloodKind {
  readonly perSecond: number;
  /** Its twin is filled to a megabyte before, within all limits. */
  readonly isTwinFilled?: boolean;
  /** `schema`: the bytes of a valid one. */
  readonly message: (at: number, schema: Buffer) => FloodMessage;
}

const RATE = 'reported/sensor.v1.SampleRate';
const json = (value: unknown): string => JSON.stringify(value);
const small = (at: number): string => json({ value: { intervalSeconds: at } });
const birth = (at: number, more: object = {}): string => json({ online: true, session: `s${at}`, ...more });
const PADDING = 'x'.repeat(15_500);
const OVERSIZED = Buffer.alloc(100_000, 'x');

/** A valid schema that nobody has: unknown fields at its end change nothing but its hash. */
function variant(schema: Buffer, at: number): Buffer {
  const FIELD_1000_BYTES = Buffer.from([0xc2, 0x3e]);
  const text = Buffer.from(String(at).padStart(10, '0'));
  return Buffer.concat([schema, FIELD_1000_BYTES, Buffer.from([text.length]), text]);
}

const hashOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Fills a twin: as many messages as a device may report, each as large as it may be. */
export const FILL: readonly FloodMessage[] = Array.from({ length: 63 }, (_, at) => ({
  suffix: `reported/fill.v1.M${at}`,
  payload: json({ value: { text: PADDING } }),
}));

export const FLOODS: Readonly<Record<string, FloodKind>> = {
  'small reports': { perSecond: 2000, message: (at) => ({ suffix: RATE, payload: small(at), retain: true }) },
  'reports of 16 kB': {
    perSecond: 400,
    message: (at) => ({ suffix: RATE, payload: json({ value: { at, text: PADDING } }), retain: true }),
  },
  'reports under ever new names': {
    perSecond: 2000,
    message: (at) => ({ suffix: `reported/flood.v1.M${at}`, payload: small(at) }),
  },
  'large reports under ever new names': {
    perSecond: 400,
    message: (at) => ({ suffix: `reported/flood.v1.M${at}`, payload: json({ value: { at, text: PADDING } }) }),
  },
  'reports that cannot be read': { perSecond: 4000, message: () => ({ suffix: RATE, payload: '{' }) },
  'reports of 100 kB': { perSecond: 100, message: () => ({ suffix: RATE, payload: OVERSIZED }) },
  'decisions of revisions that were never issued': {
    perSecond: 2000,
    message: (at) => ({
      suffix: RATE,
      payload: json({ uid: 'x', revision: at + 1, status: 'applied', value: { at } }),
    }),
  },
  'births of new sessions': {
    perSecond: 1000,
    message: (at) => ({ suffix: 'state', payload: birth(at), retain: true }),
  },
  'births that ask for another encoding each': {
    perSecond: 1000,
    message: (at) => ({
      suffix: 'state',
      payload: birth(at, { maxBytes: 10_000 + (at % 100), encoding: at % 2 === 0 ? 'json' : 'protobuf' }),
      retain: true,
    }),
  },
  'births and goodbyes by turns': {
    perSecond: 1000,
    message: (at) => ({
      suffix: 'state',
      payload: at % 2 === 0 ? birth(at) : json({ online: false, session: `s${at - 1}` }),
      retain: true,
    }),
  },
  'states that cannot be read': { perSecond: 4000, message: () => ({ suffix: 'state', payload: '{' }) },
  heartbeats: { perSecond: 4000, message: () => ({ suffix: 'heartbeat', payload: '' }) },
  'valid schemas that nobody asked for': {
    perSecond: 50,
    message: (at, schema) => ({ suffix: 'schema', payload: variant(schema, at) }),
  },
  'schemas that it announces one after the other': {
    perSecond: 100,
    message: (at, schema) => {
      const bytes = variant(schema, at >> 1);
      return at % 2 === 0
        ? { suffix: 'state', payload: birth(at, { schema: hashOf(bytes) }), retain: true }
        : { suffix: 'schema', payload: bytes };
    },
  },
  'invalid schemas of 9 bytes': {
    perSecond: 2000,
    message: (at) => ({ suffix: 'schema', payload: Buffer.from(String(at).padStart(9, 'x')) }),
  },
  'refused schemas of 183 kB': {
    perSecond: 50,
    message: (at, schema) => ({
      suffix: 'schema',
      payload: Buffer.concat([variant(schema, at), Buffer.alloc(183_000, 0x0a)]),
    }),
  },
  'refused messages on a twin of 1 MB': {
    perSecond: 4000,
    isTwinFilled: true,
    message: (at) => ({ suffix: at % 2 === 0 ? RATE : 'state', payload: '{' }),
  },
  'reports on a twin of 1 MB': {
    perSecond: 1000,
    isTwinFilled: true,
    message: (at) => ({ suffix: RATE, payload: small(at), retain: true }),
  },
  'births on a twin of 1 MB': {
    perSecond: 1000,
    isTwinFilled: true,
    message: (at) => ({ suffix: 'state', payload: birth(at, { maxBytes: 10_000 + at }), retain: true }),
  },
};
