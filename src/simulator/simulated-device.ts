import { delay, systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { assembleDevice } from '../sdk/device.ts';
import type { DeviceParts } from '../sdk/device.ts';
import { Rejected, describeEvent as describe, memoryStore } from '../sdk/index.ts';
import type { Applied, Device, DeviceEvent, DeviceOptions, MessageValue } from '../sdk/index.ts';

export interface SimulatedDeviceOptions {
  readonly device: DeviceOptions;
  readonly parts?: DeviceParts;
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
  readonly effectOf?: (message: string, value: MessageValue) => MessageValue;
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
  return new DeviceOfModel(options);
}

class DeviceOfModel implements SimulatedDevice {
  readonly deviceId: string;
  readonly applied: AppliedValue[] = [];
  readonly #options: SimulatedDeviceOptions;
  readonly #clock: Clock;
  readonly #store: NonNullable<DeviceOptions['store']>;
  readonly #reported: Map<string, MessageValue>;
  #rejects: SimulatedDeviceOptions['rejects'];
  #device: Device | undefined;
  /** The one that left last, which may still be saying goodbye. */
  #leaving: Device | undefined;

  constructor(options: SimulatedDeviceOptions) {
    this.#options = options;
    this.#clock = options.parts?.clock ?? systemClock;
    this.deviceId = options.device.deviceId;
    this.#store = options.device.store ?? memoryStore();
    this.#reported = new Map(Object.entries(options.initialReports ?? {}));
    this.#rejects = options.rejects;
  }

  get isOnline(): boolean {
    return this.#device?.isOnline === true;
  }

  async start(): Promise<void> {
    if (this.#device !== undefined) return;
    const device = assembleDevice({ ...this.#options.device, store: this.#store }, this.#options.parts);
    this.#device = device;
    for (const message of this.#options.applies)
      device.onDesired(message, (value, { revision, signal }) => this.#apply({ message, revision, value }, signal));
    for (const [message, value] of Object.entries(this.#options.initialReports ?? {})) device.report(message, value);
    await device.connect();
  }

  async #apply(desired: AppliedValue, signal: AbortSignal): Promise<Applied> {
    const { message, value } = desired;
    const delayMs = delayOf(this.#options.applyDelayMs, message);
    if (delayMs > 0) await delay(this.#clock, delayMs, signal);
    const reason = this.#rejects?.(message, value);
    if (reason !== undefined) throw new Rejected(reason);
    const inEffect = this.#options.effectOf?.(message, value) ?? value;
    if (!signal.aborted) {
      this.applied.push(desired);
      if (this.applied.length > MAX_APPLIED) this.applied.shift();
      this.#reported.set(message, inEffect);
    }
    return { value: inEffect, done: this.#options.oneShot?.includes(message) === true };
  }

  report(message: string, value: MessageValue): void {
    this.#reported.set(message, value);
    this.#device?.report(message, value);
  }

  drift(message: string, fields: MessageValue): void {
    this.report(message, { ...this.#reported.get(message), ...fields });
  }

  reject(reasonFor: SimulatedDeviceOptions['rejects']): void {
    this.#rejects = reasonFor;
  }

  async goOffline(): Promise<void> {
    await this.#stop({});
  }

  async sleep(seconds: number): Promise<void> {
    await this.#stop({ asleepSeconds: seconds });
  }

  async #stop(goodbye: { readonly asleepSeconds?: number }): Promise<void> {
    this.#leaving = this.#device;
    this.#device = undefined;
    await this.#leaving?.close(goodbye);
  }

  die(): void {
    this.#leaving?.destroy();
    this.#device?.destroy();
    this.#device = undefined;
  }
}

const MAX_APPLIED = 1000;

/** An event of a device as a line for people. */
export function describeEvent(deviceId: string, event: DeviceEvent): string {
  return `${deviceId}: ${describe(event)}`;
}
