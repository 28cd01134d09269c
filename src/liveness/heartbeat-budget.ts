/**
 * Who may have a heartbeat written, when nothing else is written for them.
 *
 * Heartbeats are many and say little: they ride along on other writes, and alone they get a fixed number of writes a second for the
 * whole fleet. Those who waited longest go first, so with a fleet of any size every device gets its turn.
 */
export class HeartbeatBudget {
  readonly #perSecond: number;
  /** Insertion order is waiting order. Bounded by the number of devices. */
  readonly #waiting = new Set<string>();
  #allowance = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  add(deviceId: string): void {
    this.#waiting.add(deviceId);
  }

  /** The heartbeat was written along with something else, or the device is gone. */
  remove(deviceId: string): void {
    this.#waiting.delete(deviceId);
  }

  /** Those whose turn it is after `elapsedMs`; unused turns are not saved up beyond one second, and the one in the making. */
  take(elapsedMs: number): string[] {
    // Without the one in the making, less than one a second would never come to a whole turn.
    this.#allowance = Math.min(this.#allowance + (elapsedMs / 1000) * this.#perSecond, this.#perSecond + 1);
    const turn: string[] = [];
    for (const deviceId of this.#waiting) {
      if (this.#allowance < 1) break;
      this.#allowance -= 1;
      this.#waiting.delete(deviceId);
      turn.push(deviceId);
    }
    return turn;
  }
}
