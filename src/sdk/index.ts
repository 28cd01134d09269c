/** The device's side of the protocol, for programs that are devices. Knows nothing of Kubernetes. */
export { compileProtoFiles } from '../schema/proto-files.ts';
export type { CompileOptions } from '../schema/proto-files.ts';
export { createDevice } from './device.ts';
export type { Device } from './device.ts';
export { describeEvent } from './events.ts';
export type { DeviceEvent } from './events.ts';
export { Rejected } from './handlers.ts';
export type { Applied, DesiredContext, DesiredHandler, WithdrawnHandler } from './handlers.ts';
export { unchecked } from './messages.ts';
export type { AnyMessages, MessageParser, MessageParsers, Parsed, Unparsed } from './messages.ts';
export type {
  AnnounceOptions,
  BrokerOptions,
  DeviceCredentials,
  DeviceOptions,
  ReconnectOptions,
  SchemaOptions,
  TlsOptions,
} from './options.ts';
export { sqliteStore } from './sqlite-store.ts';
export type { SqliteStoreOptions } from './sqlite-store.ts';
export { memoryStore } from './store.ts';
export type { DeviceStore, Entries, MessageValue, Reports, StoreChange, StoreContent, StoredEntry } from './store.ts';
