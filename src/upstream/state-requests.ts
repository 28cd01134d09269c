/** Devices asked each time: nobody waits for it, and a fleet of new objects has other things to do. */
const AT_ONCE = { calm: 50, busy: 5 };
/** A device that connects at the same time as the operator announces itself within this time by itself. */
const WAIT_MS = 10_000;
/** Questions that a broker may refuse in a row. */
const MOST_TRIES = 4;

interface Turn {
  readonly dueAt: number;
  /** Questions so far. */
  readonly tries: number;
}

/**
 * Devices to be asked for their state, because nobody knows whether they are connected: one that was connected before its object came
 * has no reason to announce itself again (decision 0051). Each is looked at again `WAIT_MS` after its question, which the broker may have
 * refused. Bounded by the devices. Times in monotonic milliseconds.
 */
export class StateRequests {
  /** Devices that were connected when their former object went. */
  readonly #known = new Set<string>();
  /** Those of which nothing is known, or whose question may not have been taken, in the order of their turns. */
  readonly #waiting = new Map<string, Turn>();

  add(deviceId: string, isKnown: boolean, now: number): void {
    if (isKnown) this.#known.add(deviceId);
    // Who is read again and again keeps its turn, or everyone behind it would wait.
    else if (!this.#waiting.has(deviceId)) this.#wait(deviceId, 0, now);
  }

  /** The devices whose turn it is. `isAsked` asks one, and tells whether that was needed. */
  tick(now: number, isCalm: boolean, isAsked: (deviceId: string) => boolean): void {
    let left = isCalm ? AT_ONCE.calm : AT_ONCE.busy;
    const ask = (deviceId: string, tries: number): void => {
      if (!isAsked(deviceId)) return;
      left -= 1;
      if (tries < MOST_TRIES) this.#wait(deviceId, tries, now);
    };
    for (const deviceId of this.#known) {
      if (left <= 0) return;
      this.#known.delete(deviceId);
      ask(deviceId, 1);
    }
    for (const [deviceId, { dueAt, tries }] of this.#waiting) {
      if (left <= 0 || dueAt > now) return;
      this.#waiting.delete(deviceId);
      ask(deviceId, tries + 1);
    }
  }

  #wait(deviceId: string, tries: number, now: number): void {
    // Last in the order, also where it waits already.
    this.#waiting.delete(deviceId);
    this.#waiting.set(deviceId, { dueAt: now + WAIT_MS, tries });
  }
}
