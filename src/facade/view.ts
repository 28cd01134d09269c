/** The Mir view: `mir/v1alpha` as an aggregated API that stores nothing (decision 0082). */
import type { JsonObject } from '../api/json-value.ts';
import type { Address } from '../base/address.ts';
import { delay } from '../base/clock.ts';
import { messageOf } from '../base/message-of.ts';
import type { Runtime } from '../base/runtime.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ClusterConfig } from '../kubeconfig/kubeconfig.ts';
import { Transport } from '../kube/transport.ts';
import { CertificateKeeper } from '../certificates/keeper.ts';
import type { KeeperOptions } from '../certificates/keeper.ts';
import { AuthorPolicy } from './author-policy.ts';
import { isAvailable } from './availability.ts';
import { FRONT_PROXY_CONFIG, readFrontProxy } from './http/front-proxy.ts';
import { createGate } from './gate/gate.ts';
import type { GateLimits } from './gate/gate.ts';
import { Share } from './gate/share.ts';
import { observe } from '../kube/observe.ts';
import { ViewServer } from './server.ts';

export interface ViewOptions {
  readonly runtime: Runtime;
  readonly address: Address;
  readonly cluster: ClusterConfig;
  readonly client: KubeClient;
  /** What the operator holds of an object, perhaps a little old. */
  readonly peek: (namespace: string, name: string) => JsonObject | undefined;
  readonly onListening: (address: string) => void;
  /** What the API server says of the view; undefined: nothing. */
  readonly onAvailability: (isAvailable: boolean | undefined) => void;
  readonly onAnswer: (method: string, code: number, durationMs: number, isWatch: boolean) => void;
}

export interface View {
  /** What keeps it from serving; undefined: nothing. */
  readonly problem: () => string | undefined;
  /** Runs until `signal` aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** What clients may make it do at one time. The API server itself lets one user ask for a few hundred things at once. */
const LIMITS: GateLimits = {
  atWork: { total: 16, ofOne: 8 },
  requests: { total: 512, ofOne: 128 },
  bodyBytes: { total: 32 * 1024 * 1024, ofOne: 12 * 1024 * 1024 },
  slow: { total: 16, ofOne: 4 },
  watches: { total: 200, ofOne: 50 },
};
/** While there is always more to do, the operator's own work has the other half of the thread. */
const SHARE = 0.5;
const ANSWER_TIMEOUT_MS = 30_000;
const CLOSE_GRACE_MS = 3000;
const LISTEN_RETRY_MS = 2000;

export function createView(options: ViewOptions): View {
  const { client, runtime, cluster, peek } = options;
  const { clock, log } = runtime;
  const connections = LIMITS.atWork.total + LIMITS.slow.total;
  const transport = Transport.open(cluster, { connections, timeoutMs: ANSWER_TIMEOUT_MS });
  const watches = Transport.open(cluster, { timeoutMs: ANSWER_TIMEOUT_MS, bodyTimeoutMs: 0 });
  let proxyProblem: string | undefined = `ConfigMap ${FRONT_PROXY_CONFIG.name} has not been read yet`;
  const server = new ViewServer({
    address: options.address,
    devices: {
      transport,
      watches,
      gate: createGate(LIMITS, clock, log),
      share: new Share(clock, SHARE),
      clock,
      peek,
      log,
    },
    log,
    problem: () => problem(),
    onAnswer: options.onAnswer,
  });
  const certified = Promise.withResolvers<void>();
  const keeper = new CertificateKeeper({
    ...runtime,
    client,
    onApiService: apiServiceHook(options),
    onMaterial: ({ serving }) => {
      server.use({ serving });
      certified.resolve();
    },
  });
  const problem = (): string | undefined =>
    keeper.problem ?? proxyProblem ?? (server.isListening ? undefined : 'it does not listen yet');

  async function readProxy(signal: AbortSignal): Promise<void> {
    const { namespace, name } = FRONT_PROXY_CONFIG;
    const address = { collection: `/api/v1/namespaces/${namespace}/configmaps`, name };
    for await (const object of observe(client, address, runtime, signal)) {
      try {
        server.use({ frontProxy: readFrontProxy(object ?? {}) });
        proxyProblem = undefined;
      } catch (error) {
        proxyProblem = messageOf(error);
        log.warn({ err: error }, 'the Mir view cannot tell who asks');
      }
    }
  }

  return {
    problem,
    async run(signal) {
      await Promise.all([keeper.run(signal), readProxy(signal), serve(server, certified.promise, options, signal)]);
      await Promise.all([transport.destroy(), watches.destroy()]);
    },
  };
}

function apiServiceHook({ client, runtime, onAvailability }: ViewOptions): KeeperOptions['onApiService'] {
  const authorPolicy = new AuthorPolicy(client, runtime);
  return (apiService, signal) => {
    onAvailability(isAvailable(apiService));
    authorPolicy.see(apiService, signal);
  };
}

/** Listens as soon as there is a certificate to show, until `signal` aborts. */
async function serve(
  server: ViewServer,
  certified: Promise<void>,
  { runtime: { clock, log }, onListening }: ViewOptions,
  signal: AbortSignal,
): Promise<void> {
  await Promise.race([certified, aborted(signal)]);
  while (!signal.aborted && !server.isListening) {
    try {
      onListening(await server.listen());
    } catch (error) {
      log.error({ err: error }, 'the Mir view cannot listen; choose another --view-address');
      await delay(clock, LISTEN_RETRY_MS, signal);
    }
  }
  await aborted(signal);
  await server.close(CLOSE_GRACE_MS);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
