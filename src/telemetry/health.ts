import type { Clock } from '../base/clock.ts';

/** One line of a health listing; `problem` is absent when all is well. */
export interface Check {
  readonly name: string;
  readonly problem?: string;
  /** Worth knowing, and no reason to fail. */
  readonly note?: string;
}

/** What `/healthz` and `/readyz` know. Liveness asks whether loops make progress, readiness whether this replica can do its work. */
export interface Health {
  /**
   * Registers a loop that makes progress at least every `maxSilenceMs`, until `signal` aborts: a loop that has ended is not stuck.
   * Call what is returned whenever it does.
   */
  loop(name: string, maxSilenceMs: number, signal: AbortSignal): () => void;
  /** Registers a readiness check; `problem` answers undefined when all is well. */
  ready(name: string, problem: () => string | undefined): void;
  /**
   * Registers a line of the readiness listing that never fails, until `signal` aborts; `text` answers undefined while there is nothing to
   * say.
   */
  note(name: string, text: () => string | undefined, signal: AbortSignal): void;
  liveness(): readonly Check[];
  readiness(): readonly Check[];
}

export function createHealth(clock: Clock): Health {
  const loops = new Set<() => Check>();
  const readiness = new Set<() => Check>();
  const check = (name: string, problem: string | undefined): Check =>
    problem === undefined ? { name } : { name, problem };
  return {
    loop(name, maxSilenceMs, signal) {
      let progressedAt = clock.monotonic();
      const judge = (): Check => {
        const silenceMs = clock.monotonic() - progressedAt;
        const isStuck = silenceMs > maxSilenceMs;
        return check(name, isStuck ? `no progress for ${Math.round(silenceMs / 1000)} s` : undefined);
      };
      loops.add(judge);
      signal.addEventListener('abort', () => loops.delete(judge), { once: true });
      return () => {
        progressedAt = clock.monotonic();
      };
    },
    ready(name, problem) {
      readiness.add(() => check(name, problem()));
    },
    note(name, text, signal) {
      const line = (): Check => {
        const note = text();
        return note === undefined ? { name } : { name, note };
      };
      readiness.add(line);
      signal.addEventListener('abort', () => readiness.delete(line), { once: true });
    },
    liveness: () => [...loops].map((judge) => judge()),
    readiness: () => [...readiness].map((run) => run()),
  };
}
