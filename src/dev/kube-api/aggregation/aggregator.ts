/** Hands requests on to API servers behind this one, as kube-apiserver's aggregator does: in its own name, with the caller in headers. */
import { Agent, request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../../../base/log.ts';
import { messageOf } from '../../../base/message-of.ts';
import { USER } from '../discovery/reviews.ts';
import { StatusError } from '../errors.ts';
import type { Api } from '../handlers/call.ts';
import type { ServerIdentity } from '../http/certificates.ts';
import { isObject, timestamp } from '../kube-object.ts';
import { apiServiceType } from '../registry/builtin/aggregation-types.ts';
import { backendFor, backendsOf } from './backends.ts';
import type { Backend } from './backends.ts';

/** Documents of the servers behind, to be shown among this one's own. */
export interface Aggregated {
  readonly groupVersions: readonly { readonly group: string; readonly version: string }[];
  /** Items of an APIGroupDiscoveryList. */
  readonly discovery: readonly unknown[];
  /** Paths of the index of OpenAPI v3. */
  readonly openApiPaths: Readonly<Record<string, unknown>>;
  readonly openApiV2: readonly OpenApiV2Part[];
}

type BackendDocuments = Pick<Aggregated, 'discovery' | 'openApiPaths'> & { readonly openApiV2: OpenApiV2Part };

export interface OpenApiV2Part {
  readonly paths?: Readonly<Record<string, unknown>>;
  readonly definitions?: Readonly<Record<string, unknown>>;
}

const DISCOVERY_FORM = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const LOOK_MS = { available: 10_000, unavailable: 500 };
const ANSWER_MS = 5000;

export class Aggregator {
  readonly #api: Api;
  readonly #log: Logger;
  readonly #identity: ServerIdentity;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(api: Api, identity: ServerIdentity, log: Logger) {
    this.#api = api;
    this.#identity = identity;
    this.#log = log;
  }

  backendFor(path: string): Backend | undefined {
    const backend = backendFor(this.#api, path);
    if (backend !== undefined || !path.startsWith('/openapi/v3/apis/')) return backend;
    return backendFor(this.#api, path.slice('/openapi/v3'.length));
  }

  /** Resolves when the answer has been handed back; rejects when there is none. */
  proxy(backend: Backend, request: IncomingMessage, response: ServerResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(
        {
          ...this.#optionsFor(backend),
          method: request.method,
          path: request.url,
          headers: forwarded(request.headers),
        },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
          response.flushHeaders();
          answer.pipe(response);
          answer.once('error', () => response.destroy());
          response.once('close', resolve);
        },
      );
      sent.once('error', (cause) => {
        if (response.headersSent) return void response.destroy();
        reject(unavailable(`error trying to reach service: ${cause.message}`));
      });
      response.once('close', () => sent.destroy());
      request.pipe(sent);
    });
  }

  /** What the servers behind serve; one that does not answer shows nothing. */
  async documents(): Promise<Aggregated> {
    const backends = backendsOf(this.#api);
    const parts = await Promise.all(backends.map((backend) => this.#documentsOf(backend)));
    return {
      groupVersions: backends.map(({ group, version }) => ({ group, version })),
      discovery: parts.flatMap(({ discovery }) => discovery),
      openApiPaths: Object.assign({}, ...parts.map(({ openApiPaths }) => openApiPaths)) as Record<string, unknown>,
      openApiV2: parts.map(({ openApiV2 }) => openApiV2),
    };
  }

  /** Keeps the condition Available of every APIService until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const backends = backendsOf(this.#api);
      const found = await Promise.all(backends.map((backend) => this.#look(backend, signal)));
      const isWell = found.every((isAvailable) => isAvailable);
      const waitMs = isWell && backends.length > 0 ? LOOK_MS.available : LOOK_MS.unavailable;
      await pause(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    this.#agent.destroy();
  }

  async #look(backend: Backend, signal: AbortSignal): Promise<boolean> {
    const problem = await this.#get(
      backend,
      `/apis/${backend.group}/${backend.version}`,
      'application/json',
      signal,
    ).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
    if (signal.aborted) return true;
    const object = this.#api.store.get(apiServiceType.id, backend.name);
    const status = problem === undefined ? 'True' : 'False';
    const before = isObject(object?.['status']) ? object['status']['conditions'] : undefined;
    const [known] = Array.isArray(before) ? before : [];
    if (object === undefined || (isObject(known) && known['status'] === status && known['message'] === (problem ?? OK)))
      return problem === undefined;
    const condition = {
      type: 'Available',
      status,
      lastTransitionTime: timestamp(this.#api.now()),
      reason: problem === undefined ? 'Passed' : 'FailedDiscoveryCheck',
      message: problem ?? OK,
    };
    this.#api.store.put(apiServiceType.id, { ...object, status: { conditions: [condition] } });
    return problem === undefined;
  }

  async #documentsOf(backend: Backend): Promise<BackendDocuments> {
    const { group, version } = backend;
    try {
      const [discovery, index, v2] = await Promise.all([
        this.#get(backend, '/apis', DISCOVERY_FORM),
        this.#get(backend, '/openapi/v3'),
        this.#get(backend, '/openapi/v2'),
      ]);
      return {
        discovery: (discovery['items'] ?? []) as unknown[],
        openApiPaths: (index['paths'] ?? {}) as Record<string, unknown>,
        openApiV2: v2,
      };
    } catch (error) {
      this.#log.debug({ err: error, apiService: backend.name }, 'an aggregated API does not answer');
      const versions = [{ version, freshness: 'Stale' }];
      const metadata = { name: group, creationTimestamp: null };
      return { discovery: [{ metadata, versions }], openApiPaths: {}, openApiV2: {} };
    }
  }

  async #get(
    backend: Backend,
    path: string,
    accept = 'application/json',
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const limit = AbortSignal.timeout(ANSWER_MS);
    const options = {
      ...this.#optionsFor(backend),
      path,
      headers: { ...USER_HEADERS, accept },
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      httpsRequest(options, resolve).once('error', reject).end();
    });
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    if (answer.statusCode !== 200) throw new Error(`${path} answers ${answer.statusCode}: ${text.slice(0, 200)}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  #optionsFor({ address, ca, service }: Backend): RequestOptions {
    if (address === undefined) throw unavailable(`no endpoints available for service "${service.name}"`);
    if (ca === '') throw unavailable('the APIService names no authority yet (caBundle)');
    const { certPem: cert, keyPem: key } = this.#identity.frontProxy;
    const servername = `${service.name}.${service.namespace}.svc`;
    return { ...address, agent: this.#agent, ca, cert, key, servername };
  }
}

const OK = 'all checks passed';

const USER_HEADERS = { 'x-remote-user': USER.username, 'x-remote-group': [...USER.groups] };

const unavailable = (message: string): StatusError => new StatusError(503, 'ServiceUnavailable', message);

/** Nobody but this server says who asks. */
function forwarded(headers: IncomingHttpHeaders): IncomingHttpHeaders & typeof USER_HEADERS {
  const kept = Object.entries(endToEnd(headers)).filter(
    ([name]) => name !== 'authorization' && !name.startsWith('x-remote-'),
  );
  return { ...Object.fromEntries(kept), ...USER_HEADERS };
}

/** Without the headers that belong to one connection [RFC 9110 7.6.1]. */
function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _c, 'keep-alive': _k, 'transfer-encoding': _t, upgrade: _u, host: _h, ...rest } = headers;
  return rest;
}
