/** The device's side of the protocol, for programs that are devices. Knows nothing of Kubernetes. */
export { createDevice } from './device.ts';
export type { Device, DeviceOptions } from './device.ts';
export type { DeviceEvent } from './events.ts';
export { fileStore } from './file-store.ts';
export type { DesiredContext, DesiredHandler, HandlerResult } from './handlers.ts';
export type { ConnectionOptions } from './session.ts';
export { memoryStore } from './store.ts';
export type { DeviceStore, Entries, MessageValue, StoredEntry } from './store.ts';
