import type { Device, DeviceKey } from '../api/device.ts';
import type { RecordedChange } from '../api/history.ts';
import { openMessages, standingOf, tellsSomething } from './outcome.ts';

interface OpenChange {
  /** Undefined: not known, so all of the device's. */
  readonly messages: readonly string[] | undefined;
  /** Where they stood when the history was last written. */
  readonly told: string;
}

/** A fleet is changed alike: most of its devices share one record. */
const MOST_SHARED = 1000;

/** Devices whose newest changes have no final outcome yet. Bounded by the devices. */
export class OpenChanges {
  readonly #open = new Map<DeviceKey, OpenChange>();
  readonly #shared = new Map<string, OpenChange>();

  /** `device` as the history was written for. */
  note(key: DeviceKey, changes: readonly RecordedChange[], device: Device): void {
    const messages = openMessages(changes);
    if (messages === undefined) this.#open.delete(key);
    else this.#open.set(key, this.#share(messages, standingOf(messages, device)));
  }

  /** Found again after a restart: what its history says is not known. True when there may be something to tell. */
  find(key: DeviceKey, messages: readonly string[] | undefined, device: Device): boolean {
    this.#open.set(key, this.#share(messages, ''));
    return this.hasNews(key, device);
  }

  /** True when a status says other things than the history may say. */
  hasNews(key: DeviceKey, device: Device): boolean {
    const open = this.#open.get(key);
    if (open === undefined) return false;
    const standing = standingOf(open.messages, device);
    return standing !== open.told && tellsSomething(standing);
  }

  forget(key: DeviceKey): void {
    this.#open.delete(key);
  }

  #share(messages: readonly string[] | undefined, told: string): OpenChange {
    const name = `${told} ${messages?.join() ?? '*'}`;
    const known = this.#shared.get(name);
    if (known !== undefined) return known;
    if (this.#shared.size >= MOST_SHARED) this.#shared.clear();
    const open = { messages, told };
    this.#shared.set(name, open);
    return open;
  }
}
