/** Devices asked each time: nobody waits for it, and a fleet of new objects has other things to do. */
const AT_ONCE = { calm: 50, busy: 5 };
/** A device that connects at the same time as the operator announces itself within this time by itself. */
const WAIT_MS = 10_000;

/**
 * Devices to be asked for their state, because nobody knows whether they are connected: one that was connected before its object came
 * has no reason to announce itself again (decision 0051). Each is asked once. Bounded by the devices. Times in monotonic milliseconds.
 */
export class StateRequests {
  /** Devices that were connected when their former object went. */
  readonly #known = new Set<string>();
  /** Those of which nothing is known, in the order of their turns. */
  readonly #unknown = new Map<string, number>();

  add(deviceId: string, isKnown: boolean, now: number): void {
    if (isKnown) this.#known.add(deviceId);
    // Who is read again and again keeps its turn, or everyone behind it would wait.
    else if (!this.#unknown.has(deviceId)) this.#unknown.set(deviceId, now + WAIT_MS);
  }

  /** The devices whose turn it is. `isAsked` asks one, and tells whether that was needed. */
  tick(now: number, isCalm: boolean, isAsked: (deviceId: string) => boolean): void {
    let left = isCalm ? AT_ONCE.calm : AT_ONCE.busy;
    for (const deviceId of this.#known) {
      if (left <= 0) return;
      this.#known.delete(deviceId);
      if (isAsked(deviceId)) left -= 1;
    }
    for (const [deviceId, dueAt] of this.#unknown) {
      if (left <= 0 || dueAt > now) return;
      this.#unknown.delete(deviceId);
      if (isAsked(deviceId)) left -= 1;
    }
  }
}
