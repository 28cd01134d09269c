import type { Clock } from '../base/clock.ts';

/**
 * Names of the messages whose newest report is still to be sent. It holds names, not reports, so that it cannot grow beyond the
 * messages of the device and what is sent is the newest at that moment.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #pending = new Set<string>();
  readonly #inFlight = new Set<string>();
  readonly #later = new Map<string, () => void>();
  #send: ((name: string) => Promise<void>) | undefined;
  #pumping: NodeJS.Immediate | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends from now on; `send` resolves when the broker has the report. */
  attach(send: (name: string) => Promise<void>): void {
    this.#send = send;
    this.#schedule();
  }

  /** Stops sending; what was not confirmed stays to be sent. */
  detach(): void {
    this.#send = undefined;
    for (const name of this.#inFlight) this.#pending.add(name);
    this.#inFlight.clear();
    clearImmediate(this.#pumping);
    this.#pumping = undefined;
    this.#cancelLater();
    this.#resolveIfIdle();
  }

  add(name: string): void {
    this.#later.get(name)?.();
    this.#later.delete(name);
    this.#pending.add(name);
    this.#schedule();
  }

  /**
   * Adds each name at a random moment within `spreadMs`, so that a fleet that reconnects does not report all at once. What
   * already waits is not held back.
   */
  addSpread(names: Iterable<string>, spreadMs: number): void {
    for (const name of names) {
      if (this.#pending.has(name)) continue;
      this.#later.get(name)?.();
      this.#later.set(
        name,
        this.#clock.after(Math.random() * spreadMs, () => this.add(name)),
      );
    }
  }

  /** Something is to be sent that nobody has confirmed. */
  get hasWaiting(): boolean {
    return this.#pending.size + this.#inFlight.size + this.#later.size > 0;
  }

  /** Sends at once what waits for its moment; resolves when nothing waits to be sent, or nothing can be. */
  flush(): Promise<void> {
    this.#cancelLater();
    this.#schedule();
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#resolveIfIdle();
    });
  }

  /** On the next turn of the event loop, so that an acknowledgement and an immediate result become one report. */
  #schedule(): void {
    if (this.#send === undefined || this.#pumping !== undefined) return;
    this.#pumping = setImmediate(() => {
      this.#pumping = undefined;
      for (const name of this.#pending) if (!this.#inFlight.has(name)) this.#sendOne(name);
    });
  }

  #sendOne(name: string): void {
    const send = this.#send;
    if (send === undefined) return;
    this.#pending.delete(name);
    this.#inFlight.add(name);
    const finish = (isSent: boolean): void => {
      // A connection that is gone has nothing to say about what the next one sends.
      if (this.#send !== send) return;
      this.#inFlight.delete(name);
      if (!isSent) this.addSpread([name], RETRY_MS);
      else if (this.#pending.has(name)) this.#schedule();
      this.#resolveIfIdle();
    };
    send(name).then(
      () => finish(true),
      () => finish(false),
    );
  }

  #cancelLater(): void {
    for (const [name, cancel] of this.#later) {
      cancel();
      this.#pending.add(name);
    }
    this.#later.clear();
  }

  #resolveIfIdle(): void {
    if (this.#send !== undefined && this.#pending.size + this.#inFlight.size > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}

/** A refused report is tried again within this time: the refusal may be a limit that passes. */
const RETRY_MS = 10_000;
