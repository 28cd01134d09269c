import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { messageOf } from '../base/message-of.ts';
import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { DEFAULT_PROTOCOL_LIMITS } from '../protocol/envelopes.ts';
import type { StateEnvelope } from '../protocol/envelopes.ts';
import { DEFAULT_MAX_REPORTS, encodeState, parseState } from '../protocol/state-envelope.ts';
import type { Topics } from '../protocol/topics.ts';
import { hashSchema } from '../schema/load-schema.ts';
import type { DeviceCodec } from './codec.ts';
import { openConnection } from './connection.ts';
import type { Connection } from './connection.ts';
import type { DeviceEvent } from './events.ts';
import type { LocalTwin } from './local-twin.ts';
import type { DeviceOptions } from './options.ts';
import type { Outbox } from './outbox.ts';

/** What outlives a session. */
export interface SessionContext {
  readonly options: DeviceOptions;
  readonly clock: Clock;
  readonly topics: Topics;
  readonly codec: DeviceCodec;
  readonly twin: LocalTwin;
  readonly outbox: Outbox;
  readonly tell: (event: DeviceEvent) => void;
}

export interface SessionWatcher {
  /** The birth is confirmed, and reports go out. */
  onReporting(): void;
  /** Called before anything else hears of the end. */
  onEnded(): void;
}

/** One connection of a device: its birth, its reports and heartbeats, what it hears, its goodbye. */
export class LiveSession {
  readonly id = randomUUID();
  readonly #context: SessionContext;
  readonly #watcher: SessionWatcher;
  readonly #ended = new AbortController();
  #connection: Connection | undefined;
  /** Names that the last birth listed. */
  #announced: ReadonlySet<string> = new Set();
  #hasBirth = false;
  #hasAnswered = false;

  constructor(context: SessionContext, watcher: SessionWatcher) {
    this.#context = context;
    this.#watcher = watcher;
  }

  /** The broker takes what is published, also before it has confirmed the birth. */
  get isConnected(): boolean {
    return this.#connection !== undefined && !this.hasEnded;
  }

  get hasBirth(): boolean {
    return this.#hasBirth && !this.hasEnded;
  }

  get hasEnded(): boolean {
    return this.#ended.signal.aborted;
  }

