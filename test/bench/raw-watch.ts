/** A watch that does nothing but say when: what a latency is held against. */
import type { Device } from '../../src/api/device.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { DEVICES } from './rig.ts';

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

  static async open(kube: KubeClient, signal: AbortSignal): Promise<RawWatch> {
    const watch = new RawWatch();
    const { metadata } = await kube.get<{ metadata: { resourceVersion: string } }>(`${DEVICES}/devices`, { limit: 1 });
    void watch.#run(kube, metadata.resourceVersion, signal);
    return watch;
  }

  /** The first event from now on of the device `namespace/name` that matches. */
  next(name: string, matches: (device: Device) => boolean): Promise<Seen> {
    return new Promise((resolve) => {
      this.#waiters.add({ name, matches, resolve });
    });
  }

  async #run(kube: KubeClient, resourceVersion: string, signal: AbortSignal): Promise<void> {
    for await (const event of kube.watch<Device>(`${DEVICES}/devices`, { resourceVersion }, signal)) {
      const at = performance.now();
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      const { object } = event;
      const name = `${object.metadata.namespace}/${object.metadata.name}`;
      for (const waiter of this.#waiters) {
        if (waiter.name !== name || !waiter.matches(object)) continue;
        this.#waiters.delete(waiter);
        waiter.resolve({ device: object, at });
      }
    }
  }
}
