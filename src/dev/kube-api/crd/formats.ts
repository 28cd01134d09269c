/** String formats that API servers enforce (kube-openapi strfmt), by name without dashes; unknown formats are ignored. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

const HOSTNAME =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;
const DNS_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DURATION_UNITS =
  'nanoseconds?|nanos?|ns|microseconds?|micros?|us|µs|milliseconds?|millis?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w';

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: matches(/^[0-9a-fA-F]{24}$/),
  uri: (text) => /^[a-zA-Z][a-zA-Z0-9+.-]*:|^\//.test(text) && !/[\s\p{Cc}]/u.test(text),
  email: matches(/^(?:[^<>]*<)?[^\s@<>]+@[^\s@<>]+>?$/),
  hostname: (text) => HOSTNAME.test(text) && text.split('.').every((label) => Buffer.byteLength(label) <= 63),
  ipv4: (text) => isIPv4(withoutLeadingZeros(text)),
  ipv6: (text) => isIPv6(text) && !text.includes('%'),
  cidr: isCidr,
  mac: matches(
    /^([0-9a-f]{2}([:-]))([0-9a-f]{2}\2){4}[0-9a-f]{2}(\2[0-9a-f]{2}\2[0-9a-f]{2})?$|^[0-9a-f]{4}(\.[0-9a-f]{4}){2}(\.[0-9a-f]{4})?$/i,
  ),
  uuid: uuid('[0-9a-f]{4}-?[0-9a-f]{4}'),
  uuid3: uuid('3[0-9a-f]{3}-?[0-9a-f]{4}'),
  uuid4: uuid('4[0-9a-f]{3}-?[89ab][0-9a-f]{3}'),
  uuid5: uuid('5[0-9a-f]{3}-?[89ab][0-9a-f]{3}'),
  ssn: matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  hexcolor: matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: matches(
    /^rgb\(\s*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*,\s*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*,\s*(\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*\)$/,
  ),
  byte: matches(/^(?=.)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
  password: () => true,
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  k8sshortname: (text) => text.length <= 63 && new RegExp(`^${DNS_LABEL}$`).test(text),
  k8slongname: (text) => text.length <= 253 && new RegExp(`^${DNS_LABEL}(\\.${DNS_LABEL})*$`).test(text),
};

/** The check for a format, or undefined where the API server ignores the format too. */
export function stringFormat(name: string): ((text: string) => boolean) | undefined {
  const normalized = name.replaceAll('-', '');
  return Object.hasOwn(FORMATS, normalized) ? FORMATS[normalized] : undefined;
}

function matches(pattern: RegExp): (text: string) => boolean {
  return (text) => pattern.test(text);
}

function uuid(middle: string): (text: string) => boolean {
  return matches(new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${middle}-?[0-9a-f]{12}$`, 'i'));
}

/** `010.0.0.1`, as API servers have always read it: ten, not eight. */
function withoutLeadingZeros(address: string): string {
  return address.replace(/\b0+(?=\d)/g, '');
}

function isCidr(text: string): boolean {
  const [address = '', bits = ''] = text.split('/');
  const version = isIP(withoutLeadingZeros(address));
  return version !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}

function isDate(text: string): boolean {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (found === null) return false;
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** RFC 3339 as strfmt reads it: one `t`, hours to 23, minutes and seconds to 59, a zone required. */
function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.toLowerCase().split('t');
  const found = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$/.exec(time);
  if (found === null || !isDate(date)) return false;
  return Number(found[1]) <= 23 && Number(found[2]) <= 59 && Number(found[3]) <= 59;
}

/** Go's `1h30m`, or Scala's `3 days`. */
function isDuration(text: string): boolean {
  if (/^[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return true;
  return new RegExp(`\\d\\s*(${DURATION_UNITS})(?![A-Za-zµ])`, 'i').test(text);
}
