/** The view between a front proxy and an API server that both are played here. */
import { createServer } from 'node:http';
import type { ClientRequest, IncomingMessage, Server, ServerResponse } from 'node:http';
import { FakeClock } from './fake-clock.ts';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../src/api/json-value.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { createAuthority, issueServer } from '../../src/certificates/issue.ts';
import { readFrontProxy } from '../../src/facade/http/front-proxy.ts';
import { createGate } from '../../src/facade/gate/gate.ts';
import type { Gate } from '../../src/facade/gate/gate.ts';
import { Share } from '../../src/facade/gate/share.ts';
import { ViewServer } from '../../src/facade/server.ts';
import { Transport } from '../../src/kube/transport.ts';
import { createAuthority as createTestAuthority } from '../real/certificates.ts';
import type { KeyPair } from '../real/certificates.ts';

const DAY_MS = 86_400_000;
const NAME = 'view.mir-system.svc';
export const STORED = {
  apiVersion: 'iot.mir/v1alpha',
  kind: 'device',
  metadata: { name: 'a', namespace: 'ns', uid: 'u1', resourceVersion: '7', generation: 1 },
  spec: { deviceId: 'd' },
};

const authority = createAuthority('view-ca', Date.now(), DAY_MS);
export const frontProxyAuthority = await createTestAuthority('front-proxy-ca');
const frontProxy = await frontProxyAuthority.issueClient('front-proxy');

export type Play = (request: IncomingMessage, body: string, response: ServerResponse) => void;

export class ViewBed {
  /** Of deadlines; it stands still unless a test moves it. */
  readonly clock = new FakeClock();
  readonly asked: { readonly method: string; readonly url: string; readonly headers: object; readonly body: string }[] =
    [];
  play: Play = (_request, _body, response) => json(response, 200, STORED);
  readonly #api: Server;
  readonly #transport: Transport;
  readonly #watches: Transport;
  readonly view: ViewServer;
  readonly #gate: Gate;
  port = 0;
  /** What the operator holds of the object. */
  held: JsonObject | undefined;
  /** Requests that have arrived, and whose answers have not ended. */
  get open(): number {
    return this.#gate.requests.size;
  }

  private constructor(apiPort: number, api: Server, timeoutMs: number) {
    this.#api = api;
    const cluster = {
      server: `http://127.0.0.1:${apiPort}`,
      ca: undefined,
      cert: undefined,
      key: undefined,
      serverName: undefined,
      insecureSkipVerify: false,
      namespace: undefined,
      podNamespace: undefined,
      token: () => Promise.resolve('own'),
    };
    this.#transport = Transport.open(cluster, { timeoutMs });
    this.#watches = Transport.open(cluster, { timeoutMs, bodyTimeoutMs: 0 });
    this.#gate = createGate(
      {
        atWork: { total: 2, ofOne: 2 },
        requests: { total: 4, ofOne: 3 },
        bodyBytes: { total: 1 << 22, ofOne: 1 << 22 },
        slow: { total: 2, ofOne: 1 },
        watches: { total: 2, ofOne: 1 },
      },
      this.clock,
      silentLogger,
    );
    this.view = new ViewServer({
      address: { host: '127.0.0.1', port: 0 },
      devices: {
        transport: this.#transport,
        watches: this.#watches,
        gate: this.#gate,
        share: new Share(systemClock, 0.5),
        clock: this.clock,
        peek: () => this.held,
        log: silentLogger,
      },
      log: silentLogger,
      problem: () => 'not yet',
      onAnswer: () => undefined,
    });
    const configMap = {
      data: {
        'requestheader-client-ca-file': frontProxyAuthority.certPem,
        'requestheader-allowed-names': '["front-proxy"]',
        'requestheader-username-headers': '["X-Remote-User"]',
        'requestheader-uid-headers': '["X-Remote-Uid"]',
        'requestheader-group-headers': '["X-Remote-Group"]',
        'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      },
    };
    this.view.use({
      serving: issueServer(authority, [NAME], Date.now(), DAY_MS),
      frontProxy: readFrontProxy(configMap),
    });
  }

  /** `timeoutMs`: how long the API server may take for an answer. */
  static async open({ timeoutMs = 5000 } = {}): Promise<ViewBed> {
    const api = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const { method = '', url = '', headers } = request;
        bed.asked.push({ method, url, headers, body });
        bed.play(request, body, response);
      });
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    const bed = new ViewBed((api.address() as AddressInfo).port, api, timeoutMs);
    bed.port = Number((await bed.view.listen()).split(':')[1]);
    return bed;
  }

  /** From now on connections to the API server are refused. */
  refuse(): void {
    this.#api.close();
  }

  async close(): Promise<void> {
    await this.view.close(0);
    await Promise.all([this.#transport.destroy(), this.#watches.destroy()]);
    this.#api.closeAllConnections();
    await new Promise((resolve) => this.#api.close(resolve));
  }
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

interface Sent {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly certificate?: KeyPair | undefined;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

const USER = { 'x-remote-user': 'alice' };

/** What is sent bit by bit, and read when it is wanted. */
export function begin(bed: ViewBed, path: string, { method = 'GET', headers = {}, ...rest }: Sent = {}): ClientRequest {
  const certificate = 'certificate' in rest ? rest.certificate : frontProxy;
  const agent = new Agent({
    ca: authority.certPem,
    servername: NAME,
    ...(certificate === undefined ? {} : { cert: certificate.certPem, key: certificate.keyPem }),
  });
  return httpsRequest({ host: '127.0.0.1', port: bed.port, agent, method, path, headers: { ...USER, ...headers } });
}

export function send(bed: ViewBed, path: string, { body, headers = {}, ...rest }: Sent = {}): Promise<Got> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const sent = begin(bed, path, { ...rest, headers: { ...length, ...headers } });
  const answered = answerOf(sent);
  sent.end(body);
  return answered;
}

export function answerOf(sent: ClientRequest): Promise<Got> {
  return new Promise((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (answer: IncomingMessage) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text },
        }),
      );
      answer.on('error', reject);
    });
  });
}

/** Until it is so; what happens meanwhile is I/O. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

export const DEVICE = '/apis/mir/v1alpha/namespaces/ns/devices/a';
export const DEVICES = '/apis/mir/v1alpha/namespaces/ns/devices';
