import { tooManyRequests } from '../../api/status-error.ts';

export interface GateLimits {
  /** Requests at work at one time. */
  readonly active: number;
  /** Requests that wait for their turn; more are refused. */
  readonly waiting: number;
  /** Watches that are open at one time. */
  readonly watches: number;
}

/**
 * Bounds what clients can make the view do at one time. The view shares a process with the operator: whoever floods it waits in line,
 * or is told to come again (429).
 */
export class Gate {
  readonly #limits: GateLimits;
  readonly #line: (() => void)[] = [];
  #active = 0;
  #watches = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /** Resolves when it is the caller's turn, with what ends it. Rejects with 429, or when `signal` aborts. */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.#active >= this.#limits.active) await this.#wait(signal);
    else this.#active += 1;
    return once(() => this.#leave());
  }

  /** The same for a watch, which is not waited for. */
  openWatch(): () => void {
    if (this.#watches >= this.#limits.watches)
      throw tooManyRequests(`the Mir view serves ${this.#limits.watches} watches at one time; try again later`);
    this.#watches += 1;
    return once(() => (this.#watches -= 1));
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#line.length >= this.#limits.waiting)
      throw tooManyRequests('too many requests for the Mir view at one time; try again later');
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#line.splice(this.#line.indexOf(turn), 1);
        reject(new Error('the client has gone'));
      };
      this.#line.push(turn);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** The place goes to the next in line. */
  #leave(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#active -= 1;
    else next();
  }
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}
