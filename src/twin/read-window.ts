import { Buffer } from 'node:buffer';

/**
 * The time in which stored messages of one device may arrive: from the moment its page is asked for until a while after the end.
 *
 * Brokers send stored and live messages side by side, so a stored one may come after a live one that replaced it. While the window is open
 * it keeps the newest live payload per topic, and that is what a stored message means (decision 0013). What is kept has passed the limits
 * of size and rate, and of more topics than a device may have the first count; dropped with the connection, because what was missed in
 * between is only in the store.
 */
export class ReadWindow {
  readonly #newest = new Map<string, Buffer>();
  readonly #maxTopics: number;

  constructor(maxTopics: number) {
    this.#maxTopics = maxTopics;
  }

  hear(topic: string, payload: Buffer): void {
    if (this.#newest.size >= this.#maxTopics && !this.#newest.has(topic)) return;
    // A copy: the payload is a slice of a much larger read from the socket.
    this.#newest.set(topic, Buffer.from(payload));
  }

  /** The newest live payload of `topic`; undefined when none was heard, so that the stored one counts. */
  heard(topic: string): Buffer | undefined {
    return this.#newest.get(topic);
  }
}
