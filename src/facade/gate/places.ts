import type { PoolLimits } from './fair-pool.ts';

/** Where a request is at work; it is left while the request waits for its client, so that nobody waits for a slow one. */
export interface Place {
  leave(): void;
  /** Waits for a place again. Rejects with the reason of `signal`. */
  resume(signal: AbortSignal): Promise<void>;
}

/** The places at which requests are worked at. Those who wait get the next one in turn: one user after the other, each in his own order. */
export class Places {
  readonly #limits: PoolLimits;
  /** Whose turn is next comes first. */
  readonly #lines = new Map<string, (() => void)[]>();
  readonly #taken = new Map<string, number>();
  #sum = 0;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  /** Resolves when it is the caller's turn. Rejects with the reason of `signal`. */
  async enter(user: string, signal: AbortSignal): Promise<Place> {
    await this.#take(user, signal);
    let isTaken = true;
    return {
      leave: () => {
        if (isTaken) this.#release(user);
        isTaken = false;
      },
      resume: async (ended) => {
        await this.#take(user, ended);
        isTaken = true;
      },
    };
  }

  async #take(user: string, signal: AbortSignal): Promise<void> {
    // Those who wait while there is a place left have their share.
    if (this.#isFreeFor(user)) return this.#add(user, 1);
    if (signal.aborted) throw signal.reason;
    await new Promise<void>((resolve, reject) => {
      const line = this.#lines.get(user) ?? [];
      this.#lines.set(user, line);
      const turn = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        line.splice(line.indexOf(turn), 1);
        if (line.length === 0) this.#lines.delete(user);
        reject(signal.reason as Error);
      };
      line.push(turn);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #release(user: string): void {
    this.#add(user, -1);
    for (const [next, line] of this.#lines) {
      if (!this.#isFreeFor(next)) continue;
      this.#lines.delete(next);
      const turn = line.shift();
      if (line.length > 0) this.#lines.set(next, line);
      this.#add(next, 1);
      turn?.();
      return;
    }
  }

  #isFreeFor(user: string): boolean {
    return this.#sum < this.#limits.total && (this.#taken.get(user) ?? 0) < this.#limits.ofOne;
  }

  #add(user: string, count: number): void {
    this.#sum += count;
    const taken = (this.#taken.get(user) ?? 0) + count;
    if (taken === 0) this.#taken.delete(user);
    else this.#taken.set(user, taken);
  }
}
