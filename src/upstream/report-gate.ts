/**
 * Keeps one device that talks without pause from taking the time of all others: so many of its reports are read in a second, and of
 * the rest only the newest of each message, when the second is over. Nothing that still stands is lost (decision 0008).
 */
export class ReportGate {
  readonly perSecond: number;
  /** Devices that reported in the second under way: how often. */
  readonly #counts = new Map<string, number>();
  /** Device id → message → newest payload. Bounded by the devices and the messages a device may have. */
  readonly #held = new Map<string, Map<string, Buffer>>();
  readonly #maxMessages: number;
  #secondEndsAt = 0;

  constructor(perSecond: number, maxMessages: number) {
    this.perSecond = perSecond;
    this.#maxMessages = maxMessages;
  }

  /** Whether the report may be read now. A held one is dropped only when it is of one message too many. */
  admit(deviceId: string, message: string, payload: Buffer): 'read' | 'first-held' | 'held' {
    const count = (this.#counts.get(deviceId) ?? 0) + 1;
    this.#counts.set(deviceId, count);
    if (count <= this.perSecond) return 'read';
    const held = this.#held.get(deviceId) ?? new Map<string, Buffer>();
    // Copied: the payload may be a view into a read buffer many times its size.
    if (held.has(message) || held.size < this.#maxMessages) held.set(message, Buffer.from(payload));
    this.#held.set(deviceId, held);
    return count === this.perSecond + 1 ? 'first-held' : 'held';
  }

  /** Once a second is over: what was held in it, to be read now. `now` in milliseconds on a clock that never goes back. */
  *release(now: number): Generator<{ readonly deviceId: string; readonly message: string; readonly payload: Buffer }> {
    if (now < this.#secondEndsAt) return;
    this.#secondEndsAt = now + 1000;
    this.#counts.clear();
    const due = [...this.#held];
    this.#held.clear();
    for (const [deviceId, messages] of due) {
      for (const [message, payload] of messages) yield { deviceId, message, payload };
    }
  }
}
