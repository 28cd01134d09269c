import { backoffMs } from '../base/backoff.ts';
import { messageOf } from '../base/message-of.ts';
import { brokerFailure } from '../base/broker-failure.ts';
import type { BrokerFailure } from '../base/broker-failure.ts';
import { publicUrl } from '../base/broker-url.ts';
import type { Clock } from '../base/clock.ts';
import { delay } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type {
  BrokerConnection,
  BrokerFindings,
  BrokerHandlers,
  BrokerLimits,
  PublishOptions,
  RefusedFilters,
} from '../broker/broker.ts';
import { BrokerError } from '../broker/broker.ts';
import type { BrokerName } from './failure.ts';
import { describeFailedConnect, describeFailure } from './failure.ts';
import type { BrokerCredentials, BrokerOptions, BrokerTuning } from './options.ts';
import { DEFAULT_BROKER_TUNING } from './options.ts';
import { Link } from './link.ts';
import { UNPROVEN } from '../broker/probe.ts';
import type { Session } from './session.ts';

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Returns a number in [0, 1); for the jitter of the back-off. */
  readonly random?: () => number;
  /** A connection ended, or an attempt to connect failed, and not because it was closed from here. */
  readonly onFailure?: (failure: BrokerFailure) => void;
}

/** A broker connection that reconnects by itself. Throws a RangeError for a URL that cannot work; connects at `run`. */
export function createBroker(options: BrokerOptions, deps: ConnectionDeps): BrokerConnection {
  return new Connection(options, deps);
}

class Connection implements BrokerConnection {
  readonly #options: BrokerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #random: () => number;
  readonly #onFailure: (failure: BrokerFailure) => void;
  readonly #tuning: BrokerTuning;
  readonly #name: BrokerName;
  /** Set while live subscriptions stand. */
  #session: Session | undefined;
  #failure: string | undefined;

  constructor(options: BrokerOptions, deps: ConnectionDeps) {
    this.#options = options;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#random = deps.random ?? Math.random;
    this.#onFailure = deps.onFailure ?? (() => undefined);
    this.#tuning = { ...DEFAULT_BROKER_TUNING, ...options.tuning };
    this.#name = { url: publicUrl(options.url), clientId: options.clientId };
  }

  get limits(): BrokerLimits | undefined {
    return this.#session?.limits;
  }

  get findings(): BrokerFindings {
    return this.#session?.findings ?? UNPROVEN;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  publish(topic: string, payload: string | Buffer, options: PublishOptions): Promise<void> {
    return this.#session?.publish(topic, payload, options) ?? Promise.reject(this.#offline());
  }

  readRetained(
    filters: readonly string[],
    signal: AbortSignal,
    options?: { readonly qos?: 0 | 1 },
  ): Promise<RefusedFilters> {
    return this.#session?.readRetained(filters, options?.qos, signal) ?? Promise.reject(this.#offline());
  }

