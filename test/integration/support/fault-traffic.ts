/** The stream under which faults happen: people change what devices should be, devices report what they are. */
import { ApiError, TransportError } from '../../../src/kube/errors.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import type { FaultDevice } from './fault-device.ts';

/** Milliseconds between two changes, and between two reports, of the whole fleet. */
const STEP_MS = 80;

export class Traffic {
  readonly #kube: KubeClient;
  readonly #devices: readonly FaultDevice[];
  #number = 0;
  #running: Promise<void> | undefined;
  #isStopping = false;

  constructor(kube: KubeClient, devices: readonly FaultDevice[]) {
    this.#kube = kube;
    this.#devices = devices;
  }

  start(): void {
    this.#isStopping = false;
    this.#running = this.#run();
  }

  /** Resolves when the last change has been answered. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    this.#running = undefined;
  }

  /** Two changes and a report of every device, one after the other. */
  async once(): Promise<void> {
    for (let step = 0; step < this.#devices.length * 2; step += 1) await this.#step();
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.#step();
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  }

  async #step(): Promise<void> {
    const at = this.#number;
    this.#number += 1;
    // Each device gets an even and an odd number in turn: both of its messages change.
    const device = this.#devices[Math.floor(at / 2) % this.#devices.length];
    if (device === undefined) return;
    device.report(at);
    await device.want(this.#kube, at + 2).catch(unlessServerIsAway);
  }
}

/** A person whose command fails tries again later; whether this one got through, only the API server knows. */
function unlessServerIsAway(error: unknown): void {
  const isAway =
    error instanceof TransportError || (error instanceof ApiError && [429, 500, 503, 504].includes(error.status));
  if (!isAway) throw error;
}
