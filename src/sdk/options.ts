import type { Encoding } from '../protocol/envelopes.ts';
import type { DeviceEvent } from './events.ts';
import type { AnyMessages, MessageParser } from './messages.ts';
import type { DeviceStore } from './store.ts';

/** What a device is, and how it reaches its broker. `Messages`: message name → its value. */
export interface DeviceOptions<Messages extends object = AnyMessages> {
  /** Unique in the whole system: letters, digits, `-`, `_` and `:`, at most 128. */
  readonly deviceId: string;
  readonly broker: BrokerOptions;
  /** Path of the file in which the device keeps its twin, or a store. Default: memory, which forgets at a restart. */
  readonly store?: string | DeviceStore;
  /** Message name → what checks its desired values: any Standard Schema, zod among them. What it says becomes the rejection. */
  readonly messages?: { readonly [Name in keyof Messages]?: MessageParser<unknown, Messages[Name]> };
  /** Its messages as protobuf; default none, and then everything is plain JSON. */
  readonly schema?: SchemaOptions;
  readonly announce?: AnnounceOptions<NoInfer<keyof Messages & string>>;
  /** Told what happens, for logs; must not throw. Default: failures and a duplicate are warnings of the process. */
  readonly onEvent?: (event: DeviceEvent) => void;
}

/** What a device shows of itself, and whom it trusts. */
export interface DeviceCredentials {
  /** Default, where there is a password: the client id. */
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
}

/** How to reach the broker. */
export interface BrokerOptions extends DeviceCredentials {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  /**
   * Asked at every connect, and used instead of the fixed values: passwords and certificates are then renewed without a restart.
   * When it throws or rejects, that is told, and it is asked again at the next attempt.
   */
  readonly credentials?: () => DeviceCredentials | Promise<DeviceCredentials>;
  /** MQTT client id; default the device id. */
  readonly clientId?: string;
  /** Default 5; 4 is MQTT 3.1.1. */
  readonly protocolVersion?: 4 | 5;
  /** Seconds of the MQTT keep-alive, after 1.5 times of which a broker sends the last will. Default 30. */
  readonly keepaliveSeconds?: number;
  /** Two topic levels; default `mir/v1alpha`. */
  readonly prefix?: string;
  readonly reconnect?: ReconnectOptions;
}

/** Each in PEM. */
export interface TlsOptions {
  /** Authorities of the broker's certificate; default those of Node. */
  readonly ca?: string | Uint8Array;
  /** The device's own certificate. */
  readonly cert?: string | Uint8Array;
  /** Its private key. */
  readonly key?: string | Uint8Array;
}

/** A fleet whose broker comes back should not come back all at once. */
export interface ReconnectOptions {
  /** A reconnect waits a random time up to this; default 1000. Doubled at every failure. */
  readonly baseMs?: number;
  /** It waits no longer than this; default 30000. */
  readonly maxMs?: number;
  /** After a connect, known reports are sent again spread over this time; default 1000. */
  readonly reportSpreadMs?: number;
}

export interface SchemaOptions {
  /** A serialized `google.protobuf.FileDescriptorSet`: `compileProtoFiles` makes one, `protoc --include_imports` too. */
  readonly descriptorSet: Uint8Array;
  /** How desired documents and reports are written; default `json`. */
  readonly encoding?: Encoding;
}

/** What the birth says of the device. */
export interface AnnounceOptions<Name extends string = string> {
  /** Seconds between heartbeats; default 10, 0 for none. */
  readonly heartbeatSeconds?: number;
  /** Largest desired document in bytes that the device takes; default 16384. */
  readonly maxBytes?: number;
  /** Names of messages that will be reported, so that the twin keeps them while nothing was reported since the start. */
  readonly reports?: readonly Name[];
}
