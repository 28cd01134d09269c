import type { Clock } from '../base/clock.ts';

export type BrokerHealth = 'up' | 'briefly-down' | 'down';

/** A broker away for longer is worth telling on objects whose change waits for it. */
const DOWN_AFTER_MS = 10_000;

/** How the broker is: what is not published may be on its way, or stuck. */
export class BrokerOutage {
  readonly #clock: Clock;
  /** Monotonic milliseconds; undefined: it is connected. */
  #lostAt: number | undefined;
  #isDown = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lostAt = clock.monotonic();
  }

  get health(): BrokerHealth {
    if (this.#lostAt === undefined) return 'up';
    return this.#isDown ? 'down' : 'briefly-down';
  }

  onConnected(): void {
    this.#lostAt = undefined;
    this.#isDown = false;
  }

  onDisconnected(): void {
    this.#lostAt = this.#clock.monotonic();
  }

  /** True once, when the outage has lasted for so long that it is worth telling. */
  becomesDown(): boolean {
    if (this.#isDown || this.#lostAt === undefined) return false;
    this.#isDown = this.#clock.monotonic() - this.#lostAt >= DOWN_AFTER_MS;
    return this.#isDown;
  }
}