  /** CONNECT to disconnect; answers why it ended. */
  async run(signal: AbortSignal): Promise<string> {
    const { options, topics, twin, outbox } = this.#context;
    const { deviceId, broker } = options;
    try {
      const connection = await openConnection({
        broker,
        clientId: broker.clientId ?? deviceId,
        will: {
          topic: topics.state(deviceId),
          payload: encodeState({ online: false, session: this.id, will: true }),
        },
        filters: [topics.desired(deviceId), topics.get(deviceId), topics.state(deviceId)],
        onMessage: (topic, payload, isRetained) => this.#receive(topic, payload, isRetained),
        signal,
      });
      this.#connection = connection;
      const lost = await Promise.race([this.#giveBirth(connection), connection.closed]);
      if (lost !== undefined) return lost;
      this.#beginReporting(connection);
      return await connection.closed;
    } catch (error) {
      return messageOf(error);
    } finally {
      this.#ended.abort();
      this.#watcher.onEnded();
      this.#connection?.destroy();
      twin.isOnline = false;
      outbox.detach();
    }
  }

  /** Says again what the birth said, and what is new in it. */
  async repeatBirth(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || !this.#hasBirth) return;
    // One that fails is made good by the birth of the next connection.
    await this.#giveBirth(connection).catch((error: unknown) => this.#tellFailure('birth', error));
  }

  reportAll(): void {
    const { outbox, twin, options } = this.#context;
    outbox.addSpread(twin.names, options.broker.reconnect?.reportSpreadMs ?? 1000);
  }

  /** The last word; `asleep`: for so many seconds the twin stays online. */
  async sayGoodbye(more: { readonly asleep?: number }): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    await this.#publishState(connection, { online: false, session: this.id, will: false, ...more });
    await connection.end();
  }

  /** Ends it without a word. */
  destroy(): void {
    this.#connection?.destroy();
  }

  async #giveBirth(connection: Connection): Promise<void> {
    const { twin, codec, options } = this.#context;
    const { names, newest } = twin;
    const { schema } = options;
    // Before the answer is there: what is sent from now on follows this birth on the same connection.
    this.#announced = names;
    await this.#publishState(connection, {
      online: true,
      session: this.id,
      ...(newest !== undefined && { uid: newest.uid, revision: newest.revision }),
      // More than a birth may name: the twin then forgets nothing.
      ...(names.size <= DEFAULT_MAX_REPORTS && { reports: [...names] }),
      heartbeat: this.#heartbeatSeconds,
      encoding: codec.encoding,
      ...(schema !== undefined && { schema: hashSchema(schema.descriptorSet) }),
      maxBytes: this.#maxBytes,
      sdk: SDK,
    });
    this.#hasBirth = true;
    twin.isOnline = true;
  }

  #beginReporting(connection: Connection): void {
    const { outbox, tell } = this.#context;
    this.reportAll();
    outbox.attach((message) => this.#sendReport(connection, message));
    void this.#beat(connection);
    this.#watcher.onReporting();
    tell({ kind: 'online', session: this.id });
  }

  async #beat(connection: Connection): Promise<void> {
    if (this.#heartbeatSeconds === 0) return;
    const { clock, topics, options } = this.#context;
    const topic = topics.heartbeat(options.deviceId);
    for (;;) {
      await delay(clock, this.#heartbeatSeconds * 1000, this.#ended.signal);
      if (this.hasEnded) return;
      // Not waited for: QoS 0 has no answer, and a connection that is gone shows itself on its own.
      connection.publish(topic, '', { qos: 0, retain: false }).catch(() => {});
    }
  }

  async #sendReport(connection: Connection, message: string): Promise<void> {
    const { twin, topics, codec, options } = this.#context;
    const envelope = twin.envelopeOf(message);
    if (envelope === undefined) return;
    // The twin drops what the birth does not name.
    if (!this.#announced.has(message)) await this.#giveBirth(connection);
    const topic = topics.reported(options.deviceId, message);
    try {
      await connection.publish(topic, codec.encodeReported(message, envelope), { qos: 1, retain: true });
    } catch (error) {
      this.#tellFailure(`report of ${message}`, error);
      throw error;
    }
  }

  #receive(topic: string, payload: Buffer, isRetained: boolean): void {
    const kind = this.#context.topics.parse(topic)?.kind;
    if (kind === 'desired') this.#receiveDesired(payload);
    else if (kind === 'get' && !isRetained) this.#receiveGet(payload.toString('utf8'));
    else if (kind === 'state' && !isRetained) this.#receiveState(payload);
  }

  #receiveDesired(payload: Buffer): void {
    const { twin, codec, tell } = this.#context;
    if (payload.length === 0) {
      twin.cutOff();
      return;
    }
    const document = codec.parseDesired(payload, { ...DEFAULT_PROTOCOL_LIMITS, maxPayloadBytes: this.#maxBytes });
    if (document.ok) twin.take(document.value);
    else tell({ kind: 'failed', what: 'desired document', reason: `${document.reason}: ${document.message}` });
  }

  #receiveGet(payload: string): void {
    if (payload === 'reported') this.reportAll();
    if (payload === 'schema') void this.#sendSchema();
    if (payload === 'state') void this.repeatBirth();
  }

  async #sendSchema(): Promise<void> {
    const { topics, options } = this.#context;
    const connection = this.#connection;
    if (connection === undefined || options.schema === undefined) return;
    const bytes = Buffer.from(options.schema.descriptorSet);
    await connection
      .publish(topics.schema(options.deviceId), bytes, { qos: 1, retain: false })
      .catch((error: unknown) => this.#tellFailure('schema', error));
  }

  #receiveState(payload: Buffer): void {
    const state = parseState(payload, { ...DEFAULT_PROTOCOL_LIMITS, maxReports: DEFAULT_MAX_REPORTS });
    if (!state.ok || state.value.session === this.id) return;
    if (state.value.online) this.#context.tell({ kind: 'duplicate', session: state.value.session });
    else if (this.#connection !== undefined && !this.#hasAnswered) this.#answerForeignFarewell();
  }

  /** Once a session, and later than at once: two processes that answer each other would never end. */
  #answerForeignFarewell(): void {
    this.#hasAnswered = true;
    const cancel = this.#context.clock.after(1000 + Math.random() * 4000, () => void this.repeatBirth());
    this.#ended.signal.addEventListener('abort', cancel, { once: true });
  }

  #publishState(connection: Connection, state: StateEnvelope): Promise<void> {
    const topic = this.#context.topics.state(this.#context.options.deviceId);
    return connection.publish(topic, encodeState(state), { qos: 1, retain: true });
  }

  get #heartbeatSeconds(): number {
    return this.#context.options.announce?.heartbeatSeconds ?? 10;
  }

  get #maxBytes(): number {
    return this.#context.options.announce?.maxBytes ?? DEFAULT_PROTOCOL_LIMITS.maxPayloadBytes;
  }

  /** What fails because the connection ended needs no word of its own. */
  #tellFailure(what: string, error: unknown): void {
    if (!this.hasEnded) this.#context.tell({ kind: 'failed', what, reason: messageOf(error) });
  }
}

const SDK = 'mir-typescript/0.1';
