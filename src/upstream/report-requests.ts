/** Milliseconds after the birth, and then after each request, at which what is still missing is asked for. */
const WAITS_MS = [5_000, 15_000, 45_000] as const;

interface Expected {
  readonly names: readonly string[];
  readonly dueAt: number;
}

/**
 * Remembers which reports a birth announced, until they are there or were asked for often enough: a device need not repeat what it
 * thinks the broker still retains. Bounded by the devices. Times in monotonic milliseconds.
 */
export class ReportRequests {
  /** By requests made. Within one everybody waits equally long, so the order of insertion is that of turns. */
  readonly #lines = WAITS_MS.map((waitMs) => ({ waitMs, expected: new Map<string, Expected>() }));

  /** A device has just announced that it reports `names`. */
  expect(deviceId: string, names: readonly string[], now: number): void {
    if (names.length === 0) return;
    for (const { expected } of this.#lines) expected.delete(deviceId);
    this.#enter(0, deviceId, names, now);
  }

  /** The devices to be asked now. `isAnyMissing` tells whether one of the messages of a device has still not arrived. */
  *due(now: number, isAnyMissing: (deviceId: string, names: readonly string[]) => boolean): Generator<string> {
    for (const [asked, { expected }] of this.#lines.entries()) {
      for (const [deviceId, { names, dueAt }] of expected) {
        if (now < dueAt) break;
        expected.delete(deviceId);
        if (!isAnyMissing(deviceId, names)) continue;
        this.#enter(asked + 1, deviceId, names, now);
        yield deviceId;
      }
    }
  }

  #enter(asked: number, deviceId: string, names: readonly string[], now: number): void {
    const line = this.#lines[asked];
    line?.expected.set(deviceId, { names, dueAt: now + line.waitMs });
  }
}
