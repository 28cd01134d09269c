import { Buffer } from 'node:buffer';
import type { IncomingMessage } from '../mqtt/broker.ts';

/**
 * The time in which stored messages of one device may arrive: from the moment its page is asked for until a while after the end.
 *
 * Brokers send stored and live messages side by side, so a stored one may come after a live one that replaced it. While the window
 * is open it keeps the newest live payload per topic, and that is what a stored message means. Bounded by the topics of one
 * device that are heard in the window; dropped with the connection, because what was missed in between is only in the store.
 */
export class ReadWindow {
  readonly #newest = new Map<string, Buffer>();
  /** Monotonic milliseconds; infinite while a page of the device is asked for or under way. */
  closesAt = Number.POSITIVE_INFINITY;

  hear({ topic, payload }: IncomingMessage): void {
    // A copy: the payload is a slice of a much larger read from the socket.
    this.#newest.set(topic, Buffer.from(payload));
  }

  /** The newest live payload of `topic`; undefined when none was heard, so that the stored one counts. */
  heard(topic: string): Buffer | undefined {
    return this.#newest.get(topic);
  }
}