  async run(handlers: BrokerHandlers, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const startedAt = this.#clock.monotonic();
      await this.#serve(handlers, signal);
      if (this.#clock.monotonic() - startedAt >= this.#tuning.stableAfterMs) failures = 0;
      do await delay(this.#clock, this.#backoffMs(failures), signal);
      while (!signal.aborted && !(await this.#mayReconnect(signal)));
    }
  }

  /** Full jitter, so that a fleet of clients does not come back as one. */
  #backoffMs(failures: number): number {
    const { reconnectMinMs, reconnectMaxMs } = this.#tuning;
    const most = backoffMs(failures, reconnectMinMs, reconnectMaxMs);
    return reconnectMinMs + this.#random() * (most - reconnectMinMs);
  }

  async #mayReconnect(signal: AbortSignal): Promise<boolean> {
    try {
      await abortable(this.#options.fence?.beforeReconnect(signal), signal);
      return true;
    } catch (error) {
      this.#log.warn({ url: this.#name.url, err: error }, 'not reconnecting to the broker yet');
      return false;
    }
  }

  /** One network connection, from CONNECT to its end. */
  async #serve(handlers: BrokerHandlers, signal: AbortSignal): Promise<void> {
    const credentials = await this.#credentials(signal);
    if (credentials === undefined || signal.aborted) return;
    const link = this.#link(credentials, handlers);
    if (link === undefined) return;
    const hangUp = (): void => link.end();
    signal.addEventListener('abort', hangUp, { once: true });
    try {
      // When it cannot be opened, the cause comes with `closed`.
      const session = await link.open().catch(() => undefined);
      if (session !== undefined) this.#begin(session, handlers);
    } catch (error) {
      // Who was to work with the connection does not: nobody may take it for one.
      link.end();
      this.#session = undefined;
      throw error;
    } finally {
      await link.closed;
      signal.removeEventListener('abort', hangUp);
    }
    this.#conclude(await link.closed, handlers, signal);
  }

  #begin(session: Session, handlers: BrokerHandlers): void {
    this.#session = session;
    this.#failure = undefined;
    this.#log.info({ url: this.#name.url, clientId: this.#name.clientId }, 'connected to the broker');
    handlers.onConnected(session.limits);
  }

  #conclude(cause: unknown, handlers: BrokerHandlers, signal: AbortSignal): void {
    const wasConnected = this.#session !== undefined;
    const describe = wasConnected ? describeFailure : describeFailedConnect;
    const reason = signal.aborted ? `closed the connection to broker ${this.#name.url}` : describe(cause, this.#name);
    this.#session = undefined;
    this.#noteFailure(reason, signal.aborted ? undefined : brokerFailure(cause));
    if (wasConnected) handlers.onDisconnected(reason);
  }

  /** Undefined for certificates that OpenSSL cannot use: half-replaced files, which the next attempt reads again. */
  #link(credentials: BrokerCredentials, handlers: BrokerHandlers): Link | undefined {
    const deps = { clock: this.#clock, tuning: this.#tuning, name: this.#name };
    try {
      return new Link(this.#options, credentials, deps, {
        // Synchronous and in order: reading never stops for what the domain makes of a message.
        receive: (message) => handlers.onMessage(message),
        isUnwanted: (message) => handlers.onOversized?.(message) === true,
        onFindings: this.#found,
      });
    } catch (error) {
      this.#noteFailure(describeFailure(error, this.#name), brokerFailure(error));
      return undefined;
    }
  }

  async #credentials(signal: AbortSignal): Promise<BrokerCredentials | undefined> {
    try {
      return (await abortable(this.#options.credentials?.(), signal)) ?? {};
    } catch (error) {
      const remedy = 'check the files of --mqtt-ca-file, --mqtt-cert-file, --mqtt-key-file and --mqtt-password-file';
      const why = messageOf(error);
      this.#noteFailure(`no credentials for broker ${this.#name.url}: ${why}; ${remedy}`, 'CredentialsUnusable');
      return undefined;
    }
  }

  /** `failure` undefined: it was closed from here. */
  #noteFailure(reason: string, failure: BrokerFailure | undefined): void {
    // A broker that stays away is one line, not one line an attempt.
    const level = failure === undefined || reason === this.#failure ? 'debug' : 'warn';
    this.#failure = reason;
    this.#log[level]({ url: this.#name.url, clientId: this.#name.clientId, reason }, 'not connected to the broker');
    if (failure !== undefined) this.#onFailure(failure);
  }

  readonly #found = ({ shortcoming, pageQos, matchesParentLevel }: BrokerFindings): void => {
    const { url } = this.#name;
    if (shortcoming !== undefined) this.#log.warn({ url, shortcoming }, 'the broker cannot do what the operator needs');
    else this.#log.debug({ url, pageQos, matchesParentLevel }, 'the broker shows what it stores');
  };

  #offline(): BrokerError {
    return new BrokerError('transient', `not connected to broker ${this.#name.url}`);
  }
}

/** Does not wait for `work` longer than until `signal` aborts, so that closing never hangs on what others wait for. */
async function abortable<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
