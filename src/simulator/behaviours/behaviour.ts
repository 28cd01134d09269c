import type { Clock } from '../../base/clock.ts';
import type { Random } from '../random.ts';
import type { SimulatedDevice, SimulatedDeviceOptions } from '../simulated-device.ts';

/**
 * One thing that a device does, or that happens to it: the only concept of which groups are made. Several of them on one device do not
 * know of each other.
 */
export interface Behaviour {
  /** Changes what the device is made of (its store, codec, clock or way to the broker), before its first start. */
  equip?(body: SimulatedDeviceOptions): SimulatedDeviceOptions | Promise<SimulatedDeviceOptions>;
  /** What it does from its first start on; resolves when it has nothing more to do, and soon after `signal` aborts. */
  live?(device: SimulatedDevice, signal: AbortSignal): Promise<void>;
  /** Ends what `equip` and `live` have opened; `isAbrupt`: at once, without a goodbye to anybody. */
  close?(isAbrupt: boolean): Promise<void> | void;
}

/** What a behaviour of one device is given in addition to its settings. */
export interface Surroundings {
  readonly deviceId: string;
  /** The device's number in its group, from 1. */
  readonly n: number;
  /** A sequence of this behaviour of this device. */
  readonly random: Random;
  readonly clock: Clock;
  /** Milliseconds since the fleet was started. */
  readonly elapsedMs: () => number;
  /** Counts a fault that was committed, or another thing that happened because of this behaviour. */
  readonly count: () => void;
}
