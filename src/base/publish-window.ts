/** Sends one QoS 1 message and calls back once, with the error if there was one. */
type Send = (done: (error?: Error) => void) => void;

interface Waiting {
  readonly send: Send;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Keeps at most `size` QoS 1 publishes without PUBACK; the rest wait in order, at most `queueLimit` of them. MQTT.js itself
 * honours no receive maximum, and a broker may disconnect who exceeds it [MQTT-3.3.4-9].
 */
export class PublishWindow {
  readonly #size: number;
  readonly #queueLimit: number;
  readonly #overflow: () => Error;
  #queue: Waiting[] = [];
  /** Index of the first that waits; the array is cut when half of it is used up. */
  #head = 0;
  readonly #inFlight = new Set<Waiting>();
  #closed: Error | undefined;

  /** `overflow` makes the error of a publish for which there is no room to wait. */
  constructor(size: number, queueLimit: number, overflow = (): Error => tooManyWait(queueLimit)) {
    this.#size = size;
    this.#queueLimit = queueLimit;
    this.#overflow = overflow;
  }

  run(send: Send): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed);
      } else if (this.#inFlight.size < this.#size) {
        this.#start({ send, resolve, reject });
      } else if (this.#queue.length - this.#head < this.#queueLimit) {
        this.#queue.push({ send, resolve, reject });
      } else {
        reject(this.#overflow());
      }
    });
  }

  /** Rejects everything in flight or waiting; whether what was in flight arrived is unknown. */
  close(error: Error): void {
    this.#closed = error;
    const waiting = [...this.#inFlight, ...this.#queue.slice(this.#head)];
    this.#inFlight.clear();
    this.#queue = [];
    this.#head = 0;
    for (const { reject } of waiting) reject(error);
  }

  #start(publish: Waiting): void {
    this.#inFlight.add(publish);
    publish.send((error) => {
      if (!this.#inFlight.delete(publish)) return;
      if (error === undefined) publish.resolve();
      else publish.reject(error);
      this.#next();
    });
  }

  #next(): void {
    const publish = this.#queue[this.#head];
    if (publish === undefined) return;
    this.#head += 1;
    if (this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#start(publish);
  }
}

const tooManyWait = (most: number): Error => new Error(`more than ${most} publishes wait for the broker`);
