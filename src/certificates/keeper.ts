/**
 * Keeps the way from the API server to the view: a Secret that all replicas share holds the authority and the certificate that they
 * show, and the APIService names the authority. Whoever finds something missing or old makes it anew; the others take it up.
 */
import type { JsonObject } from '../api/json-value.ts';
import { delay } from '../base/clock.ts';
import { messageOf } from '../base/message-of.ts';
import type { Runtime } from '../base/runtime.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict } from '../kube/errors.ts';
import { observe } from '../kube/observe.ts';
import { objectIn, textIn } from '../api/json-fields.ts';
import { includesAll, judge, reissue, renew, secretData, united } from './material.ts';
import type { Material } from './material.ts';

export const API_SERVICE = 'v1alpha.mir';
export const API_SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';

export interface KeeperOptions extends Runtime {
  readonly client: KubeClient;
  /** The certificate to show from now on. */
  readonly onMaterial: (material: Material) => void;
  /** The APIService whenever it has changed; undefined: there is none. */
  readonly onApiService: (apiService: JsonObject | undefined, signal: AbortSignal) => void;
}

/** Time for the API server to take up a new authority before anybody shows a certificate of it. */
const HEAD_START_MS = 5000;
/** Certificates grow old though nothing changes. */
const LOOK_AGAIN_MS = 3_600_000;
const RETRY_MS = 2000;

interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

export class CertificateKeeper {
  readonly #options: KeeperOptions;
  #apiService: JsonObject | undefined;
  #secret: JsonObject | undefined;
  #hasSecret = false;
  #following: { readonly key: string; readonly stop: AbortController } | undefined;
  #queue: Promise<void> = Promise.resolve();
  #problem: string | undefined = `the APIService ${API_SERVICE} has not been read yet`;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Undefined: the certificate stands, and the API server trusts it. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const ticking = this.#lookAgain(signal);
    for await (const object of observe(
      client,
      { collection: API_SERVICES, name: API_SERVICE },
      this.#options,
      signal,
    )) {
      this.#apiService = object;
      this.#options.onApiService(object, signal);
      this.#follow(serviceOf(object), signal);
      this.#look(signal);
    }
    await Promise.all([ticking, this.#queue]);
  }

  async #lookAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(this.#options.clock, LOOK_AGAIN_MS, signal);
      this.#look(signal);
    }
  }

  /** Reads the Secret that belongs to the Service, and no other. */
  #follow(service: ServiceName | undefined, signal: AbortSignal): void {
    const key = service === undefined ? '' : `${service.namespace}/${service.name}`;
    if (this.#following?.key === key) return;
    this.#following?.stop.abort();
    this.#hasSecret = false;
    const stop = new AbortController();
    this.#following = { key, stop };
    if (service !== undefined) void this.#followSecret(service, AbortSignal.any([signal, stop.signal]));
  }

  async #followSecret(service: ServiceName, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const address = { collection: secretsPath(service), name: secretName(service) };
    for await (const object of observe(client, address, this.#options, signal)) {
      if (signal.aborted) return;
      this.#secret = object;
      this.#hasSecret = true;
      this.#look(signal);
    }
  }

  /** One look after the other. */
  #look(signal: AbortSignal): void {
    this.#queue = this.#queue.then(() => this.#attempt(signal));
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      this.#problem = await this.#reconcile(signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#problem = messageOf(error);
      // Another replica was faster: what it wrote comes by the watch.
      if (isConflict(error)) return;
      this.#options.log.warn({ err: error }, "cannot keep the Mir view's certificate, trying again");
      void delay(this.#options.clock, RETRY_MS, signal).then(() => this.#look(signal));
    }
  }

  /** What is missing; undefined: nothing. */
  async #reconcile(signal: AbortSignal): Promise<string | undefined> {
    const service = serviceOf(this.#apiService);
    if (service === undefined) return `no APIService ${API_SERVICE} names a Service; the chart makes it (view.enabled)`;
    if (!this.#hasSecret) return `Secret ${service.namespace}/${secretName(service)} has not been read yet`;
    const { clock, onMaterial } = this.#options;
    const names = dnsNames(service);
    const judgement = judge(this.#secret, names, clock.now());
    if (judgement.kind === 'good') {
      onMaterial(judgement.material);
      await this.#trust(judgement.material.bundle, signal);
      return undefined;
    }
    if (judgement.kind === 'reissue') {
      const { authority, bundle } = judgement;
      await this.#store(service, reissue(authority, bundle, names, clock.now()), signal);
      return 'a new certificate has been written';
    }
    const trusted = trustedBy(this.#apiService);
    const material = renew(judgement.bundle, names, clock.now());
    if (trusted !== '') {
      await this.#trust(united(material.bundle, trusted, clock.now()), signal);
      await delay(clock, HEAD_START_MS, signal);
      if (signal.aborted) return undefined;
    }
    await this.#store(service, material, signal);
    return 'a new authority has been written';
  }

  async #store(service: ServiceName, material: Material, signal: AbortSignal): Promise<void> {
    const { client, log } = this.#options;
    const [path, name] = [secretsPath(service), secretName(service)];
    const data = secretData(material);
    if (this.#secret === undefined) {
      const metadata = { name, namespace: service.namespace };
      this.#secret = await client.create<JsonObject>(
        path,
        { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata, data },
        undefined,
        signal,
      );
    } else {
      this.#secret = await client.replace<JsonObject>(`${path}/${name}`, { ...this.#secret, data }, undefined, signal);
    }
    log.info({ secret: `${service.namespace}/${name}` }, "wrote the Mir view's certificate");
    this.#look(signal);
  }

  async #trust(bundle: string, signal: AbortSignal): Promise<void> {
    if (includesAll(trustedBy(this.#apiService), bundle)) return;
    const { client, log } = this.#options;
    const caBundle = Buffer.from(bundle).toString('base64');
    const path = `${API_SERVICES}/${API_SERVICE}`;
    this.#apiService = await client.patch<JsonObject>(
      path,
      'application/merge-patch+json',
      { spec: { caBundle } },
      undefined,
      signal,
    );
    log.info({ apiService: API_SERVICE }, "named the Mir view's authority to the API server");
  }
}

function serviceOf(apiService: JsonObject | undefined): ServiceName | undefined {
  const service = objectIn(objectIn(apiService, 'spec'), 'service');
  const [name, namespace] = [textIn(service, 'name'), textIn(service, 'namespace')];
  return name === undefined || namespace === undefined ? undefined : { name, namespace };
}

function trustedBy(apiService: JsonObject | undefined): string {
  const text = textIn(objectIn(apiService, 'spec'), 'caBundle');
  return text === undefined ? '' : Buffer.from(text, 'base64').toString('utf8');
}

/** The API server asks for the first. */
function dnsNames({ name, namespace }: ServiceName): string[] {
  return [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}

const secretsPath = ({ namespace }: ServiceName): string => `/api/v1/namespaces/${namespace}/secrets`;
const secretName = ({ name }: ServiceName): string => `${name}-tls`;
