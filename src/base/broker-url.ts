import type { IClientOptions } from 'mqtt';

const SCHEMES = { 'mqtt:': 'mqtt', 'mqtts:': 'mqtts', 'ws:': 'ws', 'wss:': 'wss' } as const;

/**
 * Where `text` points, as options of MQTT.js, which by itself reads URLs with what Node deprecates. A user and password in it count,
 * percent-encoded. Throws a RangeError that shows how a URL looks.
 */
export function brokerAddress(text: string): IClientOptions {
  const url = parse(text);
  const protocol = SCHEMES[url.protocol as keyof typeof SCHEMES];
  const isWebSocket = protocol === 'ws' || protocol === 'wss';
  return {
    protocol,
    // A socket wants an IPv6 address without its brackets, a WebSocket URL with them.
    host: isWebSocket ? url.hostname : url.hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(url.port !== '' && { port: Number(url.port) }),
    ...(isWebSocket && { path: `${url.pathname}${url.search}` }),
    ...(url.username !== '' && { username: decodeURIComponent(url.username) }),
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
  };
}

/** The URL without credentials, as it may appear in logs. Throws as `brokerAddress` does. */
export function publicUrl(text: string): string {
  const url = parse(text);
  return `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`;
}

/** Whether `text` is the URL of a broker, with neither user nor password in it. */
export function isUrlWithoutCredentials(text: string): boolean {
  const url = find(text);
  return url !== undefined && url.username === '' && url.password === '';
}

function find(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && Object.hasOwn(SCHEMES, url.protocol) && url.hostname !== '' ? url : undefined;
}

function parse(text: string): URL {
  const url = find(text);
  if (url !== undefined) return url;
  throw new RangeError(
    'the broker URL must look like mqtt://host:1883, mqtts://host:8883, ws://host/path or wss://host/path',
  );
}
