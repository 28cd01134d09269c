/** Real milliseconds of work in one turn of the event loop after which timers and sockets get theirs. */
const LONG_MS = 10;

/**
 * Work that finds nothing to do, or waits for nothing but promises that are kept already, ends in the turn of the event loop in which it
 * began. 100,000 keys after a restart are ten seconds of it: no socket is read meanwhile, no timer fires, and the Lease is lost. So
 * whoever works in a loop asks before each piece whether it is time to take breath.
 */
export class Breath {
  /** Resolves in the next turn; present in a turn in which somebody has worked. */
  #next: Promise<void> | undefined;
  #beganAt = 0;

  /** What to wait for before the next piece of work; undefined: nothing. */
  due(): Promise<void> | undefined {
    // Not the injected clock: this is about how long the processor has been busy.
    const now = performance.now();
    if (this.#next !== undefined) return now - this.#beganAt < LONG_MS ? undefined : this.#next;
    this.#beganAt = now;
    this.#next = new Promise((resolve) => {
      setImmediate(() => {
        this.#next = undefined;
        resolve();
      });
    });
    return undefined;
  }
}
