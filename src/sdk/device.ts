import { randomUUID } from 'node:crypto';
import { DEVICE_ID } from '../api/device.ts';
import { brokerAddress } from '../base/broker-url.ts';
import { delay, systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { DEFAULT_PROTOCOL_LIMITS } from '../protocol/envelopes.ts';
import type { Encoding, StateEnvelope } from '../protocol/envelopes.ts';
import { DEFAULT_MAX_REPORTS, encodeState, parseState } from '../protocol/state-envelope.ts';
import { createTopics, isMessageName } from '../protocol/topics.ts';
import type { Topics } from '../protocol/topics.ts';
import { hashSchema } from '../schema/load-schema.ts';
import { codecOf } from './codec.ts';
import type { DeviceCodec } from './codec.ts';
import { describeEvent } from './events.ts';
import type { DeviceEvent } from './events.ts';
import type { DesiredHandler, WithdrawnHandler } from './handlers.ts';
import { LocalTwin } from './local-twin.ts';
import { Outbox } from './outbox.ts';
import { openSession } from './session.ts';
import type { ConnectionOptions, Session } from './session.ts';
import { sqliteStore } from './sqlite-store.ts';
import { memoryStore } from './store.ts';
import type { DeviceStore, MessageValue } from './store.ts';

export interface DeviceOptions extends ConnectionOptions {
  readonly deviceId: string;
  /** Two topic levels; default `mir/v1alpha`. */
  readonly prefix?: string;
  /** Seconds between heartbeats; default 10, 0 for none. */
  readonly heartbeatSeconds?: number;
  /** Path of the file in which the device keeps its twin, or a store. Default: memory, which forgets at a restart. */
  readonly store?: string | DeviceStore;
  /** Its messages as a serialized `google.protobuf.FileDescriptorSet`; default none, and then everything is plain JSON. */
  readonly schema?: Uint8Array;
  /** How desired documents and reports are written; default JSON. Protobuf needs a schema. */
  readonly encoding?: Encoding;
  /** In place of what `schema` and `encoding` stand for, for devices with an encoding of their own. */
  readonly codec?: DeviceCodec;
  /** Names of messages that will be reported, so that the twin keeps them while nothing was reported since the start. */
  readonly reports?: readonly string[];
  /** Largest desired document in bytes that the device takes; default 16384. Announced in the birth. */
  readonly maxBytes?: number;
  /** After a connect, known reports are sent again spread over this time; default 1000. */
  readonly reportSpreadMs?: number;
  /** Reconnects wait a random time up to `baseMs` (default 1000), doubled at every failure up to `maxMs` (default 30000). */
  readonly reconnect?: { readonly baseMs: number; readonly maxMs: number };
  /** Told what happens, for logs; must not throw. Default: failures and a duplicate are warnings of the process. */
  readonly onEvent?: (event: DeviceEvent) => void;
  readonly clock?: Clock;
}

export interface Device {
  readonly isOnline: boolean;
  /**
   * Names the handler of one desired message, before `connect`. It runs at every start with the stored value, online or not, and
   * whenever another value is desired; `withdrawn` runs when the twin no longer desires the message.
   */
  onDesired(message: string, handler: DesiredHandler, withdrawn?: WithdrawnHandler): void;
  /** Reports a value; while offline the newest of each message is kept in the store. Never throws: what cannot be sent is told. */
  report(message: string, value: MessageValue): void;
  /** The stored desired value, applied or not. Undefined before `connect`. */
  desired(message: string): MessageValue | undefined;
  /** What was last reported, also before a restart. */
  reported(message: string): MessageValue | undefined;
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
 * A device of the protocol in `src/protocol/README.md`; nothing happens before `connect`.
 * Throws what no connection would mend: a URL or a device id that cannot be, a schema that cannot be used.
 */
export function createDevice(options: DeviceOptions): Device {
  brokerAddress(options.url);
  if (!DEVICE_ID.test(options.deviceId))
    throw new RangeError(
      `device id ${JSON.stringify(options.deviceId)} cannot be a level of a topic; use letters, digits, - _ and : (128 at most)`,
    );
  return new MqttDevice(options);
}

class MqttDevice implements Device {
  readonly #options: DeviceOptions;
  readonly #clock: Clock;
  readonly #topics: Topics;
  readonly #outbox: Outbox;
  readonly #codec: DeviceCodec;
  readonly #twin: LocalTwin;
  readonly #lifetime = new AbortController();
  /** Keeps the process alive between two connections, when no socket does. */
  #keepAlive: NodeJS.Timeout | undefined;
  #session: LiveSession | undefined;
  /** Resolves with the next session that reports. */
  #reporting = Promise.withResolvers<LiveSession>();
  #hasReported = false;
  #isLeaving = false;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#topics = createTopics(options.prefix);
    this.#outbox = new Outbox(this.#clock);
    this.#codec = options.codec ?? codecOf(options);
    this.#twin = new LocalTwin({
      store: storeOf(options.store),
      clock: this.#clock,
      reports: options.reports ?? [],
      checkReport: (message, value) => this.#codec.checkReport(message, value),
      onReport: (message) => this.#outbox.add(message),
      onForgotten: () => void this.#repeatBirth(),
      onWelcomed: () => {
        void this.#repeatBirth();
        this.#reportAll();
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
    this.#twin.onDesired(message, handler, withdrawn);
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
    const isSilent = this.#session === undefined && asleepSeconds === undefined && !this.#hasWaiting;
    if (this.#keepAlive !== undefined && !isSilent) {
      const { signal } = this.#lifetime;
      const leaving = this.#sayGoodbye(asleepSeconds === undefined ? {} : { asleep: asleepSeconds }).catch(() => {});
      await Promise.race([leaving, delay(this.#clock, GOODBYE_MS, signal)]);
    }
    this.destroy();
  }

  /** Something is to be reported, as far as this process knows: what was stored may never have been delivered. */
  get #hasWaiting(): boolean {
    if (this.#hasReported) return this.#outbox.hasWaiting;
    return [...this.#twin.names].some((message) => this.#twin.envelopeOf(message) !== undefined);
  }

  async #sayGoodbye(more: { readonly asleep?: number }): Promise<void> {
    let session = await this.#reporting.promise;
    for (;;) {
      await this.#outbox.flush();
      if (!session.ended.aborted) break;
      session = await this.#reporting.promise;
    }
    this.#isLeaving = true;
    this.#outbox.detach();
    await this.#publishState(session, { online: false, session: session.id, will: false, ...more });
    await session.link.end();
  }

  destroy(): void {
    this.#twin.end();
    this.#lifetime.abort();
    clearInterval(this.#keepAlive);
    this.#session?.link.destroy();
  }

  async #stayConnected(): Promise<void> {
    const { baseMs, maxMs } = this.#options.reconnect ?? { baseMs: 1000, maxMs: 30_000 };
    const { signal } = this.#lifetime;
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = this.#clock.monotonic();
      const reason = await this.#liveOneSession();
      if (signal.aborted || this.#isLeaving) return;
      // A connection that does not last is a failure too: two devices with one client id cut each other off without end.
      failures = this.#clock.monotonic() - startedAt > LASTING_MS ? 0 : failures + 1;
      const retryInMs = Math.round(Math.random() * Math.min(maxMs, baseMs * 2 ** Math.max(0, failures - 1)));
      this.#tell({ kind: 'offline', reason, retryInMs });
      await delay(this.#clock, retryInMs, signal);
    }
  }

  /** CONNECT to disconnect; answers why it ended. */
  async #liveOneSession(): Promise<string> {
    const id = randomUUID();
    const { deviceId } = this.#options;
    const ended = new AbortController();
    try {
      const link = await openSession({
        connection: this.#options,
        clientId: this.#options.clientId ?? deviceId,
        will: { topic: this.#topics.state(deviceId), payload: encodeState({ online: false, session: id, will: true }) },
        filters: [this.#topics.desired(deviceId), this.#topics.get(deviceId), this.#topics.state(deviceId)],
        onMessage: (topic, payload, isRetained) => this.#receive(id, topic, payload, isRetained),
        signal: this.#lifetime.signal,
      });
      const session = {
        id,
        link,
        announced: new Set<string>(),
        hasBirth: false,
        hasAnswered: false,
        ended: ended.signal,
      };
      this.#session = session;
      const lost = await Promise.race([this.#giveBirth(session), link.closed]);
      if (lost !== undefined) return lost;
      this.#beginReporting(session);
      this.#tell({ kind: 'online', session: id });
      return await link.closed;
    } catch (error) {
      return messageOf(error);
    } finally {
      ended.abort();
      this.#session?.link.destroy();
      this.#session = undefined;
      this.#reporting = Promise.withResolvers();
      this.#twin.isOnline = false;
      this.#outbox.detach();
    }
  }

  async #giveBirth(session: LiveSession): Promise<void> {
    const { names, newest } = this.#twin;
    const { schema } = this.#options;
    // Before the answer is there: what is sent from now on follows this birth on the same connection.
    session.announced = names;
    await this.#publishState(session, {
      online: true,
      session: session.id,
      ...(newest !== undefined && { uid: newest.uid, revision: newest.revision }),
      // More than a birth may name: the twin then forgets nothing.
      ...(names.size <= DEFAULT_MAX_REPORTS && { reports: [...names] }),
      heartbeat: this.#heartbeatSeconds,
      encoding: this.#codec.encoding,
      ...(schema !== undefined && { schema: hashSchema(schema) }),
      maxBytes: this.#maxBytes,
      sdk: SDK,
    });
    session.hasBirth = true;
    this.#twin.isOnline = true;
  }

  #beginReporting(session: LiveSession): void {
    this.#reportAll();
    this.#outbox.attach((message) => this.#sendReport(session, message));
    this.#hasReported = true;
    this.#reporting.resolve(session);
    void this.#beat(session);
  }

  async #beat(session: LiveSession): Promise<void> {
    if (this.#heartbeatSeconds === 0) return;
    const topic = this.#topics.heartbeat(this.#options.deviceId);
    for (;;) {
      await delay(this.#clock, this.#heartbeatSeconds * 1000, session.ended);
      if (session.ended.aborted) return;
      // Not waited for: QoS 0 has no answer, and a connection that is gone shows itself on its own.
      session.link.publish(topic, '', { qos: 0, retain: false }).catch(() => {});
    }
  }

  async #sendReport(session: LiveSession, message: string): Promise<void> {
    const envelope = this.#twin.envelopeOf(message);
    if (envelope === undefined) return;
    // The twin drops what the birth does not name.
    if (!session.announced.has(message)) await this.#giveBirth(session);
    const topic = this.#topics.reported(this.#options.deviceId, message);
    try {
      await session.link.publish(topic, this.#codec.encodeReported(message, envelope), { qos: 1, retain: true });
    } catch (error) {
      this.#tellFailure(session, `report of ${message}`, error);
      throw error;
    }
  }

  #receive(session: string, topic: string, payload: Buffer, isRetained: boolean): void {
    const kind = this.#topics.parse(topic)?.kind;
    if (kind === 'desired') this.#receiveDesired(payload);
    else if (kind === 'get' && !isRetained) this.#receiveGet(payload.toString('utf8'));
    else if (kind === 'state' && !isRetained) this.#receiveState(session, payload);
  }

  #receiveDesired(payload: Buffer): void {
    if (payload.length === 0) {
      this.#twin.cutOff();
      return;
    }
    const limits = { ...DEFAULT_PROTOCOL_LIMITS, maxPayloadBytes: this.#maxBytes };
    const document = this.#codec.parseDesired(payload, limits);
    if (!document.ok) {
      this.#tell({ kind: 'failed', what: 'desired document', reason: `${document.reason}: ${document.message}` });
      return;
    }
    this.#twin.take(document.value);
  }

  #receiveGet(payload: string): void {
    if (payload === 'reported') this.#reportAll();
    if (payload === 'schema') void this.#sendSchema();
    if (payload === 'state') void this.#repeatBirth();
  }

  async #sendSchema(): Promise<void> {
    const session = this.#session;
    const { schema, deviceId } = this.#options;
    if (session === undefined || schema === undefined) return;
    try {
      await session.link.publish(this.#topics.schema(deviceId), Buffer.from(schema), { qos: 1, retain: false });
    } catch (error) {
      this.#tellFailure(session, 'schema', error);
    }
  }

  #reportAll(): void {
    this.#outbox.addSpread(this.#twin.names, this.#options.reportSpreadMs ?? 1000);
  }

  #receiveState(own: string, payload: Buffer): void {
    const state = parseState(payload, { ...DEFAULT_PROTOCOL_LIMITS, maxReports: DEFAULT_MAX_REPORTS });
    if (!state.ok || state.value.session === own) return;
    const session = this.#session;
    if (state.value.online) this.#tell({ kind: 'duplicate', session: state.value.session });
    else if (session?.id === own && !session.hasAnswered) this.#answerForeignFarewell(session);
  }

  /** Once a session, and later than at once: two processes that answer each other would never end. */
  #answerForeignFarewell(session: LiveSession): void {
    session.hasAnswered = true;
    const cancel = this.#clock.after(1000 + Math.random() * 4000, () => void this.#repeatBirth());
    session.ended.addEventListener('abort', cancel, { once: true });
  }

  async #repeatBirth(): Promise<void> {
    const session = this.#session;
    if (session?.hasBirth !== true) return;
    // One that fails is made good by the birth of the next connection.
    await this.#giveBirth(session).catch((error: unknown) => this.#tellFailure(session, 'birth', error));
  }

  #publishState(session: LiveSession, state: StateEnvelope): Promise<void> {
    const topic = this.#topics.state(this.#options.deviceId);
    return session.link.publish(topic, encodeState(state), { qos: 1, retain: true });
  }

  get #heartbeatSeconds(): number {
    return this.#options.heartbeatSeconds ?? 10;
  }

  get #maxBytes(): number {
    return this.#options.maxBytes ?? DEFAULT_PROTOCOL_LIMITS.maxPayloadBytes;
  }

  /** What fails because the connection ended needs no word of its own. */
  #tellFailure(session: LiveSession, what: string, error: unknown): void {
    if (!session.ended.aborted) this.#tell({ kind: 'failed', what, reason: messageOf(error) });
  }

  #tell(event: DeviceEvent): void {
    (this.#options.onEvent ?? warn)(event);
  }
}

interface LiveSession {
  readonly id: string;
  readonly link: Session;
  /** Names that the last birth listed. */
  announced: ReadonlySet<string>;
  hasBirth: boolean;
  hasAnswered: boolean;
  readonly ended: AbortSignal;
}

function storeOf(store: DeviceOptions['store']): DeviceStore {
  if (store === undefined) return memoryStore();
  return typeof store === 'string' ? sqliteStore(store) : store;
}

/** What a person must see when nobody listens. */
function warn(event: DeviceEvent): void {
  if (event.kind === 'failed' || event.kind === 'duplicate') process.emitWarning(describeEvent(event), 'MirDevice');
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const SDK = 'mir-typescript/0.1';
const GOODBYE_MS = 3000;
const LASTING_MS = 10_000;
