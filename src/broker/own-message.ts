import type { Clock } from '../base/clock.ts';
import type { PagePort } from './page-port.ts';
import { tick } from './tick.ts';

export interface Ticks {
  readonly clock: Clock;
  readonly tickMs: number;
}

export interface OwnMessagePort extends PagePort {
  /** QoS 1 with RETAIN; resolves at the PUBACK. An empty payload clears. */
  store(topic: string, payload: string): Promise<void>;
}

/** How the broker showed it. */
export interface Shown {
  readonly topic: string;
  readonly retained: boolean;
  /** Ticks since SUBACK. */
  readonly lateTicks: number;
}

/** One message that the operator stores at the broker for itself, to see when and how it is shown. */
export class OwnMessage {
  readonly topic: string;
  readonly #port: OwnMessagePort;
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #newNonce: () => string;
  /** The payload stored last, which tells it from one stored before. */
  #nonce: string | undefined;
  #onSeen: ((topic: string, retained: boolean) => void) | undefined;

  constructor(topic: string, port: OwnMessagePort, { clock, tickMs }: Ticks, newNonce: () => string) {
    this.topic = topic;
    this.#port = port;
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#newNonce = newNonce;
  }

  /** What was stored before, and is shown late, counts for nothing from now on. */
  store(): Promise<void> {
    this.#nonce = this.#newNonce();
    return this.#port.store(this.topic, this.#nonce);
  }

  /** Takes it out of the store, if it was ever to be stored. */
  clear(): void {
    if (this.#nonce !== undefined) this.#port.store(this.topic, '').catch(() => undefined);
  }

  /** To be told of every message that may be it: a broker may say its topic otherwise. */
  see(topic: string, payload: string, retained: boolean): void {
    if (payload === this.#nonce) this.#onSeen?.(topic, retained);
  }

  /** SUBSCRIBE, wait until it is shown, UNSUBSCRIBE. Undefined: not shown in time. Rejects when the broker refuses the filter. */
  async show(filter: string, qos: 0 | 1, waitMs: number, signal: AbortSignal): Promise<Shown | undefined> {
    signal.throwIfAborted();
    const done = new AbortController();
    const stop = AbortSignal.any([signal, done.signal]);
    let lateTicks = 0;
    let shown: Shown | undefined;
    this.#onSeen = (topic, retained) => {
      shown ??= { topic, retained, lateTicks };
      done.abort();
    };
    try {
      const refused = await this.#port.subscribe([filter], qos);
      for (const error of refused.values()) throw error;
      for (; lateTicks * this.#tickMs < waitMs && !stop.aborted; lateTicks += 1)
        await tick(this.#clock, this.#tickMs, stop);
    } finally {
      this.#onSeen = undefined;
    }
    if (!signal.aborted) await this.#port.unsubscribe([filter], qos);
    return shown;
  }
}
