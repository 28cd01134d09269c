import { Socket } from 'node:net';
import { connect } from 'mqtt';
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import { brokerAddress } from '../base/broker-url.ts';
import { messageOf } from '../base/message-of.ts';
import { PublishWindow } from '../base/publish-window.ts';
import { describeConnectFailure } from './connect-failure.ts';
import type { BrokerOptions, DeviceCredentials, TlsOptions } from './options.ts';

export interface ConnectionOptions {
  readonly broker: BrokerOptions;
  readonly clientId: string;
  readonly will: { readonly topic: string; readonly payload: string };
  readonly filters: readonly string[];
  onMessage(topic: string, payload: Buffer, isRetained: boolean): void;
  readonly signal: AbortSignal;
}

/** One connection from CONNECT to its end; it never reconnects, because every connection needs a last will of its own. */
export interface Connection {
  publish(
    topic: string,
    payload: string | Buffer,
    options: { readonly qos: 0 | 1; readonly retain: boolean },
  ): Promise<void>;
  /** Resolves, with the reason, when the connection is gone. */
  readonly closed: Promise<string>;
  /** DISCONNECT: the broker forgets the last will. */
  end(): Promise<void>;
  /** Closes the socket without a word: the broker publishes the last will. */
  destroy(): void;
}

/** Connects and subscribes; resolves after SUBACK. Rejects with the broker's or the network's reason. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { broker } = options;
  const client = open(clientOptions(options, await readCredentials(broker)), broker.url);
  const closed = watchClose(client, broker.url);
  client.on('message', (topic, payload, packet) => options.onMessage(topic, payload, packet.retain));
  const abort = (): void => void client.end(true);
  options.signal.addEventListener('abort', abort, { once: true });
  void closed.then(() => options.signal.removeEventListener('abort', abort));
  if (options.signal.aborted) abort();

  const failed = closed.then((reason): never => {
    throw new Error(reason);
  });
  let window: PublishWindow;
  try {
    const connack = await Promise.race([
      new Promise<IConnackPacket>((resolve) => client.once('connect', resolve)),
      failed,
    ]);
    // What waits is bounded by the device's messages already: each is sent once at a time.
    window = new PublishWindow(connack.properties?.receiveMaximum ?? 65_535, MAX_WAITING);
    // With Nagle's algorithm every answer waits for the other side's delayed ACK, about 40 ms.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    await Promise.race([subscribe(client, options.filters), failed]);
  } catch (error) {
    client.end(true);
    throw error;
  }
  void closed.then((reason) => window.close(new Error(reason)));
  failed.catch(() => {});
  return {
    closed,
    publish: async (topic, payload, { qos, retain }) => {
      if (qos === 0) await client.publishAsync(topic, payload, { qos, retain });
      else
        await window.run((done) =>
          client.publish(topic, payload, { qos, retain }, (error) => done(error ?? undefined)),
        );
    },
    end: () => client.endAsync(),
    destroy: () => void client.stream.destroy(),
  };
}

/** Throws at once where OpenSSL cannot use the certificates. */
function open(options: IClientOptions, url: string): MqttClient {
  try {
    return connect(options);
  } catch (cause) {
    throw new Error(describeConnectFailure(cause, url), { cause });
  }
}

async function readCredentials(broker: BrokerOptions): Promise<DeviceCredentials> {
  if (broker.credentials === undefined) return broker;
  try {
    return await broker.credentials();
  } catch (cause) {
    throw new Error(`no credentials for the broker: ${messageOf(cause)}; check what broker.credentials reads`, {
      cause,
    });
  }
}

function clientOptions({ broker, clientId, will }: ConnectionOptions, credentials: DeviceCredentials): IClientOptions {
  const { password, tls } = credentials;
  const username = credentials.username ?? (password === undefined ? undefined : clientId);
  return {
    ...brokerAddress(broker.url),
    protocolVersion: broker.protocolVersion ?? 5,
    clientId,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
    keepalive: broker.keepaliveSeconds ?? 30,
    resubscribe: false,
    queueQoSZero: false,
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...pemOptions(tls),
  };
}

/** As MQTT.js and `node:tls` take them. */
export function pemOptions({ ca, cert, key }: TlsOptions = {}): Pick<IClientOptions, 'ca' | 'cert' | 'key'> {
  const pem = (given: string | Uint8Array): string | Buffer => (typeof given === 'string' ? given : Buffer.from(given));
  return {
    ...(ca !== undefined && { ca: pem(ca) }),
    ...(cert !== undefined && { cert: pem(cert) }),
    ...(key !== undefined && { key: pem(key) }),
  };
}

function watchClose(client: MqttClient, url: string): Promise<string> {
  return new Promise((resolve) => {
    // A refused CONNECT is an error without a close: MQTT.js leaves the socket to the broker.
    client.on('error', (error) => {
      resolve(describeConnectFailure(error, url));
      client.end(true);
    });
    client.on('disconnect', ({ reasonCode }) => resolve(describeConnectFailure({ code: reasonCode ?? 0 }, url)));
    client.on('close', () => {
      resolve(describeConnectFailure(undefined, url));
      client.end(true);
    });
  });
}

const MAX_WAITING = 1000;

async function subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
  const granted = await client.subscribeAsync([...filters], { qos: 1 });
  const refused = granted.find(({ qos }) => qos >= 0x80);
  if (refused !== undefined) {
    throw new Error(`the broker refused the subscription to ${refused.topic}; check the access rules of this device`);
  }
}
