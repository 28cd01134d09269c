import type { DeviceKey } from '../api/device.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { WriteClass } from './write-class.ts';

/**
 * How flows ask for what others do: by a key on a queue, or a publish that nobody waits for; never by a call. A device that causes long looks
 * at its twin has to rest before the next one; what people change never waits for that.
 */
export interface Wake {
  /** The document of a device id is to be compared with the broker's copy, at once or after `afterMs`. */
  desired(deviceId: string, afterMs?: number): void;
  /** The same because of what somebody did in the cluster: without a rest. */
  changed(deviceId: string, afterMs?: number): void;
  /** The status of the owner of a device id is to be computed again, at once or after `afterMs`; the class decides how long it may wait in line. */
  status(memory: DeviceMemory, writeClass: WriteClass, afterMs?: number): void;
  /** The status of one object is to be computed again, whether it owns its device id or not: without a rest. */
  object(key: DeviceKey, writeClass: WriteClass): void;
  /** The retained state of a device id is to be read from the broker. */
  page(deviceId: string): void;
  /** The object of a schema is to be looked at. */
  schema(name: string): void;
  /** A device is to send something again. No failure: whoever asks asks again when nothing comes. */
  ask(deviceId: string, what: 'reported' | 'schema' | 'state'): void;
  /** A stored report is of a message that the device does not report any more, and is to be cleared. */
  clear(memory: DeviceMemory, message: string): void;
}
