import { Socket } from 'node:net';
import type { IConnackPacket, MqttClient } from 'mqtt';
import { connect } from 'mqtt';
import { BrokerError } from '../broker/broker.ts';
import type { BrokerFindings, IncomingMessage, OversizedMessage } from '../broker/broker.ts';
import { describeFailure } from './failure.ts';
import type { BrokerCredentials, BrokerOptions } from './options.ts';
import { clientOptions } from './options.ts';
import { PublishReader, readIncoming } from './publish-reader.ts';
import type { PublishHandlers } from './publish-reader.ts';
import type { SessionDeps } from './session.ts';
import { Session } from './session.ts';

export interface LinkHandlers {
  readonly receive: (message: IncomingMessage) => void;
  /** Told of what is too large to be received; true: it is to be taken out of the broker's store. */
  readonly isUnwanted: (message: OversizedMessage) => boolean;
  readonly onFindings: (findings: BrokerFindings) => void;
}

/** One network connection, from CONNECT to the end of its socket; it never reconnects. */
export class Link {
  /** Resolves once, when the socket is closed, with what ended it: an error, `{code}` of a DISCONNECT, or undefined. */
  readonly closed: Promise<unknown>;
  readonly #client: MqttClient;
  readonly #options: BrokerOptions;
  readonly #deps: SessionDeps;
  readonly #onFindings: LinkHandlers['onFindings'];
  #cause: unknown;
  #session: Session | undefined;

  constructor(options: BrokerOptions, credentials: BrokerCredentials, deps: SessionDeps, handlers: LinkHandlers) {
    this.#onFindings = handlers.onFindings;
    this.#options = options;
    this.#deps = deps;
    const client = connect(clientOptions(options, deps.tuning, credentials));
    this.#client = client;
    onStream(client, (stream) => {
      const { protocolVersion = 5 } = options;
      const reader = new PublishReader(
        protocolVersion,
        deps.tuning.maxPacketBytes,
        this.#publishHandlers(handlers, stream),
      );
      reader.on('error', (error) => {
        // MQTT.js tells errors of a stream only when they have a code.
        this.#blame(error);
        stream.destroy(error);
      });
      readIncoming(stream, reader);
    });
    client.connect();
    const batch = batchWrites(client);
    client.on('packetreceive', batch);
    client.on('packetsend', batch);
    // Nagle's algorithm against the broker's delayed ACK costs 40 ms a message; what belongs together is corked above.
    client.once('connect', () => {
      if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    });
    client.on('error', (error) => this.#blame(error));
    client.on('disconnect', ({ reasonCode }) => this.#blame({ code: reasonCode }));
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#session?.close(new BrokerError('transient', describeFailure(this.#cause, deps.name)));
        resolve(this.#cause);
      });
    });
  }

  #publishHandlers({ receive, isUnwanted }: LinkHandlers, stream: MqttClient['stream']): PublishHandlers {
    return {
      onMessage: (message) => {
        if (this.#session?.takes(message) === true) return;
        if (message.retained) this.#session?.note(message.topic);
        receive(message);
      },
      onOversized: (message) => {
        if (message.retained) this.#session?.note(message.topic);
        if (isUnwanted(message) && message.retained) this.#clear(message.topic);
      },
      // What is too large too, or it would take a place among what is in flight for as long as the connection lasts.
      acknowledge: (pubacks) => stream.write(pubacks),
    };
  }

  /** CONNACK and all live subscriptions within the connect timeout; rejects, and `closed` follows, when anything is missing. */
  async open(): Promise<Session> {
    const { clock, tuning } = this.#deps;
    const stopTimer = clock.after(tuning.connectTimeoutMs, () => this.#fail({ code: 'ETIMEDOUT' }));
    try {
      const session = new Session(this.#client, await this.#connack(), this.#options, this.#deps, (error) =>
        this.#fail(error),
      );
      this.#session = session;
      void session.probe(this.#onFindings);
      await session.subscribeLive();
      return session;
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      stopTimer();
    }
  }

  /** Says DISCONNECT, and closes the socket a moment later whether or not the broker took notice. */
  end(): void {
    this.#session?.sayGoodbye();
    this.#session?.close(
      new BrokerError('transient', `the connection to broker ${this.#deps.name.url} is being closed`),
    );
    this.#client.end(false);
    this.#deps.clock.after(FAREWELL_MS, () => this.#client.stream.destroy());
  }

  #connack(): Promise<IConnackPacket> {
    return new Promise((resolve, reject) => {
      this.#client.once('connect', resolve);
      void this.closed.then((cause) => reject(cause));
    });
  }

  /** What is not cleared now is met again, and cleared, with the next page. */
  #clear(topic: string): void {
    this.#session?.publish(topic, '', { retain: true, qos: 1 }).catch(() => undefined);
  }

  #fail(cause: unknown): void {
    this.#blame(cause);
    this.#client.end(true);
  }

  /** The first cause is the true one; what follows is its consequence. */
  #blame(cause: unknown): void {
    this.#cause ??= cause;
  }
}

const FAREWELL_MS = 500;

/** MQTT.js makes its stream and pipes it into its parser in one go: `prepare` gets it in between. */
function onStream(client: MqttClient, prepare: (stream: MqttClient['stream']) => void): void {
  let { stream } = client;
  Object.defineProperty(client, 'stream', {
    get: () => stream,
    set: (fresh: MqttClient['stream']) => {
      stream = fresh;
      prepare(fresh);
    },
  });
}

/** What is written in one turn of the event loop leaves in one write: a system call for every packet costs a fifth of the CPU. */
function batchWrites(client: MqttClient): () => void {
  let corked = false;
  return () => {
    if (corked) return;
    corked = true;
    const { stream } = client;
    stream.cork();
    setImmediate(() => {
      corked = false;
      stream.uncork();
    });
  };
}
