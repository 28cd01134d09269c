import type { Writer } from 'protobufjs/minimal.js';
import type { JsonValue } from '../api/device.ts';
import { Misfit } from './misfit.ts';
import type { MessageParts } from './value-codec.ts';
import { WIRE_VARINT, longText, readWire } from './wire-reader.ts';

interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;
const LEAST_SECONDS = -62_135_596_800;
const MOST_SECONDS = 253_402_300_799;
const TIMESTAMP_EXPECTED = 'a time like "2024-11-20T14:00:00Z", from year 0001 to 9999';

export const timestamp: MessageParts = {
  canonicalize: (value) => writeTimestamp(readTimestamp(value)),
  writeFields: (writer, value) => writeInstant(writer, readTimestamp(value)),
  decode: (bytes) => {
    const instant = readInstant(bytes);
    const { seconds, nanos } = instant;
    if (seconds < LEAST_SECONDS || seconds > MOST_SECONDS || nanos < 0 || nanos > 999_999_999) {
      throw Misfit.because(`is ${seconds} s and ${nanos} ns, expected ${TIMESTAMP_EXPECTED}`);
    }
    return writeTimestamp(instant);
  },
};

function readTimestamp(value: JsonValue): Instant {
  const [whole, date = '', time = '', fraction = '', sign, hours, minutes] =
    (typeof value === 'string' ? TIMESTAMP.exec(value) : null) ?? [];
  const utc = `${date}T${time}.000Z`;
  const ms = Date.parse(utc);
  // Date.parse takes 30 February for 1 March.
  const isReal = whole !== undefined && !Number.isNaN(ms) && new Date(ms).toISOString() === utc;
  const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 * (sign === '-' ? -1 : 1);
  const seconds = ms / 1000 - offset;
  if (
    !isReal ||
    seconds < LEAST_SECONDS ||
    seconds > MOST_SECONDS ||
    Number(hours ?? 0) > 23 ||
    Number(minutes ?? 0) > 59
  ) {
    throw new Misfit(value, TIMESTAMP_EXPECTED);
  }
  return { seconds, nanos: toNanos(fraction) };
}

function writeTimestamp({ seconds, nanos }: Instant): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}${fractionOf(nanos)}Z`;
}

const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
const MOST_DURATION = 315_576_000_000;
const DURATION_EXPECTED = 'a duration in seconds like "90s" or "1.5s", of at most 315576000000 s';

export const duration: MessageParts = {
  canonicalize: (value) => writeDuration(readDuration(value)),
  writeFields: (writer, value) => writeInstant(writer, readDuration(value)),
  decode: (bytes) => {
    const instant = readInstant(bytes);
    const { seconds, nanos } = instant;
    const hasOneSign = seconds === 0 || nanos === 0 || seconds > 0 === nanos > 0;
    if (Math.abs(seconds) > MOST_DURATION || Math.abs(nanos) > 999_999_999 || !hasOneSign) {
      throw Misfit.because(`is ${seconds} s and ${nanos} ns, expected ${DURATION_EXPECTED}`);
    }
    return writeDuration(instant);
  },
};

function readDuration(value: JsonValue): Instant {
  const [whole, sign, digits = '', fraction = ''] = (typeof value === 'string' ? DURATION.exec(value) : null) ?? [];
  const seconds = Number(digits);
  if (whole === undefined || seconds > MOST_DURATION) throw new Misfit(value, DURATION_EXPECTED);
  const nanos = toNanos(fraction);
  return sign === '-' ? { seconds: negative(seconds), nanos: negative(nanos) } : { seconds, nanos };
}

/** Without −0. */
const negative = (value: number): number => (value === 0 ? 0 : -value);

function writeDuration({ seconds, nanos }: Instant): string {
  const sign = seconds < 0 || nanos < 0 ? '-' : '';
  return `${sign}${Math.abs(seconds)}${fractionOf(Math.abs(nanos))}s`;
}

const toNanos = (fraction: string): number => Number(fraction.padEnd(9, '0'));

/** None, three, six or nine digits, as few as are exact. */
function fractionOf(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.endsWith('000000') ? digits.slice(0, 3) : digits.endsWith('000') ? digits.slice(0, 6) : digits}`;
}

function writeInstant(writer: Writer, { seconds, nanos }: Instant): void {
  if (seconds !== 0) writer.uint32(8).int64(seconds);
  if (nanos !== 0) writer.uint32(16).int32(nanos);
}

function readInstant(bytes: Uint8Array): Instant {
  const instant = { seconds: 0, nanos: 0 };
  readWire(bytes, (field, wireType, reader) => {
    if (wireType !== WIRE_VARINT) return false;
    if (field === 1) instant.seconds = Number(longText(reader.int64()));
    else if (field === 2) instant.nanos = reader.int32();
    else return false;
    return true;
  });
  return instant;
}
