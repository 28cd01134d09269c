export interface Address {
  /** Absent: every interface. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Parses `:8080`, `127.0.0.1:0`, `localhost:8080` or `[::1]:8080`; undefined when `text` is none of these. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  const host = match[1] ?? match[2] ?? '';
  return host === '' ? { port } : { host, port };
}
