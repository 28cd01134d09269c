import { delay, systemClock } from '../base/clock.ts';
import { assembleDevice } from '../sdk/device.ts';
import type { DeviceParts } from '../sdk/device.ts';
import { Rejected, describeEvent as describe, memoryStore } from '../sdk/index.ts';
import type { Applied, Device, DeviceEvent, DeviceOptions, MessageValue } from '../sdk/index.ts';

export interface SimulatedDeviceOptions extends DeviceParts {
  readonly device: DeviceOptions;
  /** Messages it understands: each desired value is applied as it is. */
  readonly applies: readonly string[];
  /** Of these, what is carried out once and not again after a restart. */
  readonly oneShot?: readonly string[];
  /** What it reports from the start, and again whenever it comes back. */
  readonly initialReports?: Readonly<Record<string, MessageValue>>;
  /** Milliseconds between taking a value and having applied it; default 0. */
  readonly applyDelayMs?: number | ((message: string) => number);
  /** The reason to reject a value, or undefined to apply it. */
  readonly rejects?: (message: string, value: MessageValue) => string | undefined;
  /** What is in effect when a value has been applied; default: the value. */
  readonly settles?: (message: string, value: MessageValue) => MessageValue;
}

export function delayOf(delayMs: SimulatedDeviceOptions['applyDelayMs'], message: string): number {
  return typeof delayMs === 'function' ? delayMs(message) : (delayMs ?? 0);
}

/** A device that plays its part, and can be made to misbehave. Its store outlives `goOffline` and `die`, as a disk does. */
export interface SimulatedDevice {
  readonly deviceId: string;
  readonly isOnline: boolean;
  /** Every value that it applied, oldest first; the last 1000 are kept. */
  readonly applied: readonly AppliedValue[];
  /** Connects, or connects again after `goOffline`, `sleep` or `die`; does nothing while it runs. */
  start(): Promise<void>;
  report(message: string, value: MessageValue): void;
  /** Changes what it does to `fields` of a message without being asked, and reports that. */
  drift(message: string, fields: MessageValue): void;
  /** Rejects from now on what `reasonFor` gives a reason for; undefined: applies everything again. */
  reject(reasonFor: SimulatedDeviceOptions['rejects']): void;
  /** Says goodbye. */
  goOffline(): Promise<void>;
  /** Says goodbye for `seconds`, and stays away until `start`. */
  sleep(seconds: number): Promise<void>;
  /** Loses its socket and everything in memory without a word. */
  die(): void;
}

interface AppliedValue {
  readonly message: string;
  readonly revision: number;
  readonly value: MessageValue;
}

export function createSimulatedDevice(options: SimulatedDeviceOptions): SimulatedDevice {
  const clock = options.clock ?? systemClock;
  const { deviceId, store = memoryStore() } = options.device;
  const applied: AppliedValue[] = [];
  const reported = new Map<string, MessageValue>(Object.entries(options.initialReports ?? {}));
  let rejects = options.rejects;
  let device: Device | undefined;
  /** The one that left last, which may still be saying goodbye. */
  let leaving: Device | undefined;

  const apply = async (
    message: string,
    value: MessageValue,
    revision: number,
    signal: AbortSignal,
  ): Promise<Applied> => {
    const delayMs = delayOf(options.applyDelayMs, message);
    if (delayMs > 0) await delay(clock, delayMs, signal);
    const reason = rejects?.(message, value);
    if (reason !== undefined) throw new Rejected(reason);
    const inEffect = options.settles?.(message, value) ?? value;
    if (!signal.aborted) {
      applied.push({ message, revision, value });
      if (applied.length > MAX_APPLIED) applied.shift();
      reported.set(message, inEffect);
    }
    return { value: inEffect, done: options.oneShot?.includes(message) === true };
  };

  const stop = async (asleepSeconds?: number): Promise<void> => {
    leaving = device;
    device = undefined;
    await leaving?.close(asleepSeconds === undefined ? {} : { asleepSeconds });
  };

  return {
    deviceId,
    applied,
    get isOnline() {
      return device?.isOnline === true;
    },
    async start() {
      if (device !== undefined) return;
      const starting = assembleDevice({ ...options.device, store }, options);
      device = starting;
      for (const message of options.applies) {
        starting.onDesired(message, (value, { revision, signal }) => apply(message, value, revision, signal));
      }
      for (const [message, value] of Object.entries(options.initialReports ?? {})) starting.report(message, value);
      await starting.connect();
    },
    report(message, value) {
      reported.set(message, value);
      device?.report(message, value);
    },
    drift(message, fields) {
      this.report(message, { ...reported.get(message), ...fields });
    },
    reject(reasonFor) {
      rejects = reasonFor;
    },
    goOffline: () => stop(),
    sleep: (seconds) => stop(seconds),
    die() {
      leaving?.destroy();
      device?.destroy();
      device = undefined;
    },
  };
}

const MAX_APPLIED = 1000;

/** An event of a device as a line for people. */
export function describeEvent(deviceId: string, event: DeviceEvent): string {
  return `${deviceId}: ${describe(event)}`;
}
