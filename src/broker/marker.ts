import { BrokerError } from './broker.ts';
import type { OwnMessage } from './own-message.ts';

/** How long a round waits to be shown the marker, the first time, the second… */
const WAITS_MS: readonly number[] = [1000, 2000, 4000, 8000, 16_000];

/** Asked for over and over, for half a minute. */
export class NotShown extends BrokerError {
  constructor() {
    super('transient', 'the broker does not show what it stores');
  }
}

/**
 * Tells a broker that has shown all it holds from one that has not come to it yet: a message that is surely stored is asked for behind
 * what was asked for, and when it is shown, so was the rest. Quiet alone proves nothing of a broker that looks its store up after
 * SUBACK, on a machine that is busy (decision 0096).
 */
export class Marker {
  readonly #message: OwnMessage;
  readonly #filter: string;
  readonly #qos: () => 0 | 1;
  readonly #signal: AbortSignal;
  #isStored = false;
  /** The round that was asked for last. */
  #last: Promise<void> = Promise.resolve();
  /** The round that has not begun, which all share that ask for it now. */
  #next: Promise<void> | undefined;

  /** `signal`: the end of the connection. */
  constructor(message: OwnMessage, filter: string, qos: () => 0 | 1, signal: AbortSignal) {
    this.#message = message;
    this.#filter = filter;
    this.#qos = qos;
    this.#signal = signal;
  }

  /**
   * Resolves when the broker has shown it to a SUBSCRIBE behind everything that was sent before this call, or does not let us ask for
   * it. Rejects with NotShown when it shows nothing for half a minute.
   */
  passed(): Promise<void> {
    this.#next ??= this.#last = this.#begin(this.#last);
    return this.#next;
  }

  /** Takes it out of the store, at the end of a connection. */
  clear(): void {
    this.#message.clear();
  }

  async #begin(former: Promise<void>): Promise<void> {
    await former.catch(() => undefined);
    // Pages that begin in one turn of the event loop share a round.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    this.#next = undefined;
    await this.#round();
  }

  async #round(): Promise<void> {
    for (const waitMs of WAITS_MS) {
      if (await this.#isShown(waitMs)) return;
      this.#signal.throwIfAborted();
      // Somebody may have emptied the store.
      this.#isStored = false;
    }
    throw new NotShown();
  }

  async #isShown(waitMs: number): Promise<boolean> {
    try {
      if (!this.#isStored) await this.#message.store();
      this.#isStored = true;
      return (await this.#message.show(this.#filter, this.#qos(), waitMs, this.#signal)) !== undefined;
    } catch (error) {
      // One that grants so many filters, or none but those of devices, is read by quiet alone.
      if (error instanceof BrokerError && error.kind === 'refused') return true;
      throw error;
    }
  }
}
