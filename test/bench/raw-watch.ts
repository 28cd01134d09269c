/** A watch that does nothing but say when: what a latency is held against. */
import type { Device } from '../../src/api/device.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { DEVICES } from './rig.ts';
import { within } from './within.ts';

export interface Seen {
  readonly device: Device;
  /** `performance.now()` when the event was read. */
  readonly at: number;
}

interface Waiter {
  readonly name: string;
  readonly matches: (device: Device) => boolean;
  readonly resolve: (seen: Seen) => void;
}

/** Watches the devices of all namespaces from now on, until `signal` aborts. */
export class RawWatch {
  readonly #waiters = new Set<Waiter>();
  /** The newest event of each device; two of one device often come in one chunk, before whoever waits for both can ask for the second. */
  readonly #latest = new Map<string, Seen>();

  static async open(kube: KubeClient, signal: AbortSignal): Promise<RawWatch> {
    const watch = new RawWatch();
    const { metadata } = await kube.get<{ metadata: { resourceVersion: string } }>(`${DEVICES}/devices`, { limit: 1 });
    void watch.#run(kube, metadata.resourceVersion, signal);
    return watch;
  }

  /** The device `namespace/name` as soon as it matches, which it may do already. */
  until(name: string, matches: (device: Device) => boolean): Promise<Seen> {
    const latest = this.#latest.get(name);
    if (latest !== undefined && matches(latest.device)) return Promise.resolve(latest);
    const seen = new Promise<Seen>((resolve) => {
      this.#waiters.add({ name, matches, resolve });
    });
    return within(`${name} is as expected on a raw watch`, seen);
  }

  async #run(kube: KubeClient, resourceVersion: string, signal: AbortSignal): Promise<void> {
    for await (const event of kube.watch<Device>(`${DEVICES}/devices`, { resourceVersion }, signal)) {
      const at = performance.now();
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      const { object } = event;
      const name = `${object.metadata.namespace}/${object.metadata.name}`;
      const seen = { device: object, at };
      this.#latest.set(name, seen);
      for (const waiter of this.#waiters) {
        if (waiter.name !== name || !waiter.matches(object)) continue;
        this.#waiters.delete(waiter);
        waiter.resolve(seen);
      }
    }
  }
}
