import { backoffMs } from '../base/backoff.ts';
import { delay, systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { createTopics, isMessageName } from '../protocol/topics.ts';
import type { Topics } from '../protocol/topics.ts';
import { checkOptions } from './check-options.ts';
import { codecOf } from './codec.ts';
import type { DeviceCodec } from './codec.ts';
import { describeEvent } from './events.ts';
import type { DeviceEvent } from './events.ts';
import type { DesiredHandler, WithdrawnHandler } from './handlers.ts';
import { LiveSession } from './live-session.ts';
import type { SessionContext } from './live-session.ts';
import { LocalTwin } from './local-twin.ts';
import { withParser } from './messages.ts';
import type { AnyMessages, MessageParsers, Parsed, Unparsed } from './messages.ts';
import type { DeviceOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { sqliteStore } from './sqlite-store.ts';
import { memoryStore } from './store.ts';
import type { DeviceStore, MessageValue } from './store.ts';

/** `Values`: message name → what its handler gets. `Wire`: message name → what is reported, and stored. */
export interface Device<Values extends object = AnyMessages, Wire extends object = Values> {
  readonly isOnline: boolean;
  /**
   * Names the handler of one desired message, before `connect`. It runs at every start with the stored value, online or not, and
   * whenever another value is desired; `withdrawn` runs when the twin no longer desires the message.
   */
  onDesired<Name extends keyof Values & keyof Wire & string>(
    message: Name,
    handler: DesiredHandler<Values[Name], Partial<Wire[Name]>>,
    withdrawn?: WithdrawnHandler,
  ): void;
  /** Reports a value; while offline the newest of each message is kept in the store. Never throws: what cannot be sent is told. */
  report<Name extends keyof Wire & string>(message: Name, value: Wire[Name]): void;
  /** The stored desired value, applied or not, and before any parser. Undefined before `connect`. */
  desired<Name extends keyof Wire & string>(message: Name): Wire[Name] | undefined;
  /** What was last reported, also before a restart. */
  reported<Name extends keyof Wire & string>(message: Name): Wire[Name] | undefined;
  /** Once: opens the store, gives every stored value to its handler, and keeps connected from then on. Does not wait for a broker. */
  connect(): Promise<void>;
  /**
   * Delivers the reports that wait, says goodbye and ends, after 3 s at the latest; with `asleepSeconds` the twin stays online that
   * long. Handlers that run are aborted first.
   */
  close(options?: { readonly asleepSeconds?: number }): Promise<void>;
  /** Ends without a word, as a power cut does: the broker publishes the last will. */
  destroy(): void;
}

/**
 * A device with a twin; nothing happens before `connect`. Its messages have the types of their
 * parsers, or those that are given: `createDevice<{ 'sensor.v1.SampleRate': { intervalSeconds: number } }>(…)`. Without either any
 * message goes, as JSON. Throws a TypeError that names the option for what no connection would mend.
 */
export function createDevice<P extends MessageParsers>(
  options: Omit<DeviceOptions<P>, 'messages'> & { readonly messages: P },
): Device<Parsed<P>, Unparsed<P>>;
export function createDevice<Messages extends { readonly [Name in keyof Messages]: object } = AnyMessages>(
  options: DeviceOptions<Messages>,
): Device<Messages>;
export function createDevice(options: DeviceOptions): Device {
  return assembleDevice(options);
}

/**
 * What a device is made of, its options apart.
 * @internal
 */
export interface DeviceParts {
  readonly clock?: Clock;
  readonly codec?: DeviceCodec;
}

/**
 * For simulators and tests: not part of the package.
 * @internal
 */
export function assembleDevice(options: DeviceOptions, parts: DeviceParts = {}): Device {
  checkOptions(options);
  return new MqttDevice(options, parts);
}

class MqttDevice implements Device {
  readonly #options: DeviceOptions;
  readonly #clock: Clock;
  readonly #topics: Topics;
  readonly #codec: DeviceCodec;
  readonly #outbox: Outbox;
  readonly #twin: LocalTwin;
  readonly #lifetime = new AbortController();
  /** Keeps the process alive between two connections, when no socket does. */
  #keepAlive: NodeJS.Timeout | undefined;
  #session: LiveSession | undefined;
  /** Resolves with the next session that reports. */
  #reporting = Promise.withResolvers<LiveSession>();
  #hasReported = false;
  #isLeaving = false;

  constructor(options: DeviceOptions, { clock = systemClock, codec = codecOf(options.schema) }: DeviceParts) {
    this.#options = options;
    this.#clock = clock;
    this.#topics = createTopics(options.broker.prefix);
    this.#codec = codec;
    this.#outbox = new Outbox(clock);
    this.#twin = new LocalTwin({
      store: storeOf(options.store),
      clock,
      reports: options.announce?.reports ?? [],
      checkReport: (message, value) => codec.checkReport(message, value),
      onReport: (message) => this.#outbox.add(message),
      onForgotten: () => void this.#session?.repeatBirth(),
      onWelcomed: () => {
        void this.#session?.repeatBirth();
        this.#session?.reportAll();
      },
      onEvent: (event) => this.#tell(event),
    });
  }

  get isOnline(): boolean {
    return this.#session?.hasBirth === true;
  }

  onDesired(message: string, handler: DesiredHandler, withdrawn?: WithdrawnHandler): void {
    if (!isMessageName(message))
      throw new TypeError(`${message} is not a message name; use one as in sensor.v1.SampleRate`);
    if (this.#keepAlive !== undefined) throw new Error(`name the handler of ${message} before connect()`);
    const { messages = {} } = this.#options;
    const parser = Object.hasOwn(messages, message) ? messages[message] : undefined;
    this.#twin.onDesired(message, parser === undefined ? handler : withParser(parser, handler), withdrawn);
  }

  report(message: string, value: MessageValue): void {
    this.#twin.report(message, value);
  }

  desired(message: string): MessageValue | undefined {
    return this.#twin.desired(message);
  }

  reported(message: string): MessageValue | undefined {
    return this.#twin.reported(message);
  }

  async connect(): Promise<void> {
    if (this.#keepAlive !== undefined)
      throw new Error(`device ${this.#options.deviceId} was connected before; create a new one`);
    this.#keepAlive = setInterval(() => {}, 2 ** 30);
    try {
      this.#twin.load();
    } catch (error) {
      clearInterval(this.#keepAlive);
      throw error;
    }
    void this.#stayConnected();
  }

  async close({ asleepSeconds }: { readonly asleepSeconds?: number } = {}): Promise<void> {
    this.#twin.end();
    const isSilent = this.#session?.isConnected !== true && asleepSeconds === undefined && !this.#hasWaiting;
    if (this.#keepAlive !== undefined && !isSilent) {
      const leaving = this.#leave(asleepSeconds === undefined ? {} : { asleep: asleepSeconds }).catch(() => {});
      await Promise.race([leaving, delay(this.#clock, GOODBYE_MS, this.#lifetime.signal)]);
    }
    this.destroy();
  }

  destroy(): void {
    this.#twin.end();
    this.#lifetime.abort();
    clearInterval(this.#keepAlive);
    this.#session?.destroy();
  }

  /** Something is to be reported, as far as this process knows: what was stored may never have been delivered. */
  get #hasWaiting(): boolean {
    if (this.#hasReported) return this.#outbox.hasWaiting;
    return [...this.#twin.names].some((message) => this.#twin.envelopeOf(message) !== undefined);
  }

  async #leave(goodbye: { readonly asleep?: number }): Promise<void> {
    let session: LiveSession;
    do {
      session = await this.#reporting.promise;
      await this.#outbox.flush();
    } while (session.hasEnded);
    this.#isLeaving = true;
    this.#outbox.detach();
    await session.sayGoodbye(goodbye);
  }

  async #stayConnected(): Promise<void> {
    const { baseMs = 1000, maxMs = 30_000 } = this.#options.broker.reconnect ?? {};
    const { signal } = this.#lifetime;
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = this.#clock.monotonic();
      const reason = await this.#liveOneSession();
      if (signal.aborted || this.#isLeaving) return;
      // A connection that does not last is a failure too: two devices with one client id cut each other off without end.
      failures = this.#clock.monotonic() - startedAt > LASTING_MS ? 0 : failures + 1;
      const retryInMs = Math.round(Math.random() * backoffMs(Math.max(0, failures - 1), baseMs, maxMs));
      this.#tell({ kind: 'offline', reason, retryInMs });
      await delay(this.#clock, retryInMs, signal);
    }
  }

  /** CONNECT to disconnect; answers why it ended. */
  #liveOneSession(): Promise<string> {
    const session: LiveSession = new LiveSession(this.#context, {
      onReporting: () => {
        this.#hasReported = true;
        this.#reporting.resolve(session);
      },
      onEnded: () => {
        this.#session = undefined;
        this.#reporting = Promise.withResolvers();
      },
    });
    this.#session = session;
    return session.run(this.#lifetime.signal);
  }

  get #context(): SessionContext {
    return {
      options: this.#options,
      clock: this.#clock,
      topics: this.#topics,
      codec: this.#codec,
      twin: this.#twin,
      outbox: this.#outbox,
      tell: (event) => this.#tell(event),
    };
  }

  #tell(event: DeviceEvent): void {
    (this.#options.onEvent ?? warn)(event);
  }
}

function storeOf(store: DeviceOptions['store']): DeviceStore {
  if (store === undefined) return memoryStore();
  return typeof store === 'string' ? sqliteStore(store) : store;
}

/** What a person must see when nobody listens. */
function warn(event: DeviceEvent): void {
  if (event.kind === 'failed' || event.kind === 'duplicate') process.emitWarning(describeEvent(event), 'MirDevice');
}

const GOODBYE_MS = 3000;
const LASTING_MS = 10_000;
