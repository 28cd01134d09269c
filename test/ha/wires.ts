/** TCP proxies in a process of their own: the network between each replica and its API server and broker, which can be cut. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { releaseFromReaper, reapWithUs } from '../real/reaper.ts';

const MAIN = fileURLToPath(new URL('wires-main.ts', import.meta.url));

/** A document on its way from a replica to the broker. */
export interface PassedPublish {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: string;
  readonly what: string;
}

export type WireRequest =
  | { readonly verb: 'open'; readonly targetPort: number; readonly by?: string }
  | { readonly verb: 'cut' | 'hang' | 'restore'; readonly wire: number }
  | { readonly verb: 'publishes' };

export interface WireAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export interface Wire {
  readonly port: number;
  /** Resets every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Carries nothing more and tells nobody; what hung is reset by `restore`. */
  hang(): Promise<void>;
  restore(): Promise<void>;
}

export class Wires {
  readonly #child = fork(MAIN, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #sent = 0;

  constructor() {
    reapWithUs(this.#child.pid ?? 0);
    this.#child.on('message', ({ id, value, error }: WireAnswer) => {
      const waiting = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#child.once('exit', () => {
      for (const waiting of this.#pending.values()) waiting.reject(new Error('the process of the wires is gone'));
    });
  }

  /** A wire to `targetPort` of 127.0.0.1; documents that pass it are noted as published `by`. */
  async open(targetPort: number, by?: string): Promise<Wire> {
    const opened = await this.#ask({ verb: 'open', targetPort, ...(by === undefined ? {} : { by }) });
    const { wire, port } = opened as { wire: number; port: number };
    const tell = async (verb: 'cut' | 'hang' | 'restore'): Promise<void> => void (await this.#ask({ verb, wire }));
    return { port, cut: () => tell('cut'), hang: () => tell('hang'), restore: () => tell('restore') };
  }

  async publishes(): Promise<readonly PassedPublish[]> {
    return (await this.#ask({ verb: 'publishes' })) as readonly PassedPublish[];
  }

  /** Killed: a process whose sockets are reset under it may take its time. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    releaseFromReaper(this.#child.pid ?? 0);
  }

  #ask(request: WireRequest): Promise<unknown> {
    this.#sent += 1;
    const id = this.#sent;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.send({ id, ...request });
    });
  }
}
