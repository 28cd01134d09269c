import { tooManyRequests } from '../../api/status-error.ts';
import type { StatusError } from '../../api/status-error.ts';

export interface PoolLimits {
  /** What all users together may hold. */
  readonly total: number;
  /** What one of them may. */
  readonly ofOne: number;
}

export interface Holding {
  /** Throws 429 where the user may not hold as much; what he held he still holds then. */
  grow(units: number): void;
  /** From now on it is not taken away. */
  pin(): void;
  close(): void;
}

interface Held {
  readonly user: string;
  readonly onTaken: (why: StatusError) => void;
  units: number;
  isPinned: boolean;
}

/**
 * Something of which there is not enough for everybody. One user gets his share and no more. When all is taken, whoever holds less than
 * the one who holds most gets a part of that: several users who act together cannot keep another one out.
 */
export class FairPool {
  readonly #limits: PoolLimits;
  readonly #what: string;
  readonly #onRefused: (user: string, what: string) => void;
  /** Of each user, the oldest first. */
  readonly #held = new Map<string, Set<Held>>();
  readonly #sums = new Map<string, number>();
  #sum = 0;

  /** `what`: its units, in words for whoever gets none. */
  constructor(limits: PoolLimits, what: string, onRefused: (user: string, what: string) => void = () => undefined) {
    this.#limits = limits;
    this.#what = what;
    this.#onRefused = onRefused;
  }

  /** What all users hold. */
  get size(): number {
    return this.#sum;
  }

  /** Throws 429 when there is nothing for the user. `onTaken` is called when it is taken away for the sake of another one. */
  open(user: string, units: number, onTaken: (why: StatusError) => void): Holding {
    const held: Held = { user, onTaken, units: 0, isPinned: false };
    this.#grow(held, units);
    const all = this.#held.get(user) ?? new Set();
    this.#held.set(user, all.add(held));
    return {
      grow: (more) => this.#grow(held, more),
      pin: () => (held.isPinned = true),
      close: () => this.#close(held),
    };
  }

  #grow(held: Held, units: number): void {
    const { total, ofOne } = this.#limits;
    const wanted = this.#sumOf(held.user) + units;
    if (wanted > ofOne) throw this.#refusal(held.user, `one user may have ${ofOne} ${this.#what}`);
    while (this.#sum + units > total) {
      const other = this.#largestAbove(wanted);
      if (other === undefined) throw this.#refusal(held.user, `all users together may have ${total} ${this.#what}`);
      this.#close(other);
      other.onTaken(this.#refusal(other.user, `others wait who have fewer ${this.#what}`));
    }
    this.#add(held, units);
  }

  /** The newest of whoever has most; undefined: nobody has more than `units`. */
  #largestAbove(units: number): Held | undefined {
    let most = units;
    let found: Held | undefined;
    for (const [user, sum] of this.#sums) {
      if (sum <= most) continue;
      const newest = [...(this.#held.get(user) ?? [])].findLast(({ isPinned, units: own }) => !isPinned && own > 0);
      if (newest === undefined) continue;
      most = sum;
      found = newest;
    }
    return found;
  }

  #close(held: Held): void {
    this.#add(held, -held.units);
    const all = this.#held.get(held.user);
    all?.delete(held);
    if (all?.size === 0) this.#held.delete(held.user);
  }

  #add(held: Held, units: number): void {
    held.units += units;
    this.#sum += units;
    const sum = this.#sumOf(held.user) + units;
    if (sum === 0) this.#sums.delete(held.user);
    else this.#sums.set(held.user, sum);
  }

  #sumOf(user: string): number {
    return this.#sums.get(user) ?? 0;
  }

  #refusal(user: string, why: string): StatusError {
    this.#onRefused(user, this.#what);
    return tooManyRequests(`too many requests for the Mir view: ${why}; try again later`);
  }
}
