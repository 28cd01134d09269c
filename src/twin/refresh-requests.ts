import type { DeviceKey } from '../api/device.ts';
import { refreshRequestOf } from '../api/refresh.ts';

interface Annotated {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

/**
 * Which requests for a device's reports are new (decision 0071). What stands on an object that was not known before is no request of
 * now: it was made of a former leader, or in another life of the cluster. Bounded by the objects.
 */
export class RefreshRequests {
  readonly #known = new Map<DeviceKey, string>();

  /** True when somebody asks who had not asked when the object was last seen. */
  isNew(key: DeviceKey, { metadata }: Annotated, isUpdate: boolean): boolean {
    const asked = refreshRequestOf(metadata.annotations);
    const before = this.#known.get(key);
    if (asked === before) return false;
    if (asked === undefined) this.#known.delete(key);
    else this.#known.set(key, asked);
    return isUpdate && asked !== undefined;
  }

  forget(key: DeviceKey): void {
    this.#known.delete(key);
  }
}
