/** What passed through the API proxy, so that tests can count and read it. */
import type { IncomingMessage } from 'node:http';

export interface RequestFilter {
  readonly method?: string | readonly string[];
  /** Matches the path without its query. */
  readonly path?: RegExp;
  readonly isWatch?: boolean;
  /** Only answered with this status; `'ok'` for any below 300. */
  readonly status?: number | 'ok';
  /** Only at or after this `performance.now()`. */
  readonly since?: number;
}

export class RequestRecord {
  /** `performance.now()` at arrival. */
  readonly at = performance.now();
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly userAgent: string;
  /** 0 until answered. */
  status = 0;
  readonly #chunks: Buffer[] = [];

  constructor(request: IncomingMessage) {
    const url = new URL(request.url ?? '/', 'https://proxy');
    this.method = request.method ?? 'GET';
    this.path = url.pathname;
    this.query = url.searchParams;
    this.userAgent = request.headers['user-agent'] ?? '';
  }

  get isWatch(): boolean {
    return this.query.get('watch') === 'true' || this.query.get('watch') === '1';
  }

  /** The body as it was sent. */
  get body(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  collectBody(request: IncomingMessage): void {
    request.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
  }
}

/** Older records are forgotten beyond this. */
const MOST_RECORDS = 50_000;
const STATUS_PATH = /\/devices\/[^/]+\/status$/;

export class RequestLog {
  #records: RequestRecord[] = [];

  begin(request: IncomingMessage): RequestRecord {
    const record = new RequestRecord(request);
    this.#records.push(record);
    if (this.#records.length > MOST_RECORDS) this.#records = this.#records.slice(-MOST_RECORDS / 2);
    return record;
  }

  /** Requests that match, oldest first. */
  find(filter: RequestFilter = {}): readonly RequestRecord[] {
    return this.#records.filter((record) => matches(record, filter));
  }

  count(filter: RequestFilter = {}): number {
    return this.find(filter).length;
  }

  /** Successful writes of a device's status; `name` for those of one device. */
  statusWrites(name?: string): readonly RequestRecord[] {
    const writes = this.find({ method: ['PATCH', 'PUT'], path: STATUS_PATH, status: 'ok' });
    return name === undefined ? writes : writes.filter(({ path }) => path.endsWith(`/${name}/status`));
  }

  forget(): void {
    this.#records = [];
  }
}

function matches(record: RequestRecord, { method, path, isWatch, status, since }: RequestFilter): boolean {
  const methods = typeof method === 'string' ? [method] : method;
  return (
    (methods === undefined || methods.includes(record.method)) &&
    (path === undefined || path.test(record.path)) &&
    (isWatch === undefined || record.isWatch === isWatch) &&
    (since === undefined || record.at >= since) &&
    (status === undefined || (status === 'ok' ? record.status >= 200 && record.status < 300 : record.status === status))
  );
}
