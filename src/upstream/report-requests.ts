/** Milliseconds after the birth, and then after each request, at which what is still missing is asked for. */
const WAITS_MS = [5_000, 15_000, 45_000] as const;

interface Expected {
  readonly names: readonly string[];
  asked: number;
  dueAt: number;
}

/**
 * Remembers which reports a birth announced, until they are there or were asked for often enough: a device need not repeat what it
 * thinks the broker still retains. Bounded by the devices. Times in monotonic milliseconds.
 */
export class ReportRequests {
  readonly #expected = new Map<string, Expected>();

  /** A device has just announced that it reports `names`. */
  expect(deviceId: string, names: readonly string[], now: number): void {
    if (names.length > 0) this.#expected.set(deviceId, { names, asked: 0, dueAt: now + WAITS_MS[0] });
  }

  /** The devices to be asked now. `isAnyMissing` tells whether one of the messages of a device has still not arrived. */
  *due(now: number, isAnyMissing: (deviceId: string, names: readonly string[]) => boolean): Generator<string> {
    for (const [deviceId, expected] of this.#expected) {
      if (now < expected.dueAt) continue;
      const wait = WAITS_MS[expected.asked + 1];
      const isWanted = isAnyMissing(deviceId, expected.names);
      if (isWanted) yield deviceId;
      if (!isWanted || wait === undefined) this.#expected.delete(deviceId);
      else Object.assign(expected, { asked: expected.asked + 1, dueAt: now + wait });
    }
  }
}
