import { backoffMs, spread } from '../base/backoff.ts';
import { messageOf } from '../base/message-of.ts';
import { delay } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { Rejected } from './handlers.ts';
import type { Applied, DesiredHandler, WithdrawnHandler } from './handlers.ts';
import type { MessageValue, StoredEntry } from './store.ts';
import { TaskRunner } from './task-runner.ts';

/** Who keeps the entries, and what a handler's outcome does to them. */
export interface RunnerPorts {
  readonly clock: Clock;
  /** The entry as it is now. */
  entryOf(message: string): StoredEntry | undefined;
  onApplied(message: string, value: MessageValue, applied: Applied): void;
  /** The handler said no, or has failed and is tried again. */
  onUnapplied(message: string, decision: 'rejected' | 'accepted', reason: string): void;
  onWithdrawn(message: string): void;
  fail(what: string, reason: string): void;
}

/** Gives values to their handlers, one at a time for each message, again and again until a handler applies or rejects. */
export class HandlerRunner {
  readonly #ports: RunnerPorts;
  readonly #handlers = new Map<string, { readonly apply: DesiredHandler; readonly withdraw?: WithdrawnHandler }>();
  readonly #tasks = new TaskRunner();
  /** Messages whose value in effect differs from their entry and has not been given to a handler of this process yet. */
  readonly #unresumed = new Set<string>();

  constructor(ports: RunnerPorts) {
    this.#ports = ports;
  }

  register(message: string, apply: DesiredHandler, withdraw?: WithdrawnHandler): void {
    this.#handlers.set(message, { apply, ...(withdraw !== undefined && { withdraw }) });
  }

  /** The process starts: what was in effect when the last one ended is applied before the entry itself. */
  start(entries: ReadonlyMap<string, StoredEntry>): void {
    for (const [message, { inEffect }] of entries) if (inEffect !== undefined) this.#unresumed.add(message);
    for (const [message, entry] of entries) {
      if (entry.withdrawn === true) this.withdraw(message);
      else if (entry.done !== true) this.apply(message, entry);
    }
  }

  abortAll(): void {
    this.#tasks.abortAll();
  }

  /** The value in effect is that of the entry again. */
  forgetFormer(message: string): void {
    this.#unresumed.delete(message);
  }

  apply(message: string, { value, revision }: StoredEntry): void {
    const handler = this.#handlers.get(message)?.apply ?? unhandled(message);
    this.#tasks.run(message, async (signal) => {
      // Once, so that a value that cannot be applied any more does not stand in the way of the next one.
      await this.#resume(message, signal).catch((error: unknown) => this.#tellUnresumed(message, error));
      await this.#persist(message, signal, async () => {
        const applied = await handler(value, { revision, signal });
        if (!signal.aborted) this.#ports.onApplied(message, value, applied ?? {});
      });
      if (!signal.aborted && this.#unresumed.has(message)) await this.#resumePatiently(message, signal);
    });
  }

  withdraw(message: string): void {
    const handler = this.#handlers.get(message)?.withdraw;
    this.#tasks.run(message, (signal) =>
      this.#persist(message, signal, async () => {
        await handler?.({ signal });
        if (!signal.aborted) this.#ports.onWithdrawn(message);
      }),
    );
  }

  /** Gives the handler what was in effect when the process ended; throws what the handler does. */
  async #resume(message: string, signal: AbortSignal): Promise<void> {
    const entry = this.#ports.entryOf(message);
    if (!this.#unresumed.has(message) || entry?.inEffect === undefined || signal.aborted) return;
    await this.#handlers.get(message)?.apply(entry.inEffect, { revision: entry.revision, signal });
    if (!signal.aborted) this.#unresumed.delete(message);
  }

  /** The entry was rejected again: what was in effect is what the device has to be. */
  async #resumePatiently(message: string, signal: AbortSignal): Promise<void> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      await delay(this.#ports.clock, retryDelayMs(failures), signal);
      try {
        return await this.#resume(message, signal);
      } catch (error) {
        if (error instanceof Rejected) return;
        if (!signal.aborted) this.#tellUnresumed(message, error);
      }
    }
  }

  #tellUnresumed(message: string, error: unknown): void {
    this.#ports.fail(`handler of ${message}`, `the value in effect could not be applied: ${messageOf(error)}`);
  }

  /** Tries `step` until it succeeds, says no or is overtaken. What it throws is a fault of this device, not of the value. */
  async #persist(message: string, signal: AbortSignal, step: () => Promise<void>): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        return await step();
      } catch (error) {
        if (signal.aborted) return;
        const reason = messageOf(error);
        if (error instanceof Rejected) return this.#ports.onUnapplied(message, 'rejected', reason);
        const retryInMs = retryDelayMs(failures);
        this.#ports.fail(`handler of ${message}`, `${reason}; tried again in ${retryInMs} ms`);
        this.#ports.onUnapplied(message, 'accepted', `not applied yet, handler failed: ${reason}`);
        await delay(this.#ports.clock, retryInMs, signal);
      }
    }
  }
}

function retryDelayMs(failures: number): number {
  return Math.round(spread(backoffMs(failures, FIRST_RETRY_MS, MAX_RETRY_MS)));
}

function unhandled(message: string): DesiredHandler {
  return () => {
    throw new Rejected(`this device has no handler for ${message}`);
  };
}

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 5 * 60_000;
