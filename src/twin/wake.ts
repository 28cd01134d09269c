import type { BadInputReason } from '../api/bad-input.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { WriteClass } from './write-class.ts';

/** How flows ask for what others do: by a key on a queue, or a publish that nobody waits for; never by a call. */
export interface Wake {
  /** The document of a device id is to be compared with the broker's copy, at once or after `afterMs`. */
  desired(deviceId: string, afterMs?: number): void;
  /** The status of the owner of a device id is to be computed again, at once or after `afterMs`; the class decides how long it may wait in line. */
  status(memory: DeviceMemory, writeClass: WriteClass, afterMs?: number): void;
  /** The retained state of a device id is to be read from the broker. */
  page(deviceId: string): void;
  /** A device is to send something again. No failure: whoever asks asks again when nothing comes. */
  ask(deviceId: string, what: 'reported' | 'schema' | 'state'): void;
  /** A stored report is of a message that the device does not report any more, and is to be cleared. */
  clear(memory: DeviceMemory, message: string): void;
}

/** Something arrived that was not taken. `memory` is absent where no object has the device id. */
export type BadInputSink = (reason: BadInputReason, message: string, memory?: DeviceMemory) => void;
